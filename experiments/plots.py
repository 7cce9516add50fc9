"""Plots that are read in black and white, saved as PNG and SVG."""

import pathlib

from sis_keras.files.atomic import atomic_path
from sis_keras.optional import optional_package

# Line, marker, grey; a curve of each number is told apart without colour.
STYLES = (
    {"linestyle": "-", "marker": "o", "color": "0.0"},
    {"linestyle": "--", "marker": "s", "color": "0.35"},
    {"linestyle": "-.", "marker": "^", "color": "0.5"},
    {"linestyle": ":", "marker": "D", "color": "0.2"},
    {"linestyle": "-", "marker": "x", "color": "0.6"},
)


def new_figure(columns: int = 1, width: float = 7.0, height: float = 4.0):
    """A figure and its axes, side by side.

    Raises:
        UserError: matplotlib is not installed.
    """
    figures = optional_package("matplotlib.figure", "experiments")
    figure = figures.Figure((width, height), layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    for one in axes:
        one.grid(alpha=0.3)
    return figure, list(axes)


def save(figure, output: pathlib.Path, name: str) -> str:
    """Writes `<name>.png` and `<name>.svg`; gives Markdown that shows it."""
    output.mkdir(parents=True, exist_ok=True)
    # Without a date or random names equal plots are equal files.
    matplotlib = optional_package("matplotlib", "experiments")
    with matplotlib.rc_context({"svg.hashsalt": name}):
        for kind, metadata in (("png", {}), ("svg", {"Date": None})):
            with atomic_path(output / f"{name}.{kind}") as temporary:
                figure.savefig(
                    temporary, format=kind, dpi=110, metadata=metadata
                )
    return shown(f"{name}.png", name)


def shown(file: str, words: str) -> str:
    """Markdown that shows a picture of the output's folder."""
    return f"![{words}]({file})\n"
