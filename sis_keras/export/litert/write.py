"""From weights to a LiteRT file that was seen to compute the same."""

import collections
import itertools
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import numpy as np

from sis_keras.data.source import Source
from sis_keras.errors import UserError
from sis_keras.export.litert import parity as litert_parity
from sis_keras.export.litert.convert import fixed_model, float32_file
from sis_keras.export.litert.delegation import delegation
from sis_keras.export.litert.quantize import quantized
from sis_keras.files.atomic import atomic_path
from sis_keras.files.pictures import to_uint8
from sis_keras.files.writable import check_file
from sis_keras.optional import optional_package
from sis_keras.restoring.litert import LiteRTRestorer, with_metadata
from sis_keras.restoring.precision import policy_of
from sis_keras.restoring.restorer import KerasRestorer
from sis_keras.weights.generators import load_generator
from sis_keras.weights.released import fingerprint, weight_file

OPEN = """
import sys
from ai_edge_litert.interpreter import Interpreter
Interpreter(sys.argv[1]).allocate_tensors()
"""
# More than so many pictures tell neither ranges nor parity better.
MOST_PICTURES = 32


def write_litert(
    weights,
    output,
    height: int,
    width: int,
    quantize: str,
    io: str,
    representative: Source,
    parity: Source,
) -> dict:
    """Converts, compares with Keras, and only then gives the file its name.

    Args:
        weights: Released name or path of a weight file.
        output: Path of the file.
        height, width: Of the pictures that the file restores.
        quantize: One of `choices.QUANTIZATIONS`.
        io: One of `choices.IO_TYPES`.
        representative: Blurred pictures that int8 finds its ranges on.
        parity: Pairs that file and Keras are compared on. Pictures of both
            are cut or reflected to the size.

    Returns:
        The file's metadata, and `operators`: how many of each kind run on the
        accelerator and how many do not.

    Raises:
        UserError: The file is too far from Keras or cannot be written, an
            argument is wrong, or LiteRT is not installed.
    """
    optional_package("ai_edge_litert.interpreter", "phones")
    check_file(output)
    with policy_of("float32"):
        generator, facts = load_generator(weights)
    by_keras = KerasRestorer(generator)
    if io == "uint8":
        by_keras = _rounding(by_keras)
    model = fixed_model(generator, height, width, io)
    content = quantized(
        float32_file(model),
        quantize,
        inputs(representative, height, width, io),
    )
    metadata = {
        "weights": {
            "name": pathlib.Path(weights).name,
            **fingerprint(weight_file(weights).read_bytes()),
        },
        **facts,
        "size": [height, width],
        "quantize": quantize,
        "io": io,
    }
    with atomic_path(output) as temporary:
        temporary.write_bytes(with_metadata(content, metadata))
        _check_it_opens(temporary)
        metadata["parity"] = litert_parity.compare(
            LiteRTRestorer(temporary),
            by_keras,
            pairs(parity, height, width),
        )
        litert_parity.check(metadata["parity"], quantize)
        metadata["parity"]["source"] = parity.name
        temporary.write_bytes(with_metadata(content, metadata))
    return {**metadata, "operators": operators_of(content)}


def _check_it_opens(path):
    """In another process, because XNNPACK aborts where scales are extreme."""
    done = subprocess.run(
        [sys.executable, "-c", OPEN, str(path)], capture_output=True
    )
    if done.returncode:
        raise UserError(
            "Expected a file that LiteRT opens. Received: one that ends the "
            f"runtime (status {done.returncode}), as int8 does where a "
            "layer's values are huge; nothing was written. Try "
            "`quantize=dynamic`, or other weights; `python -m "
            "tools.activations WEIGHTS` shows each scale."
        )


def _rounding(restorer):
    """What the restorer gives, as a file that gives uint8 would."""
    return lambda blurry: to_uint8(restorer(blurry)) / np.float32(255)


def operators_of(content: bytes) -> dict[str, dict[str, int]]:
    """How many operators of each kind are `delegated` to XNNPACK, and `left`.

    Args:
        content: Of a file.
    """
    delegated, left = delegation(content)
    return {
        "delegated": dict(collections.Counter(delegated).most_common()),
        "left": dict(collections.Counter(left).most_common()),
    }


def inputs(source: Source, height: int, width: int, io: str):
    """The blurred halves of `pairs`, as a file of type `io` takes them."""
    for blurry, _ in pairs(source, height, width):
        yield blurry[None] if io == "uint8" else blurry[None] / np.float32(255)


def pairs(source: Source, height: int, width: int) -> Iterator[tuple]:
    """Parts of a source's pairs, `(height, width, 3)` each, from their middle.

    At most four of a pair; smaller pictures are reflected at their ends.
    """
    every = (
        part
        for _, *pair in source.examples()
        for part in zip(*(_parts(x, height, width) for x in pair), strict=True)
    )
    return itertools.islice(every, MOST_PICTURES)


def _parts(picture, height, width):
    counts = [
        min(max(length // size, 1), 2)
        for length, size in zip(picture.shape, (height, width), strict=False)
    ]
    middle = _fitted(picture, counts[0] * height, counts[1] * width)
    for row, column in np.ndindex(*counts):
        rows = slice(row * height, (row + 1) * height)
        yield middle[rows, column * width : (column + 1) * width]


def _fitted(picture, height, width):
    for axis, size in enumerate((height, width)):
        length = picture.shape[axis]
        first = max(length - size, 0) // 2
        index = np.arange(first, first + min(length, size))
        picture = picture.take(index, axis)
    missing = [
        (0, size - length)
        for size, length in zip((height, width), picture.shape, strict=False)
    ]
    return np.pad(picture, [*missing, (0, 0)], "reflect")
