"""Content training where TensorFlow is not installed, made for GPUs.

Many steps run in one compiled scan, on pictures in the device's memory.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence

import jax
import numpy as np
import tqdm

from sis_keras.errors import UserError
from sis_keras.networks.inception import freeze_batch_norm
from sis_keras.restoring.restorer import restore
from sis_keras.training import validation
from sis_keras.training.base_run import BaseRun, means_of
from sis_keras.training.checkpoint import save_checkpoint
from sis_keras.training.log import CsvLog
from sis_keras.training.on_jax.device_pictures import Pictures
from sis_keras.training.on_jax.step import ContentTraining, scanned_steps
from sis_keras.training.run import first_signal
from sis_keras.training.throughput import Longest, Throughput

SAVE_EVERY = 60.0  # Seconds.


def check_multiples(log_every: int, **numbers: int | None) -> None:
    """Refuses numbers of steps that are no multiples of `log_every`."""
    for name, number in numbers.items():
        if (number or 0) % log_every:
            raise UserError(
                f"Expected `{name}` to be a multiple of `log_every`, the "
                f"steps of one compiled call. Received: `{name}={number}`, "
                f"`log_every={log_every}`."
            )


class JaxRun(BaseRun):
    """One run in one folder, from its first step or from its last checkpoint.

    Leaves in `output`: `best.safetensors` (the product that validated best,
    float32), `last.safetensors` (the whole state),
    `training.csv`, `validation.csv`; `sis_keras.training.loop` reads the same.

    Args:
        training: The state's arithmetic.
        arguments: Of `build_generator`; they go into every file.
        pools: Takes a step, gives the pictures of that step, and the step
            from which on they are others (None: never). For each kind of
            pictures one list of arrays; each call of the compiled steps cuts
            from one array of each kind, in turn.
        counts: Crops of a batch from each kind.
        examples: `(group, name, blurry, sharp)`, uint8, whole frames.
        output: The run's folder.
        crop_size: Height and width of a crop.
        steps: Of the whole run.
        seed: Of the crops.
        settings: What must be equal for a resume to be exact.
        log_every: Steps in one compiled call, which a row of the logs sums
            up; the other numbers of steps are multiples of it.
        validate_every: In steps.
        checkpoint_every: In steps; a minute after the last one in any case.
        freeze_batch_norm_at: From this step on batch normalisation trains on
            its averages; None is never.
        most_skipped: So many steps in a row may be not finite.
        deadline: By `time.monotonic`; the run saves and ends before it.
        peak: The device's FLOP/s; 0 where unknown.
        crop_candidates: Each crop is drawn from so many places.
        half: Write `last.safetensors` in half precision.

    Raises:
        UserError: A number of steps is no multiple of `log_every`.
    """

    def __init__(
        self,
        training: ContentTraining,
        arguments: dict,
        pools: Callable[[int], tuple[Sequence[Sequence[Pictures]], int | None]],
        counts: Sequence[int],
        examples: Iterable[validation.Example],
        output,
        crop_size: int,
        steps: int,
        seed: int = 0,
        settings: dict | None = None,
        log_every: int = 50,
        validate_every: int = 500,
        checkpoint_every: int = 1000,
        freeze_batch_norm_at: int | None = None,
        most_skipped: int = 5,
        deadline: float = math.inf,
        peak: float = 0.0,
        crop_candidates: int = 1,
        half: bool = False,
    ):
        super().__init__(
            training,
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
        self.training, self.pools = training, pools
        self.pictures: list[list[Pictures]] = []
        self._until: int | None = None
        self.counts, self.crop_size = counts, crop_size
        self.validation, self.seed = list(examples), seed
        self.deadline, self.half = deadline, half
        self.crop_candidates = crop_candidates
        self.state = training.get()
        self._throughput = Throughput(
            sum(counts), training.flops(crop_size), peak
        )
        self._longest = Longest()
        self._restore = jax.jit(training.restore)
        check_multiples(
            log_every,
            steps=steps,
            validate_every=validate_every,
            freeze_batch_norm_at=freeze_batch_norm_at,
        )

    def resume(self) -> None:
        """Goes on where `last.safetensors` was written.

        Bit for bit, unless that is in half precision or the device adds up
        in changing order.

        Raises:
            UserError: There is none, or it is another run's.
        """
        self._read_state()
        self.state = self.training.get()

    def run(self) -> None:
        """Trains to the last step or to the deadline; all is saved then.

        Raises:
            UserError: Ctrl-C or SIGTERM came (all is saved then), or too
                many steps in a row were not finite.
        """
        self.output.mkdir(parents=True, exist_ok=True)
        self.log = CsvLog(self.output, self.step)
        self._compile()
        if self.step == 0:
            self._validate()
        else:
            self._expect_validation()
        self._checkpoint()
        saved = time.monotonic()
        progress = tqdm.tqdm(
            total=self.steps, initial=self.step, unit="step", desc="training"
        )
        with progress, first_signal(self._stop):
            while self.step < self.steps and self._in_time():
                self._some_steps(progress)
                if self._stopped_by:
                    break
                due = self.step % self.checkpoint_every < self.log_every
                if due or time.monotonic() - saved > SAVE_EVERY:
                    self._checkpoint()
                    saved = time.monotonic()
        self._checkpoint()
        self._raise_if_stopped()
        if self.step < self.steps:
            at = f"step {self.step} of {self.steps}"
            print(f"Out of time at {at}; {self.last_path}: `resume` goes on.")

    def _in_time(self):
        """Whether the next call, and all that must follow, ends in time."""
        needed = self._throughput.longest + self._longest["checkpoint"]
        following = self.step + self.log_every
        if following % self.validate_every == 0 or following == self.steps:
            needed += self._longest["validation"]
        return time.monotonic() + needed < self.deadline

    def _expect_validation(self):
        """Compiles the product for each size, and times it."""
        every = [blurry for _, _, blurry, _ in self.validation]
        for blurry in {x.shape: x for x in every}.values():
            restore(self._product, blurry)
        with self._longest.timed("validation"):
            for blurry in every:
                restore(self._product, blurry)
            self._dead_share(every[: validation.PICTURES_FOR_UNITS])

    def _compile(self):
        if self.freeze_at is not None and self.step >= self.freeze_at:
            freeze_batch_norm(self.training.generator)
        self._run = scanned_steps(
            self.training,
            self.counts,
            self.crop_size,
            self.log_every,
            self.seed,
            self.crop_candidates,
        )

    def _take_pictures(self):
        if self.pictures:
            self._checkpoint()  # The next pool may be long in coming.
        self.pictures = []  # Not both pools in the device's memory.
        pictures, self._until = self.pools(self.step)
        self.pictures = [[jax.device_put(x) for x in kind] for kind in pictures]

    def _some_steps(self, progress):
        if not self.pictures or self.step == self._until:
            self._take_pictures()
        turn = self.step // self.log_every
        pictures = [kind[turn % len(kind)] for kind in self.pictures]
        start = time.monotonic()
        self.state, logs = self._run(self.state, pictures, self.step)
        logs = jax.device_get(logs)
        self._throughput.add(self.log_every, time.monotonic() - start)
        self.step += self.log_every
        progress.update(self.log_every)
        progress.set_postfix(psnr=f"{self._write_logs(logs)['psnr']:.2f}")
        self._raise_if_lost(int(self.state.skipped_in_a_row))
        if self.step % self.validate_every == 0 or self.step == self.steps:
            self._validate()
        if self.step == self.freeze_at:
            self._compile()

    def _write_logs(self, logs):
        """Means over the steps of a call."""
        means = means_of(logs)
        means["learning_rate"] = float(logs["learning_rate"][-1])
        means |= self._throughput.rates()
        self.log.scalars("training", self.step, means)
        return means

    def _checkpoint(self):
        with self._longest.timed("checkpoint"):
            self.training.put(self.state)
            save_checkpoint(
                self.last_path,
                self.training,
                self.arguments,
                self._state(),
                self.half,
            )

    def _validate(self):
        with self._longest.timed("validation"):
            row = validation.validated(
                lambda blurry, name: restore(self._product, blurry, name)[0],
                self.validation,
                dead=self._dead_share,
            )
        self.log.scalars("validation", self.step, row)
        tqdm.tqdm.write(
            f"step {self.step}: {validation.told(row)}; {self._throughput}"
        )
        if self._is_better(row):
            self._keep_best(row)

    def _dead_share(self, pictures):
        self.training.put(self.state)
        return self._dead_units.share(pictures)

    def _product(self, blurry):
        # A GPU's own float32 convolutions would round to TF32.
        with jax.default_matmul_precision("highest"):
            return np.asarray(self._restore(self.state.average, blurry))
