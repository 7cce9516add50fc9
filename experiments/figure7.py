"""Figure 7, the ablations' pictures side by side: python -m experiments.figure7

The test picture with the strongest blur, whole and at the two places where the
blur has done most, restored by each network of Table 2 (seed 0).
"""

import numpy as np

from experiments import command, pictures
from experiments.command import Settings
from experiments.table2 import ablations
from experiments.tables import write_table
from sis_keras.errors import UserError
from sis_keras.training.run import LAST
from tools.before_after import places

# As in the paper a green and a yellow box; one frame is solid, one dashed, so
# that they are told apart without colour, too.
BOXES = ((0, 160, 0), (255, 200, 0))
WIDTH = 2.2  # of a column, in inches


def run(settings: Settings) -> str:
    """Markdown; `figure7.png`, `.jpg` and its table in the output."""
    by_model = ablations(settings, seeds=[0])
    done = {k: x for k, [x] in by_model.items() if x.scores}
    missing = {k: x.words for k, [x] in by_model.items() if not x.scores}
    if not done:
        raise UserError(next(iter(missing.values())))
    from sis_keras.evaluation.metrics import psnr
    from sis_keras.restoring.restorer import load_restorer, restore

    name, blurry, sharp = pictures.most_blurred(settings)
    shown = {"blurred": blurry}
    for model, outcome in done.items():
        restorer = load_restorer(outcome.folder / LAST)
        shown[model], _ = restore(restorer, blurry, name)
    shown["sharp"] = sharp
    boxes = places(blurry, sharp, *box_size(blurry))
    rows = [
        [column, *(f"{psnr(x[box], sharp[box]):.2f}" for box in boxes)]
        for column, x in shown.items()
        if column != "sharp"
    ]
    table = write_table(
        settings.output, "figure7", ["picture", "PSNR in box 1", "box 2"], rows
    )
    sheet = pictures.save(drawn(shown, boxes), settings.output, "figure7")
    said = "".join(f" {k}: {x}." for k, x in missing.items())
    return (
        f"{sheet}\n{table}\n"
        f"{name.rpartition('/')[2]} of {settings.test_data}, the picture with "
        "the lowest PSNR as it came; box 1 green and solid, box 2 yellow and "
        f"dashed.{said} The paper shows another picture. "
        f"{command.ran(settings, next(iter(done.values())).scores)}\n"
    )


def box_size(picture: np.ndarray) -> tuple[int, int]:
    """Height and width of a box: a sixth of the sides, at least 8."""
    return tuple(  # type: ignore[return-value]
        max(min(8, side), side // 6) for side in picture.shape[:2]
    )


def drawn(
    shown: dict[str, np.ndarray], boxes: list[tuple[slice, slice]]
) -> np.ndarray:
    """A column for each picture: whole, then each box enlarged.

    Args:
        shown: uint8 RGB of one size by caption.
        boxes: Rows and columns of each.

    Returns:
        uint8 RGB.
    """
    height, width = next(iter(shown.values())).shape[:2]
    rows = 1 + len(boxes)
    from sis_keras.optional import optional_package

    figures = optional_package("matplotlib.figure", "experiments")
    patches = optional_package("matplotlib.patches", "experiments")
    figure = figures.Figure(
        (WIDTH * len(shown), rows * WIDTH * height / width + 0.3),
        layout="constrained",
    )
    axes = figure.subplots(rows, len(shown), squeeze=False)
    for column, (caption, picture) in enumerate(shown.items()):
        axes[0][column].set_title(caption, fontsize=9)
        axes[0][column].imshow(picture)
        for number, (box, colour) in enumerate(zip(boxes, BOXES, strict=True)):
            line = {"edgecolor": colour_of(colour), "linewidth": 1.6}
            line["linestyle"] = "--" if number else "-"
            top, left = box[0].start, box[1].start
            size = box[1].stop - left, box[0].stop - top
            axes[0][column].add_patch(
                patches.Rectangle((left, top), *size, fill=False, **line)
            )
            zoomed = axes[1 + number][column]
            zoomed.imshow(picture[box], interpolation="nearest")
            for spine in zoomed.spines.values():
                spine.set(**line)
    for one in axes.flat:
        one.set_xticks([])
        one.set_yticks([])
    return pictures.pixels(figure)


def colour_of(levels: tuple[int, int, int]) -> tuple[float, ...]:
    """As matplotlib wants it."""
    return tuple(level / 255 for level in levels)


if __name__ == "__main__":
    command.run_one(__doc__, run)
