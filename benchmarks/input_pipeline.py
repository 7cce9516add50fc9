"""Crops a second, by method: python -m benchmarks.input_pipeline

How fast pairs of crops reach a training step that takes no time itself,
from the same PNG pairs, through the same `training_batches`:

- both PNGs decoded whole for each crop;
- decoded once for eight crops;
- decoded once and for all into `PictureCache`: how training does it.

A crop counts once, though it has a blurred and a sharp half. Without --data
the pairs are scikit-image's photographs, mirrored to 1280x720; they fit into
memory, as far fewer than GOPRO_Large's 11.6 GB would. Takes about a minute.
"""

import argparse
import os
import pathlib
import statistics
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
import skimage
import tensorflow as tf
import tqdm

from benchmarks.reporting import machine, spread, text_table
from sis_keras.data.batches import training_batches
from sis_keras.data.cache import open_cache
from sis_keras.data.crops import Crops
from sis_keras.data.open_source import open_source
from sis_keras.data.pairs import (
    find_pairs,
    read_pair,
)
from sis_keras.errors import UserError
from sis_keras.files.pictures import (
    read_rgb,
    write_rgb,
)

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
HEIGHT, WIDTH = 720, 1280
BATCH = 8


def write_pairs(folder: pathlib.Path) -> None:
    """Writes 1280x720 PNG pairs, the blurred half moved along its rows."""
    for name in PHOTOGRAPHS:
        photograph = getattr(skimage.data, name)()
        height, width, _ = photograph.shape
        after = ((0, HEIGHT - height), (0, WIDTH - width), (0, 0))
        sharp = np.pad(photograph, after, mode="reflect")
        write_rgb(folder / "sharp" / f"{name}.png", sharp)
        write_rgb(folder / "blur" / f"{name}.png", cv2.blur(sharp, (15, 1)))


class Pictures:
    """Stands in for `PictureCache`; `pair` gives what the cache would."""

    def __init__(self, names, shapes, pair):
        self.names, self.shapes, self._pair = names, shapes, pair
        self.synthetic = np.zeros(len(names), bool)

    def __len__(self):
        return len(self.names)

    def __getitem__(self, number):
        return self._pair(number)


class EightFromEach:
    """Stands in for `Crops`: cuts a whole batch from one decoded pair."""

    def __init__(self, pairs, crop_size):
        self.pairs, self.crop_size = pairs, crop_size

    def batch(self, start, size):
        pair = self.pairs[start // size % len(self.pairs)]
        decoded = read_pair(pair)
        shapes = [decoded[0].shape[:2]]
        one = Pictures([pair.name], shapes, lambda _: decoded)
        return Crops(one, self.crop_size, seed=start).batch(0, size)


def methods(folder, crop_size, cache_folder) -> dict:
    """What to hand to `training_batches`, by name."""
    pairs = find_pairs(folder)
    shapes = [read_rgb(pair.sharp).shape[:2] for pair in pairs]
    names = [pair.name for pair in pairs]
    decoded = Pictures(names, shapes, lambda number: read_pair(pairs[number]))
    cache = open_cache([open_source(str(folder))], cache_folder)
    return {
        "decode both PNGs, cut one": Crops(decoded, crop_size),
        "decode once, cut eight": EightFromEach(pairs, crop_size),
        "PictureCache (training)": Crops(cache, crop_size),
    }


def crops_per_second(crops, seconds: float) -> float:
    """Of one iterator, once its threads are busy."""
    batches = iter(training_batches(crops, BATCH))
    for _ in range(2):
        next(batches)
    count, start = 0, time.perf_counter()
    while time.perf_counter() < start + seconds:
        next(batches)
        count += BATCH
    return count / (time.perf_counter() - start)


def measure(folder, cache_folder, crop_size, rounds, seconds) -> str:
    """The table; each round measures every method."""
    by_name = methods(folder, crop_size, cache_folder)
    found = {name: [] for name in by_name}
    with tqdm.tqdm(total=rounds * len(found), desc="measuring") as progress:
        for _ in range(rounds):
            for name, crops in by_name.items():
                found[name].append(crops_per_second(crops, seconds))
                progress.update()
    slowest = statistics.median(next(iter(found.values())))
    rows = []
    for name, rates in found.items():
        rate = statistics.median(rates)
        ratio = f"{rate / slowest:.1f}"
        rows.append([name, f"{rate:.0f}", spread(rates, 0), ratio])
    return text_table(["method", "crops/s", "min..max", "ratio"], rows)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], allow_abbrev=False
    )
    parser.add_argument("--data", help="folder of pairs, as train.py takes it")
    parser.add_argument("--crop_size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each")
    arguments = parser.parse_args()
    print(machine(), flush=True)
    # As train.py; it decides how tf.data uses its threads.
    tf.config.experimental.enable_op_determinism()
    with tempfile.TemporaryDirectory() as temporary:
        temporary = pathlib.Path(temporary)
        folder = arguments.data
        if not folder:
            folder = temporary / "pairs"
            write_pairs(folder)
        try:
            table = measure(
                folder,
                temporary / "cache",
                arguments.crop_size,
                arguments.rounds,
                arguments.seconds,
            )
        except UserError as error:
            parser.error(str(error))
    print(f"\npairs of {arguments.crop_size}x{arguments.crop_size} crops:\n")
    print(table)


if __name__ == "__main__":
    main()
