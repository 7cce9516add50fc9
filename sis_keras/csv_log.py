"""Rows of numbers by step, in CSV files that a resumed run goes on with."""

import csv
import pathlib

from sis_keras.files import atomic_path


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
        """Adds a row of floats to `<name>.csv`."""
        path = self.output / f"{name}.csv"
        with open(path, "a", newline="") as file:
            writer = csv.writer(file)
            if not file.tell():
                writer.writerow(["step", *values])
            writer.writerow([step, *(f"{v:.6g}" for v in values.values())])


def _drop_rows_after(path, step):
    with open(path, newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if header[:1] != ["step"]:
        return  # Empty, or not of this module.
    with atomic_path(path) as temporary:
        with open(temporary, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            # A row that kill -9 cut short is dropped with them.
            writer.writerows(
                row
                for row in rows
                if step and len(row) == len(header) and int(row[0]) <= step
            )
