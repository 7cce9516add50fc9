"""The benchmark, opened to be scored: `kohler:FOLDER` and its like.

| text | what is compared with |
|---|---|
| `kohler:FOLDER` | the frames in the benchmark's own files, as downloaded |
| `tfds:kohler:test` | the same, of the prepared config `ground_truth` |
| `single-gt:FOLDER` | one picture: GroundTruth1.png or GroundTruth1_3.png |
"""

import functools
import pathlib
import re
from collections.abc import Callable, Collection, Iterator

import numpy as np

from datasets.kohler.files import (
    FEWEST_FRAMES,
    File,
    Files,
    Key,
    decoded,
    list_files,
    shot_name,
)
from datasets.kohler.ground_truth import (
    count_mat_frames,
    is_scored,
    read_mat_frames,
)
from datasets.kohler.prepared import frame_numbers, prepared_shots
from datasets.trees import Folder, shorten
from sis_keras.data.benchmark import Benchmark, Shot
from sis_keras.data.source_text import expanded, read_text
from sis_keras.errors import UserError

ALL = [(image, kernel) for image in range(1, 5) for kernel in range(1, 13)]
LAYOUT = (
    "the benchmark's files, BlurryImages/Blurry1_1.png and so on, and "
    "GroundTruth/GroundTruth1_1.mat or .png frames of it"
)
_SINGLE = re.compile(r"(?:.*/)?GroundTruth([1-4](?:_(?:[1-9]|1[0-2]))?)\.png")


def open_benchmark(
    text: str,
    limit: int | None = None,
    make_builder: Callable | None = None,
) -> Benchmark:
    """The shots that a text of this module's table names.

    Args:
        text: `~` and `$VARIABLE` are expanded in it.
        limit: This many of those that are there, from the first; None wants
            all 48.
        make_builder: Takes `kohler/ground_truth`, gives a prepared builder.

    Raises:
        UserError: Nothing is there, or a part is missing or damaged.
    """
    text = expanded(text)
    leaf = read_text(text)
    if leaf.before or leaf.left_out:
        raise UserError(
            "Expected the Köhler benchmark as it is, such as kohler:FOLDER. "
            f"Received: {text}. Leave out what stands before it."
        )
    if leaf.kind == "tfds":
        return _prepared(text, leaf.path, limit, make_builder)
    folder = pathlib.Path(leaf.path).expanduser()
    if not folder.is_dir():
        raise UserError(
            f"Expected {leaf.kind}:FOLDER with {LAYOUT}. Received: {folder}, "
            "which is no folder."
        )
    files = list_files(folder)
    if not files.blurry:
        raise UserError(
            f"Expected {LAYOUT}, in {folder}. Found: "
            f"{shorten(sorted(x.name for x in folder.iterdir()))}. Download "
            "or unpack it again."
        )
    if leaf.kind == "single-gt":
        return _single(text, folder, files, limit)
    frames = files.mats.keys() | files.frames.keys()
    keys = _chosen(files.blurry.keys(), frames, folder, limit)
    for key in keys:
        _check_numbers(key, _numbers(files, key), folder)
    return Benchmark(
        text,
        "kohler",
        len(keys),
        lambda: (
            Shot(
                *key,
                decoded(files.blurry[key].read(), str(files.blurry[key])),
                functools.partial(_frames, files, key),
            )
            for key in keys
        ),
    )


def _prepared(text, rest, limit, make_builder) -> Benchmark:
    name, _, split = rest.partition(":")
    # The builder's first config has no frames, and cannot be scored on.
    name = "kohler/ground_truth" if name == "kohler" else name
    if name != "kohler/ground_truth" or split != "test":
        raise UserError(
            f"Expected tfds:kohler:test, whose sharp frames are scored on. "
            f"Received: {text}."
        )
    if make_builder is None:
        raise UserError(f"No TFDS builders are to be had for {text}.")
    builder = make_builder(name)
    numbers = frame_numbers(builder)
    chosen = _chosen(numbers, numbers, builder.data_dir, limit)
    for key in chosen:
        _check_numbers(key, numbers[key], builder.data_dir)
    return Benchmark(
        text, "kohler", len(chosen), lambda: prepared_shots(builder, chosen)
    )


def _chosen(
    blurry: Collection[Key], sharp: Collection[Key], where, limit: int | None
) -> list[Key]:
    """The shots to score, in order; every one of 48 without a limit."""
    lacking = [
        [key for key in ALL if key not in present]
        for present in (blurry, sharp)
    ]
    there = [key for key in ALL if key in blurry and key in sharp]
    if not there:
        raise UserError(
            f"Expected blurred pictures and their sharp frames in {where}. "
            f"Found: sharp frames of {len(sharp)} pictures, none of the "
            f"{len(blurry)} blurred ones. Download or unpack them too."
        )
    if limit:
        return there[:limit]
    for missing, what in zip(
        lacking, ("blurred pictures", "sharp frames of"), strict=True
    ):
        if missing:
            raise UserError(
                f"Expected all {len(ALL)} of the benchmark in {where}. "
                f"Missing: the {what} {shorten(map(shot_name, missing))}. "
                "Download them, or score so many of those that are whole "
                "with `limit=N`."
            )
    return there


def _check_numbers(key: Key, numbers: Collection[int], where) -> None:
    """Frames are numbered from 1, without holes, up to 198 or further."""
    name = shot_name(key)
    if 0 in numbers:
        raise UserError(
            "Expected frames numbered from 1, as the benchmark does. Received: "
            f"number 0 of {name} in {where}. Rename the files."
        )
    last = max(FEWEST_FRAMES, *numbers)
    missing = [
        number
        for number in range(1, last + 1)
        if number not in numbers and is_scored(*key, number)
    ]
    if missing:
        raise UserError(
            f"Expected the sharp frames 1 to {last} of {name} in {where}. "
            f"Missing: {len(missing)}, {shorten(map(str, missing))}. "
            "Download them again."
        )


# === The benchmark's own files ===


def _numbers(files: Files, key: Key) -> Collection[int]:
    if key in files.frames:
        return files.frames[key].keys()
    return range(1, count_mat_frames(str(files.mats[key])) + 1)


def _frames(files: Files, key: Key) -> Iterator[tuple[int, np.ndarray]]:
    """The scored frames one by one; PNG files go before, as in the builder."""
    if key in files.frames:
        for number, file in sorted(files.frames[key].items()):
            if is_scored(*key, number):
                yield number, decoded(file.read(), str(file))
    else:
        for number, frame in read_mat_frames(str(files.mats[key])):
            if is_scored(*key, number):
                yield number, frame


# === One sharp picture ===


def _single(text, folder, files: Files, limit) -> Benchmark:
    tree = Folder(folder)
    sharp = {
        match.group(1): File(tree, name)
        for name in tree.names
        if (match := _SINGLE.fullmatch(name))
    }
    of_key = {
        key: sharp.get(f"{key[0]}_{key[1]}") or sharp.get(str(key[0]))
        for key in ALL
    }
    of_key = {key: file for key, file in of_key.items() if file}
    keys = _chosen(files.blurry.keys(), of_key.keys(), folder, limit)

    def frames(key):
        yield 1, decoded(of_key[key].read(), str(of_key[key]))

    return Benchmark(
        text,
        "single-gt",
        len(keys),
        lambda: (
            Shot(
                *key,
                decoded(files.blurry[key].read(), str(files.blurry[key])),
                functools.partial(frames, key),
            )
            for key in keys
        ),
    )
