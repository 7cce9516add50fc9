"""A run in one folder: what the loops of TensorFlow and JAX both do."""

import abc
import functools
import pathlib

import numpy as np

from sis_keras.networks.dead_units import DeadUnits
from sis_keras.training import validation
from sis_keras.training.checkpoint import restore_checkpoint
from sis_keras.training.run import (
    BEST,
    LAST,
    check_output,
    stopped,
    training_lost,
)
from sis_keras.weights.card import without_places
from sis_keras.weights.generators import save_weights


class BaseRun(abc.ABC):
    """Where a run stands, what was best, and what is kept of both.

    Args:
        trained: A `DeblurringGAN`, or `ContentTraining`.
        arguments: Of `build_generator`; they go into every file.
        output: The run's folder.
        steps: Of the whole run.
        settings: What must be equal for a resume to be exact.
        log_every, validate_every, checkpoint_every: In steps.
        freeze_batch_norm_at: From this step on batch normalisation trains on
            its averages; None is never.
        most_skipped: So many steps in a row may be not finite.
    """

    def __init__(
        self,
        trained,
        arguments: dict,
        output,
        steps: int,
        settings: dict | None,
        log_every: int,
        validate_every: int,
        checkpoint_every: int,
        freeze_batch_norm_at: int | None,
        most_skipped: int,
    ):
        self._trained, self.arguments = trained, arguments
        self.output, self.steps = pathlib.Path(output), steps
        self.settings = settings or {}
        self.log_every, self.validate_every = log_every, validate_every
        self.checkpoint_every = checkpoint_every
        self.freeze_at = freeze_batch_norm_at
        self.most_skipped = most_skipped
        self.step, self.best_step = 0, 0
        self.best: tuple[bool, float] | None = None
        self._stopped_by: str | None = None

    @property
    def best_path(self) -> pathlib.Path:
        """Of the product that validated best."""
        return self.output / BEST

    @property
    def last_path(self) -> pathlib.Path:
        """Of the whole state."""
        return self.output / LAST

    def _read_state(self) -> dict:
        """Puts back what `last.safetensors` holds, and gives its card."""
        check_output(self.output, resume=True)
        state = restore_checkpoint(
            self.last_path, self._trained, self.arguments, self.settings
        )
        self.step = state["step"]
        self.best = validation.best_of(state)
        self.best_step = state["best_step"]
        return state

    def _state(self) -> dict:
        return {
            "step": self.step,
            "best": self.best,
            "best_step": self.best_step,
            "settings": self.settings,
        }

    @abc.abstractmethod
    def _checkpoint(self) -> None: ...

    def _stop(self, name):
        self._stopped_by = name

    def _raise_if_stopped(self):
        if self._stopped_by:
            raise stopped(self._stopped_by, self.step, self.steps, self.output)

    def _raise_if_lost(self, in_a_row: int):
        if in_a_row >= self.most_skipped:
            self._checkpoint()
            raise training_lost(self.step, in_a_row, self.last_path)

    @functools.cached_property
    def _dead_units(self) -> DeadUnits:
        return DeadUnits(self._trained.averaged_generator)

    def _is_better(self, row: dict) -> bool:
        return self.best is None or validation.rank(row) > self.best

    def _keep_best(self, row: dict) -> None:
        """Writes the product as it is now, which validated as `row` says."""
        self.best, self.best_step = validation.rank(row), self.step
        card = {"step": self.step, "validation": row, **self.settings}
        save_weights(
            self.best_path,
            self._trained.averaged_generator,
            self.arguments,
            without_places(card),
        )


def means_of(logs: dict[str, np.ndarray]) -> dict[str, float]:
    """Means over steps; those of a skipped step are left out.

    Args:
        logs: Values by name, a step each; `skipped` is 1 for a skipped one.

    Returns:
        The means; of `skipped` the sum. Where all were skipped, all count.
    """
    used = logs["skipped"] == 0
    if not used.any():
        used = np.ones_like(used)
    means = {key: float(np.mean(values[used])) for key, values in logs.items()}
    return means | {"skipped": int(np.sum(logs["skipped"]))}
