"""JPEG files, cut up, and their pictures decoded as far as they go."""

import io
import re
import struct
from typing import NamedTuple

import numpy as np
from PIL import Image

END = b"\xff\xd9"
APP0, APP14, START_OF_SCAN, END_OF_IMAGE = 0xE0, 0xEE, 0xDA, 0xD9
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# What decoders go by; 0xE0 and 0xEE tell them what the colours are.
DECODED = {*range(0xC0, 0xE0), APP0, APP14}
_MARKER = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")


class Parts(NamedTuple):
    """A file, cut up.

    Attributes:
        segments: `(marker, data)` before the first scan.
        scans: From there to the end of the picture, END included.
        is_whole: Whether END was there.
        tail: What follows: other pictures, a video, anything.
        end: Where the tail begins.
    """

    segments: list[tuple[int, bytes]]
    scans: bytes
    is_whole: bool
    tail: bytes
    end: int


def parts(data: bytes) -> Parts:
    """Cuts a file up.

    Raises:
        ValueError: It has no scan.
    """
    segments, at = [], 2
    while True:
        while data[at : at + 2] == b"\xff\xff":
            at += 1
        if data[at : at + 1] != b"\xff" or at + 4 > len(data):
            raise ValueError("no scan")
        marker = data[at + 1]
        if marker == START_OF_SCAN:
            break
        if marker in (0x01, *range(0xD0, 0xD9)):  # These stand alone.
            at += 2
            continue
        (length,) = struct.unpack_from(">H", data, at + 2)
        segments.append((marker, data[at + 4 : at + 2 + length]))
        at += 2 + max(length, 2)
    end = _end_of_scans(data, at)
    scans = data[at : end or len(data)]
    tail = data[end:] if end else b""
    return Parts(segments, scans, end is not None, tail, end or len(data))


def _end_of_scans(data, at):
    """Where the picture ends; None where it does not."""
    while found := _MARKER.search(data, at):
        if data[found.end() - 1] == END_OF_IMAGE:
            return found.end()
        # Of scans and what stands between them, the lengths are known.
        at = found.end()
        if at + 2 <= len(data) and data[at - 1] != 0x01:
            at += struct.unpack_from(">H", data, at)[0]
    return None


def size(cut: Parts) -> tuple[int, int]:
    """Width and height.

    Raises:
        ValueError: The file does not say.
    """
    for marker, data in cut.segments:
        if marker in FRAMES and len(data) >= 6:
            height, width = struct.unpack_from(">HH", data, 1)
            return width, height
    raise ValueError("no frame")


def bare(cut: Parts) -> bytes:
    """A file of what decoders go by, but for END if it was not there."""
    kept = [x for x in cut.segments if x[0] in DECODED]
    return b"\xff\xd8" + joined(kept) + cut.scans


def joined(segments) -> bytes:
    """Bytes of `(marker, data)`."""
    return b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data
        for marker, data in segments
    )


def load(cut: Parts, strict: bool) -> tuple[Image.Image, str | None]:
    """The picture, loaded, and what is missing of it.

    Args:
        cut: Of the file.
        strict: Refuse a picture whose end is not there.

    Raises:
        OSError: It does not decode.
    """
    data = bare(cut)
    if cut.is_whole:
        image = Image.open(io.BytesIO(data), formats=("JPEG",))
        image.load()
        return image, None
    if strict:
        raise OSError("the end of the file is missing")
    # What is missing decodes to something else with every ending.
    filling = np.random.default_rng(0).integers(0, 255, 2**14, np.uint8)
    image, other = (
        Image.open(io.BytesIO(data + ending), formats=("JPEG",))
        for ending in (END, filling.tobytes() + END)
    )
    image.load()
    other.load()
    return image, _missing(np.asarray(image), np.asarray(other))


def _missing(image, other):
    height = len(image)
    same = (image == other).reshape(height, -1).all(axis=1)
    rows = height if same.all() else int(np.argmin(same))
    if rows == height:
        return "the file's end was missing, and nothing of the picture"
    if not rows:
        raise OSError("nothing of the picture is there")
    return (
        "the file ends early: of the picture's rows as they lie in it, "
        f"{rows} of {height} are whole"
    )
