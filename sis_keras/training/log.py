"""Rows of numbers by step, in CSV files that a resumed run goes on with."""

import contextlib
import csv
import pathlib

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.optional import optional_package


class CsvLog:
    """Rows by step, in `<output>/<name>.csv`.

    Args:
        output: The run's folder.
        step: Where the run begins; later rows, of a run that was cut off, are
            dropped, because they come again; from 0 on all of them.
    """

    def __init__(self, output, step: int = 0):
        self.output = pathlib.Path(output)
        for path in self.output.glob("*.csv"):
            _drop_rows_after(path, step)

    def scalars(self, name: str, step: int, values: dict) -> None:
        """Adds a row of floats to `<name>.csv`.

        The columns are those that the file has, or gets by its first row.
        """
        path = self.output / f"{name}.csv"
        with open(path, "a+", newline="") as file:
            file.seek(0)
            columns = next(csv.reader(file), None)
            writer = csv.writer(file)
            if columns is None:
                columns = ["step", *values]
                writer.writerow(columns)
            row = [f"{values.get(name, np.nan):.6g}" for name in columns[1:]]
            writer.writerow([step, *row])


def _drop_rows_after(path, step):
    with open(path, newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if header[:1] != ["step"]:
        return  # Empty, or not of this module.
    with (
        atomic_path(path) as temporary,
        open(temporary, "w", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        # A row that kill -9 cut short is dropped with them.
        writer.writerows(
            row
            for row in rows
            if step and len(row) == len(header) and int(row[0]) <= step
        )


class RunLog:
    """Rows by step, in `<output>/<name>.csv` and TensorBoard alike.

    Args:
        output: The run's folder.
        step: Where the run begins; later rows, of a run that was cut off, are
            dropped, because they come again; from 0 on all of them.
    """

    def __init__(self, output, step: int = 0):
        import tensorflow as tf

        # tf.summary wants it, and TensorFlow does not bring it.
        optional_package("tensorboard", "training")
        self._tf, self.output = tf, pathlib.Path(output)
        folder = str(self.output / "tensorboard")
        with self._disk_errors(folder):
            self._writer = tf.summary.create_file_writer(folder)
        self._rows = CsvLog(output, step)

    def scalars(self, name: str, step: int, values: dict) -> None:
        """Adds a row of floats to `<name>.csv`."""
        self._rows.scalars(name, step, values)
        with self._tensorboard(step):
            for key, value in values.items():
                self._tf.summary.scalar(f"{name}/{key}", value)

    def picture(self, name: str, step: int, picture: np.ndarray) -> None:
        """Shows uint8 RGB `(height, width, 3)` in TensorBoard."""
        with self._tensorboard(step):
            self._tf.summary.image(name, picture[np.newaxis])

    @contextlib.contextmanager
    def _tensorboard(self, step):
        """Where tf.summary writes; on leaving, all is on disk."""
        folder = f"{self.output}/tensorboard"
        with self._disk_errors(folder), self._writer.as_default(step):
            yield

    @contextlib.contextmanager
    def _disk_errors(self, folder):
        try:
            yield
        except self._tf.errors.OpError as error:
            reason = error.message.splitlines()[0].rpartition("; ")[2]
            raise UserError(
                f"Cannot write to {folder}: {reason}. Free some space, then "
                "go on with `resume`; last.safetensors is whole."
            ) from error
