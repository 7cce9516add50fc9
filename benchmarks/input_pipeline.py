"""Crops a second, by method: python -m benchmarks.input_pipeline

How fast pairs of crops reach a training step that takes no time itself,
from the same PNG pairs, through the same `training_batches`:

- both PNGs decoded whole for each crop;
- decoded once for eight crops;
- decoded once and for all into `PictureCache`: how training does it;
- cut before, into crop records a quarter larger;
- these by two workers of a tf.data service on this machine.

A crop counts once, though it has a blurred and a sharp half. Crops a core are
those of a second of processor time, which other programs on the machine take
nothing of; the service's have the workers' time in them, and that of the
process that trains. Without --data the pairs are scikit-image's photographs,
mirrored to 1280x720; they fit into memory, as far fewer than GOPRO_Large's
11.6 GB would.

Then what one GPU takes, worked out: a step's arithmetic, thrice the forward
pass, at --share of --peak_tflops. And what PNG would do to crop records: size,
and milliseconds to decode a pair. Takes about two minutes.
"""

import os
import pathlib
import statistics
import tempfile
import time
from typing import NamedTuple

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import cv2
import numpy as np
import psutil
import skimage
import tensorflow as tf
import tqdm

from benchmarks.local_service import local_service
from benchmarks.reporting import machine, spread, text_table
from sis_keras.commands.program import Parser
from sis_keras.data.batches import training_batches
from sis_keras.data.cache import open_cache
from sis_keras.data.crops import Crops
from sis_keras.data.open_source import open_source
from sis_keras.data.pairs import (
    find_pairs,
    read_pair,
)
from sis_keras.data.records.crops import CropRecords
from sis_keras.data.records.write import write_crops
from sis_keras.errors import UserError
from sis_keras.files.pictures import (
    read_rgb,
    write_rgb,
)
from sis_keras.networks.generator import build_generator
from sis_keras.networks.presets import PRESETS, preset_arguments
from sis_keras.training.throughput import multiply_adds

PHOTOGRAPHS = ("astronaut", "chelsea", "coffee", "rocket")
HEIGHT, WIDTH = 720, 1280
BATCH = 8
WORKERS = 2
STEP_CROPS = 64  # Of a step on a GPU.


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
        self.folders = [frozenset()] * len(names)
        self.digests = list(names)

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


