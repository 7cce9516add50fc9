"""Numbered frames: each after the one before it."""

import pathlib

import numpy as np

from sis_keras.data.frames import blur_from_frames
from sis_keras.data.natural_order import in_natural_order
from sis_keras.data.open_source import open_source
from sis_keras.data.triplets import find_triplets
from sis_keras.files.pictures import write_rgb


def test_numbers_count_wherever_they_stand():
    names = "1.png 1_b.png 02.png 2.png 10.png a1c2.png a1c10.png".split()
    names += "a2.jpg a2.png a10c1.png a10c1_left.png b.png ４.png".split()
    paths = [pathlib.Path(name) for name in names]
    assert in_natural_order(reversed(paths)) == paths


def flat_frames(folder, names):
    """Each frame is 10 levels brighter than the one before."""
    for number, name in enumerate(names, 1):
        write_rgb(folder / name, np.full((48, 48, 3), 10 * number, np.uint8))


def test_averaged_frames_follow_each_other(tmp_path):
    """The mean of a ramp is its middle frame."""
    flat_frames(tmp_path, [f"frame{n}.png" for n in range(1, 15)])
    pairs = list(blur_from_frames(tmp_path, frames_per_picture=(7, 7)))
    assert [name.partition("/")[2] for name, *_ in pairs] == [
        "frame4",
        "frame11",
    ]
    for _, blurry, sharp in pairs:
        np.testing.assert_array_equal(blurry, sharp)
    for _, blurry, sharp in open_source(f"frames:{tmp_path}").examples():
        np.testing.assert_array_equal(blurry, sharp)


def test_triplets_follow_each_other(tmp_path):
    """The number may stand before the end, too."""
    flat_frames(tmp_path, [f"frame{n}_left.png" for n in range(8, 14)])
    found, _ = find_triplets(tmp_path)
    assert [[path.name for path in x.files] for x in found] == [
        [f"frame{n}_left.png" for n in range(8, 11)],
        [f"frame{n}_left.png" for n in range(11, 14)],
    ]
