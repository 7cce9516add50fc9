"""What a run leaves to look at: CSV files and TensorBoard."""

import contextlib
import pathlib

import numpy as np
import tensorflow as tf

from sis_keras.csv_log import CsvLog
from sis_keras.errors import UserError


class RunLog:
    """Rows by step, in `<output>/<name>.csv` and TensorBoard alike.

    Args:
        output: The run's folder.
        step: Where the run begins; later rows, of a run that was cut off, are
            dropped, because they come again; from 0 on all of them.
    """

    def __init__(self, output, step: int = 0):
        self.output = pathlib.Path(output)
        folder = str(self.output / "tensorboard")
        with _disk_errors(folder):
            self._writer = tf.summary.create_file_writer(folder)
        self._rows = CsvLog(output, step)

    def scalars(self, name: str, step: int, values: dict) -> None:
        """Adds a row of floats to `<name>.csv`."""
        self._rows.scalars(name, step, values)
        with self._tensorboard(step):
            for key, value in values.items():
                tf.summary.scalar(f"{name}/{key}", value)

    def picture(self, name: str, step: int, picture: np.ndarray) -> None:
        """Shows uint8 RGB `(height, width, 3)` in TensorBoard."""
        with self._tensorboard(step):
            tf.summary.image(name, picture[np.newaxis])

    @contextlib.contextmanager
    def _tensorboard(self, step):
        """Where tf.summary writes; on leaving, all is on disk."""
        with _disk_errors(f"{self.output}/tensorboard"):
            with self._writer.as_default(step):
                yield


@contextlib.contextmanager
def _disk_errors(folder):
    try:
        yield
    except tf.errors.OpError as error:
        reason = error.message.splitlines()[0].rpartition("; ")[2]
        raise UserError(
            f"Cannot write to {folder}: {reason}. Free some space, then go on "
            "with --resume; last.safetensors is whole."
        ) from error