def methods(folder, crop_size, cache_folder, count) -> dict:
    """What to hand to `training_batches`, by name."""
    pairs = find_pairs(folder)
    shapes = [read_rgb(pair.sharp).shape[:2] for pair in pairs]
    names = [pair.name for pair in pairs]
    decoded = Pictures(names, shapes, lambda number: read_pair(pairs[number]))
    cache = open_cache([open_source(str(folder))], cache_folder)
    records = str(cache_folder / "records")
    larger = Crops(cache, crop_size * 5 // 4)
    write_crops(larger, records, count, BATCH, 0, [str(folder)])
    return {
        "decode both PNGs, cut one": Crops(decoded, crop_size),
        "decode once, cut eight": EightFromEach(pairs, crop_size),
        "PictureCache": Crops(cache, crop_size),
        "crop records": CropRecords(records, crop_size),
    }


class Rate(NamedTuple):
    """Crops a second, and of a second of processor time."""

    wall: float
    core: float


def measured(crops, seconds: float, processes=()) -> Rate:
    """Of one iterator, once its threads are busy."""
    batches = iter(training_batches(crops, BATCH))
    for _ in range(2):
        next(batches)
    count, start = 0, time.perf_counter()
    used = processor_seconds(processes)
    while time.perf_counter() < start + seconds:
        next(batches)
        count += BATCH
    used = processor_seconds(processes) - used
    return Rate(count / (time.perf_counter() - start), count / used)


def processor_seconds(processes) -> float:
    """That this process and others have used."""
    return time.process_time() + sum(
        sum(psutil.Process(process.pid).cpu_times()[:2])
        for process in processes
    )


def measure(by_name, crop_size, rounds, seconds) -> dict[str, list[Rate]]:
    """Rates by method; each round measures every method."""
    served = f"crop records, service of {WORKERS}"
    found = {name: [] for name in [*by_name, served]}
    records = by_name["crop records"]
    progress = tqdm.tqdm(total=rounds * len(found), desc="measuring")
    with progress, local_service(WORKERS) as (address, processes):
        folder = records.index.folder
        others = {served: CropRecords(folder, crop_size, service=address)}
        for _ in range(rounds):
            for name, crops in (by_name | others).items():
                used = processes if name == served else ()
                found[name].append(measured(crops, seconds, used))
                progress.update()
    return found


def rates_table(found) -> str:
    """Of `measure`."""
    slowest = statistics.median(x.wall for x in next(iter(found.values())))
    rows = []
    for name, rates in found.items():
        walls = [rate.wall for rate in rates]
        rate = statistics.median(walls)
        core = statistics.median(x.core for x in rates)
        ratio = f"{rate / slowest:.1f}"
        rows.append(
            [name, f"{rate:.0f}", spread(walls, 0), ratio, f"{core:.0f}"]
        )
    header = ["method", "crops/s", "min..max", "ratio", "crops/s a core"]
    return text_table(header, rows)


def needs_table(found, crop_size, flops: float) -> str:
    """Cores that feed a device of so many FLOP/s, by preset and method."""
    needs = {}
    for preset in PRESETS:
        generator = build_generator(**preset_arguments(preset))
        # Twice for a multiply-add; forward once, backward twice.
        crop = 6 * multiply_adds(generator, crop_size, crop_size)
        needs[preset] = flops / crop
    rows = [
        ["GFLOP a crop", *(f"{flops / x / 1e9:.2f}" for x in needs.values())],
        [
            f"steps/s of {STEP_CROPS} crops",
            *(f"{x / STEP_CROPS:.0f}" for x in needs.values()),
        ],
        ["crops/s", *(f"{x:.0f}" for x in needs.values())],
    ]
    for name, rates in found.items():
        core = statistics.median(x.core for x in rates)
        cores = [f"{x / core:.1f}" for x in needs.values()]
        rows.append([f"cores: {name}", *cores])
    return text_table(["", *needs], rows)


def png_line(records) -> str:
    """What PNG would do to crop records, by TensorFlow's own decoder."""
    index, size = records.index, records.index.crop_size
    path = next(iter(index.shard_bytes))
    pairs = [
        np.frombuffer(record, np.uint8).reshape(2 * size, size, 3)
        for record in tf.data.TFRecordDataset(path)
        .take(100)
        .as_numpy_iterator()
    ]
    encoded = [tf.io.encode_png(pair) for pair in pairs]
    start = time.process_time()
    for png in encoded:
        tf.io.decode_png(png)
    milliseconds = 1000 * (time.process_time() - start) / len(pairs)
    share = sum(len(x.numpy()) for x in encoded) / sum(x.size for x in pairs)
    return (
        f"stored as PNG the {size}x{size} pairs take {share:.0%} of the bytes, "
        f"and {milliseconds:.1f} ms of a core to decode each"
    )


def main():
    parser = Parser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--data", help="folder of pairs, as train.py takes it")
    parser.add_argument("--crop_size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5, help="of each")
    parser.add_argument(
        "--count", type=int, default=2048, help="crops in the records"
    )
    parser.add_argument(
        "--peak_tflops", type=float, default=989.0, help="of a GPU, bfloat16"
    )
    parser.add_argument(
        "--share", type=float, default=0.35, help="of it that training gets"
    )
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
        size = arguments.crop_size
        try:
            by_name = methods(
                folder, size, temporary / "cache", arguments.count
            )
            found = measure(by_name, size, arguments.rounds, arguments.seconds)
        except UserError as error:
            parser.error(str(error))
        print(f"\npairs of {size}x{size} crops:\n\n{rates_table(found)}")
        print(f"\n{png_line(by_name['crop records'])}")
    flops = arguments.peak_tflops * 1e12 * arguments.share
    print(
        f"\ncores that feed {flops / 1e12:.0f} TFLOP/s (worked out from "
        f"crops/s a core):\n\n{needs_table(found, size, flops)}"
    )


if __name__ == "__main__":
    main()
