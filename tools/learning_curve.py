"""What training still gains: python -m tools.learning_curve RUN…

Draws the validation gain of runs' folders over their steps, from their
`validation.csv`, into docs/learning_curve.png.
"""

import argparse
import csv
import pathlib

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot

from sis_keras.commands.program import Parser
from sis_keras.files.atomic import atomic_path


def curve(run: pathlib.Path) -> tuple[list[int], list[float]]:
    """Steps and dB gained over the blurred input."""
    with open(run / "validation.csv") as file:
        rows = list(csv.DictReader(file))
    return [int(row["step"]) for row in rows], [
        float(row["gain"]) for row in rows
    ]


def draw(runs: list[pathlib.Path], picture: pathlib.Path) -> None:
    """All runs in one picture."""
    figure, axes = pyplot.subplots(figsize=(7, 4), layout="constrained")
    for run in runs:
        axes.plot(*curve(run), marker=".", label=run.name)
    axes.set_xlabel("steps")
    axes.set_ylabel("validation PSNR over the blurred input, dB")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()
    with atomic_path(picture) as temporary:
        figure.savefig(temporary, dpi=120, format="png")


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("runs", nargs="+", type=pathlib.Path)
    parser.add_argument(
        "--output",
        type=pathlib.Path,
        default=pathlib.Path("docs/learning_curve.png"),
    )
    arguments = parser.parse_args()
    draw(arguments.runs, arguments.output)


if __name__ == "__main__":
    main()
