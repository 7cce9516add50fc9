"""Pictures never trained on: SIS_DATA=FOLDER python -m tools.gallery

Deblurs ten pictures as `deblur.py` does and writes docs/gallery.md and
docs/gallery/: of each the whole with a box, and the box at full size, blurred,
restored and, where there is one, sharp. What gained least comes first.
"""

import os
import pathlib
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from sis_keras.commands.program import Parser, guarded
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.weights.released import DEFAULT_WEIGHTS
from tools.before_after import GAP, places

PAGE = pathlib.Path("docs/gallery.md")
FOLDER = pathlib.Path("docs/gallery")
HEIGHT, WIDTH = 300, 320
# Sources of pairs, their titles, and which of their pairs, by number.
PAIRS = (
    ("$SIS_DATA/gopro/test", "GoPro, test", (0, 5, 11)),
    ("$SIS_DATA/gopro_derived/train/GOPR0374_11_00", "GoPro, held out", (1,)),
    ("photographs:$SIS_DATA/bsds500/test", "BSDS500, synthetic blur", (10, 60)),
)
ALONE = ("$SIS_DATA/kohler_blurry", "Köhler")


class Shown(NamedTuple):
    """A picture of the gallery.

    Attributes:
        title: Where it is from.
        pictures: Blurred, restored and perhaps sharp; uint8 RGB.
        before, after: PSNR in dB, or None where there is no truth.
    """

    title: str
    pictures: list[np.ndarray]
    before: float | None = None
    after: float | None = None

    @property
    def gain(self) -> float:
        """In dB; infinite without a truth, so that these come last."""
        if self.before is None or self.after is None:
            return float("inf")
        return self.after - self.before


def paired(deblurrer) -> list[Shown]:
    """Those with a truth."""
    from sis_keras.evaluation.metrics import psnr

    found = []
    for source, title, numbers in PAIRS:
        for number, example in enumerate(open_source(source).examples()):
            if number not in numbers:
                continue
            name, blurry, sharp = example
            restored = deblurrer(blurry)
            found.append(
                Shown(
                    f"{title}, {name}",
                    [blurry, restored, sharp],
                    psnr(blurry, sharp),
                    psnr(restored, sharp),
                )
            )
    return found


def alone(deblurrer) -> list[Shown]:
    """Those without one."""
    folder, title = ALONE
    found = []
    for path in sorted(pathlib.Path(os.path.expandvars(folder)).glob("*.png")):
        with Image.open(path) as image:
            blurry = np.asarray(image.convert("RGB"))
        pictures = [blurry, deblurrer(blurry)]
        found.append(Shown(f"{title}, {path.stem}", pictures))
    return found


def sheet(shown: Shown) -> np.ndarray:
    """The whole with a box, and the box of each picture at full size."""
    blurry, other = shown.pictures[0], shown.pictures[-1]
    height, width = (
        min(x) for x in zip((HEIGHT, WIDTH), blurry.shape[:2], strict=True)
    )
    place = places(blurry, other, height, width)[0]
    whole = blurry.copy()
    corners = [
        (p[1], p[0])
        for p in zip(*((s.start, s.stop) for s in place), strict=True)
    ]
    cv2.rectangle(whole, *corners, (255, 0, 0), max(2, len(whole) // 200))
    scale = height / len(whole)
    whole = cv2.resize(
        whole, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    tiles = [whole[:height], *(x[place] for x in shown.pictures)]
    tiles = [
        np.pad(x, ((0, 0), (0, GAP), (0, 0)), constant_values=255)
        for x in tiles
    ]
    return np.concatenate(tiles, 1)[:, :-GAP]


def page(weights: str, pictures: list[tuple[Shown, str]]) -> str:
    """The Markdown of all, by their files' names."""
    parts = [
        f"# What `{weights}` does to pictures that it never saw\n",
        f"`SIS_DATA=FOLDER python -m tools.gallery --weights={weights}` writes "
        "this page. Each row:\nthe blurred picture, and the box in it "
        "at full size: blurred, "
        "restored and, where there is one, the sharp truth. The box is where "
        "the blurred picture\nis furthest from the last one of its row. What "
        "gained least comes first; Köhler's pictures come without a truth.\n",
    ]
    for shown, name in pictures:
        words = shown.title
        if shown.before is not None:
            words += f": {shown.before:.2f} to {shown.after:.2f} dB"
        parts.append(f"{words}\n\n![{shown.title}](gallery/{name})\n")
    return "\n".join(parts)


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--weights", default=DEFAULT_WEIGHTS)
    given = parser.parse_args()
    if "SIS_DATA" not in os.environ:
        raise UserError(
            "Expected SIS_DATA, the folder of the pictures. Received: none."
        )
    from sis_keras import Deblurrer

    deblurrer = Deblurrer(given.weights)
    every = sorted(
        paired(deblurrer) + alone(deblurrer), key=lambda shown: shown.gain
    )
    named = [(shown, f"{number}.jpg") for number, shown in enumerate(every)]
    for shown, name in named:
        with atomic_path(FOLDER / name) as temporary:
            picture = Image.fromarray(sheet(shown))
            picture.save(temporary, "JPEG", quality=92)
    with atomic_path(PAGE) as temporary:
        temporary.write_text(page(given.weights, named), encoding="utf-8")
    print(f"{PAGE}: {len(named)} pictures")


if __name__ == "__main__":
    guarded(main)
