"""LiteRT files as restorers, and what is written into them beside the network.

A file's metadata `sis_keras` is JSON:

    weights     name of the weights and their SHA-256
    arguments   of `build_generator`
    card        of the weights
    size        [height, width]
    quantize    one of `export.litert.choices.QUANTIZATIONS`
    io          "float32" or "uint8", of input and output
    parity      the figures of `export.litert.parity`
"""

import json
import os
import pathlib
import struct

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.pictures import to_uint8
from sis_keras.optional import optional_package
from sis_keras.quiet import muted_stderr
from sis_keras.restoring import tiles


def open_interpreter(content: bytes):
    """LiteRT's interpreter of a file's content, its tensors allocated.

    It runs on a thread for each core.

    Raises:
        UserError: The runtime is not installed, or it refuses the file.
    """
    runtime = _of_litert("interpreter")
    try:
        with muted_stderr():
            interpreter = runtime.Interpreter(
                model_content=content, num_threads=os.cpu_count() or 1
            )
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"Expected a LiteRT file that this machine runs. Received: {error}"
        ) from error
    return interpreter


def _of_litert(name):
    return optional_package(f"ai_edge_litert.{name}", "phones")


METADATA = "sis_keras"


def with_metadata(content: bytes, metadata: dict) -> bytes:
    """The same file with JSON beside the network."""
    schema = _of_litert("schema_py_generated")
    flatbuffer_utils = optional_package(
        "ai_edge_litert.tools.flatbuffer_utils", "phones"
    )

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = list(json.dumps(metadata).encode())
    entry.name, entry.buffer = METADATA, len(model.buffers)
    model.buffers.append(buffer)
    model.metadata = [*(model.metadata or []), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


def read_metadata(content: bytes) -> dict | None:
    """What `with_metadata` wrote; None where there is nothing of it."""
    schema = _of_litert("schema_py_generated")

    model = schema.Model.GetRootAs(content, 0)
    for number in range(model.MetadataLength()):
        entry = model.Metadata(number)
        if entry.Name() == METADATA.encode():
            buffer = model.Buffers(entry.Buffer())
            return json.loads(buffer.DataAsNumpy().tobytes())
    return None


class Network:
    """What a LiteRT file computes, for pictures of its size and smaller ones.

    Args:
        content: Of the file.
        size: `(height, width)` of its pictures.

    Raises:
        UserError: The runtime is not installed, or it refuses the file.
    """

    def __init__(self, content: bytes, size: tuple[int, int]):
        self.size = size
        self._interpreter = open_interpreter(content)
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()

    def __call__(self, picture: np.ndarray) -> np.ndarray:
        """float32 `(h, w, 3)` in [0, 1], at most `size`, to the same."""
        height, width, _ = picture.shape
        missing = [
            (0, whole - part)
            for whole, part in zip(self.size, (height, width), strict=True)
        ]
        whole = np.pad(picture, [*missing, (0, 0)], "reflect")
        if self._input["dtype"] == np.uint8:
            whole = to_uint8(whole)
        self._interpreter.set_tensor(self._input["index"], whole[None])
        self._interpreter.invoke()
        restored = self._interpreter.get_tensor(self._output["index"])[0]
        if restored.dtype == np.uint8:
            restored = restored / np.float32(255)
        return restored[:height, :width].copy()


class LiteRTRestorer:
    """A LiteRT file as one callable, like any `Restorer`.

    The file restores one size alone. Smaller pictures are reflected up to it,
    larger ones are cut into tiles that overlap and fade into each other.

    Args:
        path: Of the file.

    Attributes:
        size: `(height, width)` of what the file restores.
        precision: Of its arithmetic, in words.

    Raises:
        UserError: The file is missing, damaged, or not of this project; or
            LiteRT is not installed.
    """

    def __init__(self, path):
        path = pathlib.Path(path)
        content = path.read_bytes()
        self.name = path.name
        self.metadata = checked_metadata(path, content)
        self.size = tuple(self.metadata["size"])
        self.precision = f"LiteRT, quantize={self.metadata.get('quantize')}"
        try:
            self._network = Network(content, self.size)
        except UserError as error:
            raise UserError(f"{path}: {error}") from error

    def __call__(self, blurry: np.ndarray) -> np.ndarray:
        """float32 `(n, h, w, 3)` in [0, 1] to the same, clipped."""
        return np.stack([self._restore(picture) for picture in blurry])

    def cut(
        self, height: int, width: int
    ) -> tuple[list[tiles.Span], list[tiles.Span]]:
        """Rows and columns of the tiles that a picture is restored in."""
        lengths = zip((height, width), self.size, strict=True)
        rows, columns = (tiles.cut_within(*x, tiles.OVERLAP) for x in lengths)
        return rows, columns

    def _restore(self, picture):
        rows, columns = self.cut(*picture.shape[:2])
        restored = np.empty_like(picture)
        for region, part in tiles.blend(
            rows, columns, lambda region: self._network(picture[region.slices])
        ):
            restored[region.slices] = part
        return restored


def checked_metadata(path: pathlib.Path, content: bytes) -> dict:
    """What export.py wrote into a file.

    Raises:
        UserError: Another program wrote it, or it is damaged.
    """
    try:
        # The flatbuffer's own mark, without which its reader reads anything.
        metadata = read_metadata(content) if content[4:8] == b"TFL3" else None
    except (struct.error, IndexError, TypeError, ValueError):
        metadata = None
    if not metadata or "size" not in metadata:
        raise UserError(
            "Expected a LiteRT file that export.py wrote. Received: "
            f"{path}, which another program wrote, or which is damaged."
        )
    return metadata
