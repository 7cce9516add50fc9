"""The training loop: steps, schedules, validation, checkpoints.

A loop of our own around `DeblurringGAN.train_step`, the same for one device
and for a `tf.distribute` strategy of one host; Keras's `fit` resumes only at
whole epochs and cannot be put under a strategy of several hosts.
"""

import pathlib
import time
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
import tqdm

from sis_keras.data.batches import training_batches
from sis_keras.data.crops import Crops
from sis_keras.evaluation.sheet import before_after
from sis_keras.networks.inception import freeze_batch_norm
from sis_keras.restoring.restorer import KerasRestorer, restore
from sis_keras.training import validation
from sis_keras.training.checkpoint import restore_checkpoint, save_checkpoint
from sis_keras.training.gan import DeblurringGAN
from sis_keras.training.log import RunLog
from sis_keras.training.run import (
    BEST,
    LAST,
    check_output,
    first_signal,
    stopped,
    training_lost,
)
from sis_keras.training.throughput import multiply_adds
from sis_keras.weights.card import without_places
from sis_keras.weights.generators import save_weights

SHOWN_PICTURES = 4
SHOWN_SIZE = 480


class TrainingRun:
    """One run in one folder, from its first step or from its last checkpoint.

    Leaves in `output`: `best.safetensors` (the product that validated
    best), `last.safetensors` (the whole state), `training.csv`,
    `validation.csv`, `tensorboard/`.

    Args:
        gan: Compiled, made under `strategy.scope()` where one is given.
        arguments: Of `build_generator`; they go into every file.
        crops: What is trained on.
        examples: Gives `(group, name, blurry, sharp)` anew at each call.
        output: The run's folder.
        batch_size: Of all replicas together.
        steps: Of the whole run.
        settings: What must be equal for a resume to be exact.
        log_every, validate_every, checkpoint_every: In steps.
        freeze_batch_norm_at: From this step on batch normalisation trains on
            its averages; None is never.
        most_skipped: So many steps in a row may be not finite.
        jit_compile: XLA.
        strategy: Of `tf.distribute`.
    """

    def __init__(
        self,
        gan: DeblurringGAN,
        arguments: dict,
        crops: Crops,
        examples: Callable[[], Iterable],
        output,
        batch_size: int,
        steps: int,
        settings: dict | None = None,
        log_every: int = 20,
        validate_every: int = 500,
        checkpoint_every: int = 200,
        freeze_batch_norm_at: int | None = None,
        most_skipped: int = 5,
        jit_compile: bool = False,
        strategy: tf.distribute.Strategy | None = None,
    ):
        self.gan, self.arguments, self.crops = gan, arguments, crops
        self.validation, self.output = examples, pathlib.Path(output)
        self.batch_size, self.steps = batch_size, steps
        self.settings = settings or {}
        self.log_every, self.validate_every = log_every, validate_every
        self.checkpoint_every = checkpoint_every
        self.freeze_at = freeze_batch_norm_at
        self.most_skipped = most_skipped
        self.jit_compile = jit_compile
        self.strategy = strategy or tf.distribute.get_strategy()
        self.step, self.best_step = 0, 0
        self.best: tuple[bool, float] | None = None
        self._restore = KerasRestorer(gan.averaged_generator)
        self._logs: list[dict] = []
        self._stopped_by: str | None = None
        # Forward once, backward twice; a multiplication and an addition.
        size = crops.crop_size
        adds = multiply_adds(gan.generator, size, size)
        self._step_flops = 6.0 * batch_size * adds
        self._window: tuple[float, int] | None = None
        self._paused = 0.0

    @property
    def best_path(self) -> pathlib.Path:
        return self.output / BEST

    @property
    def last_path(self) -> pathlib.Path:
        return self.output / LAST

    def resume(self) -> None:
        """Goes on where `last.safetensors` was written, bit for bit.

        Raises:
            UserError: There is none, or it is another run's.
        """
        check_output(self.output, resume=True)
        state = restore_checkpoint(
            self.last_path, self.gan, self.arguments, self.settings
        )
        self.step = state["step"]
        self.best = validation.best_of(state)
        self.best_step = state["best_step"]
        self._logs = state["logs"]

    def run(self) -> None:
        """Trains to the last step.

        Raises:
            UserError: Ctrl-C or SIGTERM came (all is saved then), or too
                many steps in a row were not finite.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        self.log = RunLog(self.output, self.step)
        self._trace()
        if self.step == 0:
            self._validate()
            self._checkpoint()
        progress = tqdm.tqdm(
            total=self.steps,
            initial=self.step,
            unit="step",
            desc="training",
            mininterval=1.0,
        )
        if self.step < self.steps:
            # The first pool may take minutes, in which a signal ends all.
            self.crops.at(self.step)
        with progress, first_signal(self._stop):
            for batch in self._batches():
                self._one_step(batch, progress)
                if self.step >= self.steps or self._stopped_by:
                    break
        self._checkpoint()
        if self._stopped_by:
            raise stopped(self._stopped_by, self.step, self.steps, self.output)

    def _batches(self):
        """Endless, from the present step on."""
        while self.step < self.steps and not self._stopped_by:
            crops, end = self.crops.at(self.step)
            dataset = training_batches(crops, self.batch_size, self.step)
            if end is not None:
                dataset = dataset.take(end - self.step)
            yield from self.strategy.experimental_distribute_dataset(dataset)

    def _stop(self, name):
        self._stopped_by = name

    def _trace(self):
        def step(batch):
            logs = self.strategy.run(self.gan.train_step, args=(batch,))
            return {
                key: self.strategy.reduce("MEAN", value, axis=None)
                for key, value in logs.items()
            }

        if self.freeze_at is not None and self.step >= self.freeze_at:
            freeze_batch_norm(self.gan.generator)
        self._step = tf.function(
            step, jit_compile=self.jit_compile, autograph=False
        )

    def _one_step(self, batch, progress):
        self._logs.append(self._step(batch))
        self.step += 1
        progress.update()
        if self.step % self.log_every == 0 or self.step == self.steps:
            progress.set_postfix(psnr=f"{self._write_logs()['psnr']:.2f}")
            self._stop_if_lost()
        trained = time.monotonic()
        if self.step % self.validate_every == 0 or self.step == self.steps:
            self._validate()
        if self.step % self.checkpoint_every == 0:
            self._checkpoint()
        if self.step == self.freeze_at:
            self._trace()
        self._paused += time.monotonic() - trained

    def _write_logs(self):
        """Means since the last row; a skipped step's are left out."""
        rows = [{k: float(v) for k, v in row.items()} for row in self._logs]
        self._logs = []
        used = [row for row in rows if not row["skipped"]] or rows
        means = {k: float(np.mean([row[k] for row in used])) for k in rows[0]}
        means["skipped"] = sum(row["skipped"] for row in rows)
        means["learning_rate"] = self._number(
            self.gan.generator_optimizer.learning_rate
        )
        means |= self._rates()
        self.log.scalars("training", self.step, means)
        return means

    def _rates(self):
        """Since the last row, without validation and checkpoints.

        The first row has none: it compiles.
        """
        now = time.monotonic()
        start, step = self._window or (now, self.step)
        seconds = now - start - self._paused
        rate = (self.step - step) / seconds if seconds > 0.0 else 0.0
        self._window, self._paused = (now, self.step), 0.0
        return {
            "steps_per_second": rate,
            "gflops": rate * self._step_flops / 1e9,
        }

    def _number(self, scalar):
        """A scalar, of which each replica may hold a copy."""
        copies = getattr(scalar, "value", scalar)
        return float(self.strategy.experimental_local_results(copies)[0])

    def _stop_if_lost(self):
        in_a_row = int(self._number(self.gan.skipped_in_a_row))
        if in_a_row >= self.most_skipped:
            self._checkpoint()
            raise training_lost(self.step, in_a_row, self.last_path)

    def _checkpoint(self):
        state = {
            "step": self.step,
            "best": self.best,
            "best_step": self.best_step,
            "settings": self.settings,
            "logs": [
                {k: float(v) for k, v in row.items()} for row in self._logs
            ],
        }
        save_checkpoint(self.last_path, self.gan, self.arguments, state)

    # === Validation ===

    def _validate(self):
        """Whole frames through the product; keeps the best one's weights."""
        left = SHOWN_PICTURES

        def show(name, *pictures):
            nonlocal left
            left -= 1
            if left >= 0:
                shown = before_after(*map(_middle, pictures))
                self.log.picture(name, self.step, shown)

        row = validation.validated(
            lambda blurry, name: restore(self._restore, blurry, name)[0],
            self.validation(),
            show,
        )
        self.log.scalars("validation", self.step, row)
        tqdm.tqdm.write(f"step {self.step}: {validation.told(row)}")
        if self.best is None or validation.rank(row) > self.best:
            self.best, self.best_step = validation.rank(row), self.step
            card = {"step": self.step, "validation": row, **self.settings}
            card = without_places(card)
            save_weights(
                self.best_path,
                self.gan.averaged_generator,
                self.arguments,
                card,
            )


def _middle(picture):
    """The middle of a picture, at most SHOWN_SIZE pixels wide and high."""
    top = max(picture.shape[0] - SHOWN_SIZE, 0) // 2
    left = max(picture.shape[1] - SHOWN_SIZE, 0) // 2
    return picture[top : top + SHOWN_SIZE, left : left + SHOWN_SIZE]
