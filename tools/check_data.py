"""What of the recipes' data is in a folder: python -m tools.check_data FOLDER

A row for each part of $SIS_DATA: pictures found, how many the released weights
were trained with, and what to do where some are missing (docs/data.md). Then
each recipe, and whether all that it names is there. Exit status 2 where
recipes/mobile.flags lacks something.
"""

import argparse
import pathlib
import re
import sys
from typing import NamedTuple

from benchmarks.reporting import text_table
from sis_keras.commands.program import Parser, guarded
from sis_keras.data.source_text import read_text
from sis_keras.errors import UserError
from sis_keras.files.pictures import PICTURE_SUFFIXES

ROOT = pathlib.Path(__file__).parents[1]
NEEDED = "recipes/mobile.flags"
VARIABLE = "$SIS_DATA/"
FLAGS = ("train_data", "validation_data")
HEADER = ["part", "found", "expected", "what to do"]


class Part(NamedTuple):
    """A folder below $SIS_DATA, its pictures, and where these come from."""

    folder: str
    pictures: int
    origin: str


PARTS = (
    Part("gopro/train/GOPR0372_07_00", 42, "GOPRO_Large.zip"),
    Part("gopro_derived/train/GOPR0477_11_00", 14, "GOPRO_Large_all.zip"),
    Part("gopro_derived/train/GOPR0374_11_00", 8, "GOPRO_Large_all.zip"),
    Part("gopro_derived/train/GOPR0384_11_02", 2, "GOPRO_Large_all.zip"),
    Part("frames_240fps/GOPR0477_11_00", 13, "GOPRO_Large_all.zip"),
    Part("reds/train/020", 14, "REDS: train_sharp, train_blur"),
    Part("davis", 480, "DAVIS 2016, 480p"),
    Part("video", 54, "SAM 2, SAM 3, Cutie, DAVIS"),
    Part("photos/clic2025", 25, "CLIC 2025"),
    Part("photos/cid22", 56, "CID22"),
    Part("photos/wallpapers", 5, "any sharp photographs"),
    Part("photos/places", 5, "any sharp photographs"),
    Part("photos/kodak", 12, "Kodak's PhotoCD images"),
    Part("photos/gb82", 9, "gb82-image-set"),
    Part("urban100", 100, "SelfExSR: Urban100, HR"),
    Part("bsds500/train", 200, "BSDS500"),
)


def pictures_in(folder: pathlib.Path) -> int:
    """Pictures in a folder and in those below it."""
    return sum(
        path.suffix.lower() in PICTURE_SUFFIXES for path in folder.rglob("*")
    )


def row(data: pathlib.Path, part: Part) -> list[str]:
    """Of the table."""
    found = pictures_in(data / part.folder)
    if found >= part.pictures:
        do = ""
    elif found:
        do = f"goes; {part.pictures - found} more: {part.origin}"
    else:
        do = f"put {part.origin} there, or take it out of the recipe"
    return [part.folder, str(found), str(part.pictures), do]


def flags_of(path: pathlib.Path) -> dict[str, str]:
    """A flagfile's sources by flag, those of the files that it names too."""
    found: dict[str, str] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition("=")
        if name == "--flagfile":
            found |= flags_of(ROOT / value)
        elif name.removeprefix("--") in FLAGS:
            found[name.removeprefix("--")] = value
    return found


def missing(path: pathlib.Path, data: pathlib.Path) -> list[str] | None:
    """What of $SIS_DATA a recipe names that has no picture; None: no need."""
    texts = ",".join(flags_of(path).values()).split(",")
    leaves = [
        read_text(text.split("=", 1)[-1]) for text in texts if VARIABLE in text
    ]
    if not leaves:
        return None
    folders = {
        folder: None
        for leaf in leaves
        for folder in (
            leaf.path,
            *(f"{leaf.path}/{name}" for name in sorted(leaf.left_out)),
        )
    }
    return [
        folder
        for folder in folders
        if not pictures_in(data / folder.removeprefix(VARIABLE))
    ]


def told(path: pathlib.Path, data: pathlib.Path) -> str:
    """Whether a recipe can run, in a line."""
    name = path.relative_to(ROOT)
    lacking = missing(path, data)
    if lacking is None:
        texts = " ".join(flags_of(path).values())
        others = dict.fromkeys(re.findall(r"\$\w+", texts))
        return f"{name}: needs {' '.join(others) or 'nothing of this folder'}"
    if not lacking:
        return f"{name}: can run"
    return f"{name}: lacks {', '.join(lacking)}"


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(
        prog="check_data.py",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=pathlib.Path, help="that of $SIS_DATA")
    data = parser.parse_args(arguments).folder
    if not data.is_dir():
        raise UserError(
            f"Expected a folder of data. Received: {data}, which is none."
        )
    print(text_table(HEADER, [row(data, part) for part in PARTS]))
    print()
    recipes = [*sorted(ROOT.glob("*.flags")), *sorted(ROOT.glob("recipes/*"))]
    for path in recipes:
        print(told(path, data))
    if missing(ROOT / NEEDED, data):
        sys.exit(2)


if __name__ == "__main__":
    guarded(main)
