"""The benchmark's files in a folder, whichever way they were unpacked."""

import re
from typing import NamedTuple

import cv2
import numpy as np

from datasets.png import png_size
from datasets.trees import Folder, Zip
from sis_keras.errors import UserError

Key = tuple[int, int]  # Image and kernel.

_ID = r"([1-4])_([1-9]|1[0-2])"
_BLURRY = re.compile(rf"(?:.*/)?Blurry{_ID}\.png")
_MAT = re.compile(rf"(?:.*/)?GroundTruth{_ID}\.mat")
# GroundTruth1_3_30.png in any folder, or any file ending in the frame's number
# in a folder GroundTruth1_3.
_FRAME = re.compile(rf"(?:.*/)?GroundTruth{_ID}(?:_|/(?:[^/]*\D)?)(\d+)\.png")
_ZIPS = (
    "BlurryImages.zip",
    *(f"GroundTruth_pngs_Image{image}.zip" for image in range(1, 5)),
)
OFFICIAL_IMAGES = 48
FEWEST_FRAMES = 198


class File(NamedTuple):
    """A file of a tree."""

    tree: Folder | Zip
    name: str

    def read(self) -> bytes:
        return self.tree.read(self.name)

    def __str__(self) -> str:
        return self.tree.where(self.name)


class Files(NamedTuple):
    """What is there, by (image, kernel); frames by number, from 1."""

    blurry: dict[Key, File]
    mats: dict[Key, File]
    frames: dict[Key, dict[int, File]]


def list_files(folder) -> Files:
    """All files of the benchmark in a folder and in its zips, by their ids."""
    trees = [Folder(folder)]
    trees += [Zip(folder / name) for name in _ZIPS if (folder / name).is_file()]
    files = Files({}, {}, {})
    for tree in trees:
        for name in tree.names:
            if match := _BLURRY.fullmatch(name):
                files.blurry[_id(match)] = File(tree, name)
            elif match := _FRAME.fullmatch(name):
                frames = files.frames.setdefault(_id(match), {})
                frames[int(match.group(3))] = File(tree, name)
            elif isinstance(tree, Folder) and (match := _MAT.fullmatch(name)):
                files.mats[_id(match)] = File(tree, name)
    return files


def _id(match: re.Match) -> Key:
    return int(match.group(1)), int(match.group(2))


def shot_name(key: Key) -> str:
    return f"Blurry{key[0]}_{key[1]}"


def decoded(data: bytes, name: str) -> np.ndarray:
    """uint8 RGB of a PNG file's bytes, which are checked."""
    png_size(data, name)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise UserError(
            f"Expected a PNG picture. Received: {name}, {len(data)} bytes "
            "that do not decode. Copy or download it again."
        )
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
