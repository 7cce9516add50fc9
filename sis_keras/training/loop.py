"""The training loop: steps, schedules, validation, checkpoints.

A loop of our own around `DeblurringGAN.train_step`, the same for one device and
for any `tf.distribute` strategy: Keras's `fit` resumes only at whole epochs and
cannot run on several hosts, of which the first alone validates and writes.
"""

import time
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf
import tqdm

from sis_keras.data.crops import Crops
from sis_keras.evaluation.sheet import ORDER, sheet
from sis_keras.networks.inception import freeze_batch_norm
from sis_keras.restoring.restorer import KerasRestorer, restore
from sis_keras.training import game_health, validation
from sis_keras.training.base_run import BaseRun, means_of
from sis_keras.training.checkpoint import save_checkpoint
from sis_keras.training.gan import DeblurringGAN
from sis_keras.training.log import RunLog
from sis_keras.training.run import first_signal, game_over, host_lost
from sis_keras.training.strategies import (
    check_batch_size,
    distributed_batches,
    host_of,
)
from sis_keras.training.throughput import multiply_adds

SHOWN_PICTURES = 4
STOPPED = "stopped"  # Of the logs of several hosts.


class TrainingRun(BaseRun):
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
        super().__init__(
            gan,
            arguments,
            output,
            steps,
            settings,
            log_every,
            validate_every,
            checkpoint_every,
            freeze_batch_norm_at,
            most_skipped,
        )
        self.gan, self.crops = gan, crops
        self.validation, self.batch_size = examples, batch_size
        self.jit_compile = jit_compile
        self.strategy = strategy or tf.distribute.get_strategy()
        check_batch_size(self.strategy, batch_size, gan.accumulation)
        self.host, self.hosts = host_of(self.strategy)
        self._stops_together = False
        self._restore = KerasRestorer(gan.averaged_generator)
        self._logs: list[dict] = []
        self._collapse = game_health.Collapse()
        # Forward once, backward twice; a multiplication and an addition.
        size = crops.crop_size
        adds = multiply_adds(gan.generator, size, size)
        self._step_flops = 6.0 * batch_size * adds
        self._window: tuple[float, int] | None = None
        self._paused = 0.0

    def resume(self) -> None:
        """Goes on where `last.safetensors` was written, bit for bit.

        Raises:
            UserError: There is none, or it is another run's.
        """
        self._logs = self._read_state()["logs"]

    def run(self) -> None:
        """Trains to the last step.

        Raises:
            UserError: Ctrl-C or SIGTERM came (all is saved then), or too
                many steps in a row were not finite.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        self.log = RunLog(self.output, self.step) if self._writes else None
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
            disable=not self._writes,
        )
        if self.step < self.steps:
            # The first pool may take minutes, in which a signal ends all.
            self.crops.at(self.step)
        with progress, first_signal(self._stop):
            for batch in self._batches():
                self._one_step(batch, progress)
                if self.step >= self.steps or self._stops:
                    break
        self._checkpoint()
        self._raise_if_stopped()

    @property
    def _stops(self):
        """Whether this step was the last one, of all hosts alike."""
        return self._stopped_by if self.hosts == 1 else self._stops_together

    @property
    def _writes(self):
        """Whether this host validates and writes."""
        return self.host == 0

    def _batches(self):
        """Endless, from the present step on."""
        begun = self.step
        while self.step < self.steps and not self._stops:
            if self.step > begun:
                self._checkpoint()  # The next pool may be long in coming.
            crops, end = self.crops.at(self.step)
            yield from distributed_batches(
                self.strategy, crops, self.batch_size, self.step, end
            )

    def _trace(self):
        def step(batch, stopped):
            def of_replica(batch):
                logs = self.gan.train_step(batch)
                # All hosts must stop at the same step.
                return logs if self.hosts == 1 else logs | {STOPPED: stopped}

            logs = self.strategy.run(of_replica, args=(batch,))
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
        logs = self._step_of_all(batch)
        self._logs.append(logs)
        self.step += 1
        progress.update()
        if self.step % self.log_every == 0 or self.step == self.steps:
            means = self._write_logs()
            progress.set_postfix(psnr=f"{means['psnr']:.2f}")
            self._raise_if_lost(int(self._number(self.gan.skipped_in_a_row)))
            self._raise_if_collapsed(means)
        trained = time.monotonic()
        if self.step % self.validate_every == 0 or self.step == self.steps:
            self._validate()
        if self.step % self.checkpoint_every == 0:
            self._checkpoint()
        if self.step == self.freeze_at:
            self._trace()
        self._paused += time.monotonic() - trained

    def _step_of_all(self, batch):
        """A step of all hosts; they learn here if one of them was stopped.

        Raises:
            UserError: A host is gone.
        """
        stopped = tf.constant(float(self._stopped_by is not None))
        if self.hosts == 1:
            return self._step(batch, stopped)
        try:
            logs = self._step(batch, stopped)
            self._stops_together = float(logs.pop(STOPPED)) > 0
            if self._stops_together and not self._stopped_by:
                self._stop("a signal to another host")
        except tf.errors.OpError as error:
            raise host_lost(self.step, self.last_path, error.message) from error
        return logs

    def _write_logs(self):
        """Means since the last row."""
        logs = {
            key: np.array([float(row[key]) for row in self._logs])
            for key in self._logs[0]
        }
        means = means_of(logs | game_health.wins(logs))
        self._logs = []
        means["learning_rate"] = self._number(
            self.gan.generator_optimizer.learning_rate
        )
        means |= self._rates()
        if self.log:
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

    def _raise_if_collapsed(self, means):
        what = self._collapse.seen(means)
        if what:
            self._checkpoint()
            raise game_over(self.step, what, self.last_path)

    def _number(self, scalar):
        """A scalar, of which each replica may hold a copy."""
        copies = getattr(scalar, "value", scalar)
        return float(self.strategy.experimental_local_results(copies)[0])

    def _checkpoint(self):
        if not self._writes:
            return
        logs = [{k: float(v) for k, v in row.items()} for row in self._logs]
        state = self._state() | {"logs": logs}
        save_checkpoint(self.last_path, self.gan, self.arguments, state)

    # === Validation ===

    def _validate(self):
        """Whole frames through the product; keeps the best one's weights."""
        log = self.log
        if log is None:
            return
        left = SHOWN_PICTURES

        def show(name, *pictures):
            nonlocal left
            left -= 1
            if left >= 0:
                shown = dict(zip(ORDER, pictures, strict=True))
                # What changed most at 200 %, and a box where that is.
                page = sheet([(f"step {self.step}", {"name": name}, shown)])
                log.picture(name, self.step, page)

        row = validation.validated(
            lambda blurry, name: restore(self._restore, blurry, name)[0],
            self.validation(),
            show,
            self._dead_units.share,
        )
        log.scalars("validation", self.step, row)
        tqdm.tqdm.write(f"step {self.step}: {validation.told(row)}")
        if self._is_better(row):
            self._keep_best(row)
