"""Pictures of what weights do: SIS_DATA=FOLDER python -m tools.before_after

Deblurs the GoPro subset as `deblur.py` does, takes the frame whose gain is the
median, and writes docs/deblur.jpg, the README's first: blurred, restored and
sharp at the two places where blur has done most, at full size. Of a sequence
that is validated on it takes the most blurred frame and writes
docs/strong_blur.jpg: blurred, restored, with --strong_blur, and sharp. Prints
the frames and their PSNR.
"""

import argparse
import os
import pathlib

import cv2
import numpy as np
from PIL import Image

from sis_keras.commands.program import Parser, guarded
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError

TARGET = pathlib.Path("docs/deblur.jpg")
STRONG_TARGET = pathlib.Path("docs/strong_blur.jpg")
STRONG = "$SIS_DATA/gopro_derived/train/GOPR0374_11_00"
HEIGHT, WIDTH = 300, 420
PLACES = 2
GAP = 8


def places(
    blurry: np.ndarray,
    sharp: np.ndarray,
    height: int = HEIGHT,
    width: int = WIDTH,
) -> list[tuple[slice, slice]]:
    """Two places where the squared error is largest, without overlap.

    Args:
        blurry, sharp: uint8 RGB, at least of the places' size.
        height, width: Of a place.
    """
    error = np.square(blurry.astype(np.float32) - sharp).mean(2)
    mean = cv2.boxFilter(error, -1, (width, height), anchor=(0, 0))
    mean = mean[: len(mean) - height + 1, : mean.shape[1] - width + 1].copy()
    found = []
    for _ in range(PLACES):
        top, left = np.unravel_index(mean.argmax(), mean.shape)
        found.append((slice(top, top + height), slice(left, left + width)))
        mean[
            max(top - height + 1, 0) : top + height,
            max(left - width + 1, 0) : left + width,
        ] = -1
    return found


def sheet(pictures: list[np.ndarray]) -> np.ndarray:
    """A row for each place: blurred, restored in one or more ways, sharp."""
    blurry, *_, sharp = pictures
    height, width, _ = sharp.shape
    sides = min(HEIGHT, height), min(WIDTH, width)
    rows = []
    for place in places(blurry, sharp, *sides):
        tiles = [
            np.pad(x[place], ((0, GAP), (0, GAP), (0, 0)), constant_values=255)
            for x in pictures
        ]
        rows.append(np.concatenate(tiles, 1))
    return np.concatenate(rows)[:-GAP, :-GAP]


def main():
    """The whole program."""
    Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args()
    if "SIS_DATA" not in os.environ:
        raise UserError(
            "Expected SIS_DATA, the folder of the pairs. Received: none."
        )
    from sis_keras import Deblurrer
    from sis_keras.evaluation.metrics import psnr

    deblurrer = Deblurrer()
    frames = []
    for name, blurry, sharp in open_source("$SIS_DATA/gopro/test").examples():
        restored = deblurrer(blurry)
        before, after = psnr(blurry, sharp), psnr(restored, sharp)
        frames.append((after - before, name, before, after))
        print(f"{name}: {before:.2f} to {after:.2f} dB")
    _, chosen, before, after = sorted(frames)[len(frames) // 2]
    for name, blurry, sharp in open_source("$SIS_DATA/gopro/test").examples():
        if name == chosen:
            shown = sheet([blurry, deblurrer(blurry), sharp])
            Image.fromarray(shown).save(TARGET, quality=92)
    print(f"{TARGET}: {chosen}, {before:.2f} to {after:.2f} dB")
    before, name, blurry, sharp = min(
        (
            (psnr(blurry, sharp), name, blurry, sharp)
            for name, blurry, sharp in open_source(STRONG).examples()
        ),
        key=lambda frame: frame[0],
    )
    ways = deblurrer(blurry), Deblurrer(strong_blur=True)(blurry)
    Image.fromarray(sheet([blurry, *ways, sharp])).save(
        STRONG_TARGET, quality=85
    )
    after = ", ".join(f"{psnr(way, sharp):.2f}" for way in ways)
    print(f"{STRONG_TARGET}: {name}, {before:.2f} to {after} dB")


if __name__ == "__main__":
    guarded(main)
