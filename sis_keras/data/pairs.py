"""Folders of blurred and sharp pictures that belong together by name."""

import collections
import pathlib
from typing import NamedTuple

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.pictures import list_pictures, read_rgb, stored_size
from sis_keras.files.walking import walked

EXPECTED_TREE = (
    "a folder with blur/ and sharp/ (or input/ and target/) holding pictures "
    "of the same names, directly or in folders below, as GOPRO_Large/train"
)


class Pair(NamedTuple):
    """Two pictures of one scene; `name` is `sequence/frame`."""

    name: str
    blurry: pathlib.Path
    sharp: pathlib.Path


def find_pairs(folder, inputs: str = "blur") -> list[Pair]:
    """All pairs below `folder`, sorted by name.

    Halves belong together by their names without suffix; where two pictures
    of a half differ in the suffix alone, with it.

    Args:
        folder: Holds `blur/` and `sharp/`, or `input/` and `target/`, itself
            or in any folders below it.
        inputs: Which folder holds the blurred halves beside `sharp/`:
            "blur" or "blur_gamma" (GOPRO_Large has both).

    Raises:
        UserError: No such folder, no pairs in it, or a half is missing.
    """
    root = pathlib.Path(folder)
    if not root.is_dir():
        raise UserError(
            f"Expected {EXPECTED_TREE}. Received: {root}, which is no folder."
        )
    pairs = []
    for parent, folders, _ in walked(root):
        for halves in ((inputs, "sharp"), ("input", "target")):
            if not set(halves).isdisjoint(folders):
                pairs += _pairs_of(pathlib.Path(parent), *halves, root)
    if not pairs:
        found = sorted(path.name for path in root.iterdir())[:5]
        raise UserError(
            f"Expected {EXPECTED_TREE}, blurred halves in {inputs}/. "
            f"Received: {root} without a pair; it holds {found}."
        )
    return sorted(pairs)


def _pairs_of(parent, blurry_name, sharp_name, root):
    halves = _pictures(parent / blurry_name), _pictures(parent / sharp_name)
    repeated = _repeated_stems(*halves)
    blurry, sharp = (
        {x.name if x.stem in repeated else x.stem: x for x in half}
        for half in halves
    )
    lonely = sorted(blurry.keys() ^ sharp.keys())
    if lonely:
        stem = lonely[0]
        has, lacks = blurry_name, sharp_name
        if stem in sharp:
            has, lacks = lacks, has
        half = blurry.get(stem) or sharp[stem]
        raise UserError(
            f"Expected both halves of each pair in {parent}. Received "
            f"{has}/{half.name} without its half "
            f"in {lacks}/ ({len(lonely)} such). Add it, or remove the other."
            + _of_one_stem(half.stem, repeated, *halves)
        )
    relative = parent.relative_to(root)
    sequence = relative if relative.parts else pathlib.Path(root.resolve().name)
    return [
        Pair(f"{sequence.as_posix()}/{stem}", blurry[stem], sharp[stem])
        for stem in sorted(blurry)
    ]


def _of_one_stem(stem, repeated, *halves):
    """Why suffixes count, where they do."""
    if stem not in repeated:
        return ""
    names = sorted({x.name for half in halves for x in half if x.stem == stem})
    return (
        f" Of {' and '.join(names)}, each wants its half under the same name, "
        "with the same suffix."
    )


def _pictures(folder):
    return list_pictures(folder) if folder.is_dir() else []


def _repeated_stems(*halves):
    """Those that `a.png` beside `a.tif` makes one of two pictures."""
    counts = (collections.Counter(x.stem for x in half) for half in halves)
    return {stem for count in counts for stem in count if count[stem] > 1}


def read_pair(pair: Pair) -> tuple[np.ndarray, np.ndarray]:
    """`(blurry, sharp)`, uint8 RGB `(height, width, 3)` both.

    Raises:
        UserError: A half cannot be read, or their sizes differ.
    """
    blurry, sharp = read_rgb(pair.blurry), read_rgb(pair.sharp)
    if blurry.shape != sharp.shape:
        raise _of_two_sizes(pair, blurry.shape, sharp.shape)
    return blurry, sharp


def pair_size(pair: Pair) -> tuple[int, int] | None:
    """Height and width of both halves by `stored_size`.

    Raises:
        UserError: They differ by more than a quarter turn.
    """
    blurry, sharp = stored_size(pair.blurry), stored_size(pair.sharp)
    if blurry and sharp and sorted(blurry) != sorted(sharp):
        raise _of_two_sizes(pair, blurry, sharp)
    return blurry or sharp


def _of_two_sizes(pair, blurry, sharp):
    return UserError(
        f"Expected two pictures of one size for {pair.name}. Received: "
        f"{pair.blurry} is {blurry[1]}x{blurry[0]}, "
        f"{pair.sharp} is {sharp[1]}x{sharp[0]}."
    )
