"""Figure 8, edges of restored pictures: python -m experiments.figure8 --data=…

Canny's edges of the blurred, restored and sharp pictures (section IV-F): the
picture with the strongest blur is drawn, all are scored.
"""

import itertools
import pathlib

import numpy as np

from experiments import plots
from experiments.pictures import pixels
from experiments.pictures import save as save_small
from experiments.table4 import read_arguments
from experiments.tables import write_table
from sis_keras.commands.program import guarded
from sis_keras.errors import UserError
from sis_keras.evaluation.edges import PROTOCOL, find_edges, score_edges
from tools.before_after import places

HEADER = ("picture", "precision", "recall", "F1", "edge width in pixels")
CAPTIONS = {"blurry": "blurred", "restored": "restored", "sharp": "sharp"}
WIDTH = 3.2  # Of a column, in inches.
LONGEST = (270, 360)  # Rows and columns of the part that is drawn.

Pictures = dict[str, np.ndarray]


def run(
    output: pathlib.Path, weights: str, data: str, limit: int | None
) -> str:
    """Markdown; figure8.png and .svg, figure8.csv and .md in the output.

    Args:
        output: A folder, made if absent.
        weights: Released name or weight file.
        data: A text of `open_source`.
        limit: Take so many pairs only.

    Raises:
        UserError: There are no such pairs.
    """
    from sis_keras.evaluation.metrics import psnr
    from sis_keras.restoring.restorer import load_restorer, restore

    restorer = load_restorer(weights)
    scores: dict[str, list] = {key: [] for key in CAPTIONS}
    lowest, drawn, drawn_name = np.inf, None, ""
    for name, blurry, sharp in itertools.islice(_pairs(data), limit):
        restored, _ = restore(restorer, blurry, name)
        pictures = {"blurry": blurry, "restored": restored, "sharp": sharp}
        for key, picture in pictures.items():
            scores[key].append(score_edges(picture, sharp))
        if psnr(blurry, sharp) < lowest:
            lowest, drawn = psnr(blurry, sharp), pictures
            drawn_name = name.rpartition("/")[2]
    if drawn is None:
        raise UserError(f"Expected pairs. Received: none in {data}.")
    plots.save(figure(drawn), output, "figure8")
    shown = save_small(pixels(figure(drawn)), output, "figure8")
    table = write_table(output, "figure8", HEADER, rows_of(scores))
    return (
        f"{shown}\n{table}\n{len(scores['sharp'])} pictures of {data}, means, "
        f"restored by {restorer.name}; drawn is {drawn_name}, where the blur "
        f"has done most. {PROTOCOL}. The paper prints no numbers, and names "
        "no thresholds.\n"
    )


def rows_of(scores: dict[str, list]) -> list[list[str]]:
    """Means as cells; a picture without edges has no width to count."""
    rows = []
    for key, found in scores.items():
        *shares, widths = np.array(found).T
        width = (
            f"{np.nanmean(widths):.2f}" if np.isfinite(widths).any() else "-"
        )
        cells = [f"{share.mean():.3f}" for share in shares]
        rows.append([CAPTIONS[key], *cells, width])
    return rows


def figure(pictures: Pictures):
    """A column for each picture: the part that is blurred most, its edges.

    Edges are black on white, so that they are read in black and white.
    """
    from sis_keras.optional import optional_package

    figures = optional_package("matplotlib.figure", "experiments")
    sides = zip(LONGEST, pictures["sharp"].shape[:2], strict=True)
    height, width = (min(most, side) for most, side in sides)
    part = places(pictures["blurry"], pictures["sharp"], height, width)[0]
    made = figures.Figure(
        (WIDTH * len(pictures), 2 * WIDTH * height / width + 0.3),
        layout="constrained",
    )
    axes = made.subplots(2, len(pictures), squeeze=False)
    for column, (key, picture) in enumerate(pictures.items()):
        axes[0][column].set_title(CAPTIONS[key], fontsize=10)
        axes[0][column].imshow(picture[part], interpolation="nearest")
        edges = find_edges(picture)[part]
        axes[1][column].imshow(
            ~edges, cmap="gray", vmin=0, vmax=1, interpolation="nearest"
        )
    for one in axes.flat:
        one.set_xticks([])
        one.set_yticks([])
    return made


def _pairs(data):
    from datasets.prepare import prepared_builder
    from sis_keras.data.open_source import open_source

    def prepared(name):
        return prepared_builder(name, "data/tfds", "data")

    return open_source(data, make_builder=prepared).examples()


def main():
    given = read_arguments(__doc__.partition("\n")[0])
    print(run(given.output, given.weights, given.data, given.limit))


if __name__ == "__main__":
    guarded(main)
