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

import sis_keras
from sis_keras.data.open_source import open_source
from sis_keras.data.pairs import find_pairs, read_pair
from sis_keras.data.source_text import read_text
from sis_keras.data.triplets import find_triplets
from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.files.formats import VIDEO_SUFFIXES
from sis_keras.files.pictures import PICTURE_SUFFIXES, read_rgb
from sis_keras.training.validation import split_group

# Enough to find a flow by.
NEIGHBOUR_QUALITY = 30
PACKED_SUFFIXES = VIDEO_SUFFIXES.union(PICTURE_SUFFIXES)
LOSSLESS = 101  # OpenCV's word for it, as a quality of WebP.
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
    texts: Sequence[str],
    folder,
    stem: str,
    inputs: str,
    quality: int,
    photograph_quality: int | None = None,
) -> list[Packed]:
    """Copies sources into new folders, `<stem>_0` and so on.

    Args:
        texts: See `open_source`; not `tfds:`. Each folder is packed once; name
            pairs before their sharp halves. What `without:` leaves out stays
            behind, and so do photographs that no text takes by `sample:`. A
            name of a group, `real=`, stays.
        folder: Where to.
        stem: Of the new folders' names.
        inputs: Which half of the pairs is the input.
        quality: Of the pairs' WebP; `LOSSLESS` keeps every bit. Photographs
            that are the sharp halves of packed pairs are there already.
        photograph_quality: Of the WebP that photographs and frames become;
            None copies them as they are.

    Raises:
        UserError: A source of another kind, or bad pictures.
    """
    packed, numbers = [], itertools.count()
    places: dict[tuple[pathlib.Path, frozenset[str]], str] = {}
    leaves = [_read_given(given) for given in texts]
    for given, (group, text, leaf) in zip(texts, leaves, strict=True):
        named = f"{group}=" if group else ""
        named += leaf.prefix
        if leaf.kind == "tfds":
            raise UserError(
                "Expected sources that can be packed: files and folders. "
                f"Received: {given}."
            )
        if leaf.kind in ("skimage", "flat"):
            packed.append(Packed(f"{named}{leaf.path}", 0, 0))
            continue
        source, figures = _folder_of(leaf), (0, 0)
        key = source, leaf.left_out
        if key not in places:
            chosen = _chosen(
                [x for _, *x in leaves if _folder_of(x[1]) == source]
            )
            place = f"{stem}_{next(numbers)}"
            new = pathlib.Path(folder) / place
            if leaf.kind:
                figures = _pack_pictures(
                    text, source, leaf, chosen, new, photograph_quality
                )
                if source.is_file():
                    place = f"{place}/{source.name}"
            else:
                figures = _pack_pairs(
                    leaf.path, leaf.left_out, new, inputs, quality
                )
                for pair in find_pairs(leaf.path, inputs):
                    sequence = pair.name.rpartition("/")[0]
                    sharp = pathlib.Path(pair.sharp).parent.resolve()
                    places[sharp, frozenset()] = f"{place}/{sequence}/sharp"
            places[key] = place
        packed.append(Packed(f"{named}{places[key]}", *figures))
    return packed


def _read_given(given):
    """A group's name, the text after it, and the text taken apart."""
    group, text = split_group(given) if "=" in given else ("", given)
    text = os.path.expanduser(os.path.expandvars(text))
    return group, text, read_text(text)


def _folder_of(leaf):
    return pathlib.Path(os.path.expanduser(leaf.path)).resolve()


def _chosen(texts_and_leaves):
    """The files of a folder of photographs that some text takes; None: all."""
    chosen: set[str] = set()
    for text, leaf in texts_and_leaves:
        if "sample:" not in leaf.before or leaf.kind == "flow":
            return None
        chosen |= open_source(text).files
    return chosen


def _pack_pictures(text, source, leaf, chosen, new, quality):
    """Number of files and bytes.

    Frames that only tell how others move are kept at a lower quality.
    """
    if not source.exists():
        raise UserError(
            f"Expected pictures or a video. Received: {text}, which does not "
            "exist."
        )
    files = [source]
    if source.is_dir():
        files = sorted(x for x in source.rglob("*") if x.is_file())
        files = [x for x in files if x.suffix.lower() in PACKED_SUFFIXES]
    base = source if source.is_dir() else source.parent
    sharp = set(files)
    if leaf.kind == "flow" and source.is_dir():
        sharp = {triplet.files[1] for triplet in find_triplets(source)[0]}
    count = 0
    for path in files:
        relative = path.relative_to(base)
        left_out = not leaf.left_out.isdisjoint({*relative.parts, path.stem})
        if left_out or (chosen is not None and str(path) not in chosen):
            continue
        target = new / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if quality is None or path.suffix.lower() not in PICTURE_SUFFIXES:
            shutil.copyfile(path, target)
        else:
            least = (
                quality if path in sharp else min(quality, NEIGHBOUR_QUALITY)
            )
            _write_webp(target.with_suffix(".webp"), read_rgb(path), least)
        count += 1
    return count, size_of(new)


def _write_webp(path, picture, quality):
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    settings = [cv2.IMWRITE_WEBP_QUALITY, quality]
    path.write_bytes(cv2.imencode(".webp", bgr, settings)[1])


def _pack_pairs(path, left_out, new, inputs, quality):
    """Number of files, bytes, and what is left of both halves, dB."""
    scores: list[list[float]] = []
    for pair in find_pairs(path, inputs):
        sequence, _, frame = pair.name.rpartition("/")
        if not left_out.isdisjoint({*sequence.split("/"), frame}):
            continue
        scores.append([])
        for half, picture in zip(
            (inputs, "sharp"), read_pair(pair), strict=True
        ):
            target = new / sequence / half / f"{frame}.webp"
            target.parent.mkdir(parents=True, exist_ok=True)
            _write_webp(target, picture, quality)
            scores[-1].append(psnr(read_rgb(target), picture))
    kept = np.mean(scores, axis=0)
    left = [float(x) if np.isfinite(x) else None for x in kept]
    return 2 * len(scores), size_of(new), *left


def pack_code(folder) -> None:
    """Copies the library, without released weights, into a folder."""
    package, folder = (
        pathlib.Path(sis_keras.__file__).parent,
        pathlib.Path(folder),
    )
    for path in sorted(package.rglob("*.py")):
        target = folder / path.relative_to(package.parent)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)


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
        largest = sorted(parts, key=lambda x: parts[x], reverse=True)[:3]
        named = ", ".join(f"{x} {parts[x] / 2**20:.1f}" for x in largest)
        raise UserError(
            f"Expected a folder of at most {limit / 2**20:.1f} MiB. Received: "
            f"{size / 2**20:.1f} MiB, of which {named}. Lower `quality` or "
            "name fewer sources."
        )
