"""One small folder that trains on a machine without network or TensorFlow."""

import itertools
import os
import pathlib
import shutil
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from sis_keras.errors import UserError
from sis_keras.metrics import psnr
from sis_keras.pairs import find_pairs, read_pair
from sis_keras.pictures import list_pictures, read_rgb

HALF = "half:"
LOSSLESS = 101  # OpenCV's word for it, as a quality of WebP.
PROGRAMS = ("run_flags.py", "train.py", "train_jax.py")
# pip matches the number exactly.
PLATFORMS = [
    f"manylinux{number}_x86_64"
    for number in ("_2_28", "_2_27", "_2_17", "2014", "1")
]


class Packed(NamedTuple):
    """A source as it was packed.

    Attributes:
        text: Names it from inside the folder.
        pictures: Number of files.
        size: Bytes.
        blurry_psnr, sharp_psnr: What is left of the pictures, mean dB; None
            where nothing is lost.
    """

    text: str
    pictures: int
    size: int
    blurry_psnr: float | None = None
    sharp_psnr: float | None = None


def pack_sources(
    texts: Sequence[str], folder, stem: str, inputs: str, quality: int
) -> list[Packed]:
    """Copies sources into new folders, `<stem>_0` and so on.

    Args:
        texts: Folders of pairs, `photographs:` or `sharp:` and a folder, or
            `skimage:`, which is there wherever scikit-image is; all may
            follow `half:`. Each folder is packed once; name pairs before
            their sharp halves.
        folder: Where to.
        stem: Of the new folders' names.
        inputs: Which half of the pairs is the input.
        quality: Of the pairs' WebP; `LOSSLESS` keeps every bit. Photographs
            are copied as they are, once from each folder; those that are the
            sharp halves of packed pairs are there already.

    Raises:
        UserError: A source of another kind, or bad pictures.
    """
    packed, places, numbers = [], {}, itertools.count()
    for given in texts:
        half = HALF if given.startswith(HALF) else ""
        text = os.path.expanduser(os.path.expandvars(given[len(half) :]))
        kind, colon, rest = text.partition(":")
        if not colon:
            kind, rest = "", text
        if kind not in ("", "photographs", "sharp", "skimage"):
            raise UserError(
                "Expected sources that can be packed: a FOLDER of pairs, "
                "photographs:FOLDER, sharp:FOLDER, skimage:train, or half: and "
                f"one of these. Received: {given}."
            )
        if kind == "skimage":
            packed.append(Packed(f"{half}{kind}:{rest}", 0, 0))
            continue
        source, figures = pathlib.Path(rest).resolve(), (0, 0)
        if source not in places:
            place = places[source] = f"{stem}_{next(numbers)}"
            new = pathlib.Path(folder) / place
            if colon:
                figures = _pack_photographs(text, rest, new)
            else:
                figures = _pack_pairs(text, new, inputs, quality)
                for pair in find_pairs(text, inputs):
                    sequence = pair.name.rpartition("/")[0]
                    sharp = pathlib.Path(pair.sharp).parent.resolve()
                    places[sharp] = f"{place}/{sequence}/sharp"
        named = f"{half}{kind}{colon}{places[source]}"
        packed.append(Packed(named, *figures))
    return packed


def _pack_photographs(text, folder, new):
    """Number of files and bytes."""
    if not pathlib.Path(folder).is_dir():
        raise UserError(
            f"Expected a folder of photographs. Received: {text}, which is no "
            "folder."
        )
    files = list_pictures(folder)
    new.mkdir(parents=True, exist_ok=True)
    for path in files:
        shutil.copy(path, new)
    return len(files), size_of(new)


def _pack_pairs(text, new, inputs, quality):
    """Number of files, bytes, and what is left of both halves, dB."""
    scores = []
    pairs = find_pairs(text, inputs)
    for pair in pairs:
        sequence, _, frame = pair.name.rpartition("/")
        scores.append([])
        for half, picture in zip(
            (inputs, "sharp"), read_pair(pair), strict=True
        ):
            path = new / sequence / half / f"{frame}.webp"
            path.parent.mkdir(parents=True, exist_ok=True)
            bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
            settings = [cv2.IMWRITE_WEBP_QUALITY, quality]
            path.write_bytes(cv2.imencode(".webp", bgr, settings)[1])
            scores[-1].append(psnr(read_rgb(path), picture))
    kept = np.mean(scores, axis=0)
    left = [float(x) if np.isfinite(x) else None for x in kept]
    return 2 * len(pairs), size_of(new), *left


def pack_code(root, folder) -> None:
    """Copies the library and the programs that train.

    Args:
        root: Holds `sis_keras/` and the programs.
        folder: Where to.
    """
    root, folder = pathlib.Path(root), pathlib.Path(folder)
    (folder / "sis_keras").mkdir(parents=True)
    for path in sorted((root / "sis_keras").glob("*.py")):
        shutil.copy(path, folder / "sis_keras")
    for name in PROGRAMS:
        shutil.copy(root / name, folder)


def pack_wheels(packages: Sequence[str], folder, python: str) -> None:
    """Downloads wheels for Linux on x86-64, without what they require.

    Args:
        packages: As for pip, such as `keras==3.15.1`.
        folder: Where to.
        python: Version that they are for, such as "3.12".

    Raises:
        UserError: pip finds one not.
    """
    if not packages:
        return
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation=cp"]
    command += [f"--python-version={python}", f"--dest={folder}"]
    command += [f"--platform={platform}" for platform in PLATFORMS]
    done = subprocess.run(
        [*command, *packages], capture_output=True, text=True, check=False
    )
    if done.returncode:
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        raise UserError(
            f"pip could not download {', '.join(packages)}: {said[-1]}"
        )


def size_of(folder) -> int:
    """Bytes of all files below a folder."""
    files = (path for path in pathlib.Path(folder).rglob("*"))
    return sum(path.stat().st_size for path in files if path.is_file())


def check_size(folder, limit: int) -> None:
    """Makes sure that a folder holds at most `limit` bytes.

    Raises:
        UserError: It holds more.
    """
    size = size_of(folder)
    if size > limit:
        parts = {
            path.name: size_of(path)
            for path in pathlib.Path(folder).iterdir()
            if path.is_dir()
        }
        largest = sorted(parts, key=parts.get, reverse=True)[:3]
        named = ", ".join(f"{x} {parts[x] / 2**20:.1f}" for x in largest)
        raise UserError(
            f"Expected a folder of at most {limit / 2**20:.1f} MiB. Received: "
            f"{size / 2**20:.1f} MiB, of which {named}. Lower --quality or "
            "name fewer sources."
        )
