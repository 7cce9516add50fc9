"""Where pictures come from, named by one string on the command line.

| string | pictures |
|---|---|
| `FOLDER` | pairs: `blur/` and `sharp/`, or `input/` and `target/`, below it |
| `photographs:FOLDER` | sharp pictures in it, with synthetic blur |
| `sharp:FOLDER` | the same as they are: input and target are equal |
| `shallow:FOLDER` | the same, parts of each out of focus, which stay so |
| `flat:N` | N plain colours and gradients, which stay as they are |
| `skimage:train`, `skimage:test` | scikit-image's, with synthetic blur |
| `frames:PATH` | a video or folder of frames; 7 to 13 of them averaged |
| `tfds:gopro/blur:train` | a split of a TFDS builder of `datasets/` |
| `flow:PATH` | frames of a video or folder, blurred along their optical flow |
| `half:SOURCE` | any of these at half size, so that a pixel is sharp |
| `grey:SOURCE` | any of these in black and white |
| `matched:SOURCE` | any of these, blurred halves as bright as the sharp ones |
| `without:A+B:SOURCE` | any of these but the sequences or files A and B |
| `sample:N:SOURCE` | N pairs of any of these, evenly spaced |
"""

import functools
import os
import pathlib
from collections.abc import Callable

from sis_keras.data.blur.synthetic import (
    CAMERA_STREAK,
)
from sis_keras.data.frames import blur_from_frames
from sis_keras.data.made_source import (
    BLUR_VERSION,
    flat_source,
    flow_source,
    photograph_source,
    photographs_in,
    shallow_source,
    sharp_source,
)
from sis_keras.data.natural_order import in_natural_order
from sis_keras.data.pairs import find_pairs, pair_size, read_pair
from sis_keras.data.source import (
    Item,
    Source,
    fingerprint_of,
    of_items,
    resolved,
)
from sis_keras.data.source_text import expanded, is_benchmark
from sis_keras.data.wrapped_source import PHOTOGRAPHS, WRAPPERS
from sis_keras.errors import UserError
from sis_keras.files.pictures import list_pictures, stored_size


def open_source(
    text: str,
    inputs: str = "blur",
    versions: int = 1,
    seed: int = 0,
    streak: tuple[float, float] = CAMERA_STREAK,
    kind_of_blur: str = "dynamic",
    flow_versions: int | None = None,
    make_builder: Callable | None = None,
) -> Source:
    """The source that a string names; see this module's table.

    Args:
        text: `~` and `$VARIABLE` are expanded in it.
        inputs: Which half of a folder's pairs is the input: "blur" or
            "blur_gamma".
        versions: How often each photograph is blurred, each time differently.
        seed: Of the synthetic blur.
        streak: Its `extent`; see `synthetic_blur`.
        kind_of_blur: A key of `BLURS`.
        flow_versions: How often each frame is blurred along its flow; None is
            as often as a photograph.
        make_builder: Takes `gopro/blur`, gives a prepared TFDS builder.

    Raises:
        UserError: The string names nothing that exists.
    """
    arguments = {
        "inputs": inputs,
        "versions": versions,
        "seed": seed,
        "streak": streak,
        "kind_of_blur": kind_of_blur,
        "flow_versions": flow_versions,
        "make_builder": make_builder,
    }
    return _open(text, arguments)


def _open(text, arguments, half=False):
    """`half` is for photographs, which are halved before they are blurred."""
    text = expanded(text)
    if is_benchmark(text):
        raise UserError(
            "Expected a source of pairs, blurred and sharp. Received: "
            f"{text}, the Köhler benchmark, which has none. evaluate.py scores "
            "it, alone: `test_data=kohler:FOLDER` or tfds:kohler:test."
        )
    kind, _, rest = text.partition(":")
    rest = os.path.expanduser(rest)
    if kind in WRAPPERS:
        open_ = functools.partial(_open, arguments=arguments)
        return WRAPPERS[kind](text, rest, open_)
    if kind in PHOTOGRAPHS:
        return photograph_source(text, kind, rest, arguments, half)
    if kind == "flow":
        return flow_source(text, rest, arguments)
    if kind == "flat":
        return flat_source(text, rest, arguments["seed"])
    if kind == "sharp":
        return sharp_source(text, photographs_in(kind, rest))
    if kind == "shallow":
        return shallow_source(text, photographs_in(kind, rest), arguments)
    if kind == "frames":
        return _frames(text, rest, arguments["inputs"], arguments["seed"])
    if kind == "tfds":
        return _tfds(text, rest, arguments["make_builder"])
    return _folder(text, arguments["inputs"])


def _folder(text, inputs):
    items = [
        Item(
            pair.name,
            (pair.blurry, pair.sharp),
            functools.partial(read_pair, pair),
            functools.partial(pair_size, pair),
        )
        for pair in find_pairs(text, inputs)
    ]
    return of_items(text, items, synthetic=False, input=inputs)


def _frames(text, path, inputs, seed):
    path = pathlib.Path(path)
    if not path.exists():
        raise UserError(
            "frames:PATH expects a video or a folder of frames. "
            f"Received: {path}, which does not exist."
        )
    gamma = 2.2 if inputs == "blur_gamma" else None
    files = in_natural_order(list_pictures(path)) if path.is_dir() else [path]
    return Source(
        name=text,
        fingerprint=fingerprint_of(files, BLUR_VERSION, gamma, seed),
        count=0,
        synthetic=False,
        input=f"7 to 13 averaged frames ({inputs})",
        files=resolved(files),
        examples=lambda: blur_from_frames(path, gamma=gamma, seed=seed),
        size=lambda: _size_of_frames(path, files),
    )


def _size_of_frames(path, files):
    if path.is_dir():
        return stored_size(files[0]) if files else None
    from sis_keras.files.video.frames_at import frame_size

    return frame_size(path)


def _tfds(text, rest, make_builder):
    if make_builder is None:
        raise UserError(f"No TFDS builders are to be had for {text}.")
    name, _, split = rest.partition(":")
    builder = make_builder(name)
    splits = builder.info.splits
    if split not in splits:
        raise UserError(
            f"Expected tfds:{name}:SPLIT with SPLIT in {sorted(splits)}. "
            f"Received: {text}."
        )

    def examples():
        dataset = builder.as_dataset(split=split, shuffle_files=False)
        for example in dataset.as_numpy_iterator():
            sequence, frame = example["sequence"], example["frame"]
            name = f"{sequence.decode()}/{frame.decode()}"
            yield name, example["blurry"], example["sharp"]

    return Source(
        name=text,
        fingerprint=(
            f"{builder.info.full_name}:{split}:"
            f"{splits[split].num_examples}:{splits[split].num_bytes}"
        ),
        count=splits[split].num_examples,
        synthetic=False,
        input=name,
        files=frozenset([f"{builder.info.full_name}:{split}"]),
        examples=examples,
    )
