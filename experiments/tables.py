"""Tables of the experiments: Markdown, CSV, and the paper's printed values."""

import csv
import pathlib
import statistics
from collections.abc import Iterable

from sis_keras.files.atomic import atomic_path

PUBLISHED = pathlib.Path(__file__).with_name("published")


def published(name: str) -> list[dict[str, str]]:
    """The rows of `published/<name>.csv`, as printed in the paper."""
    text = (PUBLISHED / f"{name}.csv").read_text(encoding="utf-8")
    lines = [x for x in text.splitlines() if not x.startswith("#")]
    return list(csv.DictReader(lines))


def write_table(
    output: pathlib.Path,
    name: str,
    header: Iterable[str],
    rows: Iterable[Iterable],
) -> str:
    """Writes `<name>.csv` and `<name>.md` into a folder; gives the latter.

    Args:
        output: Made if absent.
        name: Of both files.
        header: A cell for each column.
        rows: As many cells in each; `str` of each is written.
    """
    header = list(header)
    rows = [[str(cell) for cell in row] for row in rows]
    output.mkdir(parents=True, exist_ok=True)
    with (
        atomic_path(output / f"{name}.csv") as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
    text = markdown(header, rows)
    with atomic_path(output / f"{name}.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return text


def markdown(header: list[str], rows: list[list[str]]) -> str:
    """A table that ends in a line feed."""
    lines = [header, ["---"] * len(header), *rows]
    return "".join(
        f"| {' | '.join(x.replace('|', chr(92) + '|') for x in line)} |\n"
        for line in lines
    )


def with_spread(values: list[float], digits: int) -> str:
    """`28.21 ± 0.03`: mean and sample standard deviation; one alone as it is.

    Raises:
        ValueError: There is no value.
    """
    if not values:
        raise ValueError("Expected a value or more. Received: none.")
    mean = f"{statistics.fmean(values):.{digits}f}"
    if len(values) == 1:
        return mean
    return f"{mean} ± {statistics.stdev(values):.{digits}f}"
