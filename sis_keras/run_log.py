"""What a run leaves to look at: CSV files and TensorBoard."""

import csv
import pathlib

import numpy as np
import tensorflow as tf

from sis_keras.files import atomic_path


class RunLog:
    """Rows by step, in `<output>/<name>.csv` and TensorBoard alike.

    Args:
        output: The run's folder.
        step: Where the run begins; later rows, of a run that was cut off, are
            dropped, because they come again.
    """

    def __init__(self, output, step: int = 0):
        self.output = pathlib.Path(output)
        self._writer = tf.summary.create_file_writer(
            str(self.output / "tensorboard")
        )
        for path in self.output.glob("*.csv"):
            _drop_rows_after(path, step)

    def scalars(self, name: str, step: int, values: dict) -> None:
        """Adds a row of floats to `<name>.csv`."""
        path = self.output / f"{name}.csv"
        new = not path.exists()
        with open(path, "a", newline="") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["step", *values])
            writer.writerow([step, *(f"{v:.6g}" for v in values.values())])
        with self._writer.as_default(step):
            for key, value in values.items():
                tf.summary.scalar(f"{name}/{key}", value)

    def picture(self, name: str, step: int, picture: np.ndarray) -> None:
        """Shows uint8 RGB `(height, width, 3)` in TensorBoard."""
        with self._writer.as_default(step):
            tf.summary.image(name, picture[np.newaxis])

    def flush(self) -> None:
        self._writer.flush()


def _drop_rows_after(path, step):
    with open(path, newline="") as file:
        header, *rows = list(csv.reader(file)) or [["step"]]
    with atomic_path(path) as temporary:
        with open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            # A row that kill -9 cut short is dropped with them.
            writer.writerows(
                row
                for row in rows
                if len(row) == len(header) and int(row[0]) <= step
            )
