"""What Pillow's plugin leaves of JPEG XL: 16 bits a channel, and XMP."""

import struct
from typing import Any

import imagecodecs
import numpy as np

from sis_keras.files.exif import PREFIX

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
CODES = (b"jxlc", b"jxlp")
XMP = b"xml "


def decode(data: bytes) -> np.ndarray | None:
    """uint16 `(height, width[, n])`, upright; None for 8 bits or floats."""
    found = imagecodecs.jpegxl_decode(data)
    return found if found.dtype == np.uint16 and found.ndim < 4 else None


def encode(
    channels: np.ndarray,
    quality: int = 100,
    lossless: bool = False,
    exif: bytes = b"",
    xmp: bytes = b"",
) -> bytes:
    """A file of uint16 `(height, width, 1 to 4)`.

    Args:
        channels: What is written.
        quality: 1 to 100.
        lossless: Whatever the quality.
        exif: With its prefix or without.
        xmp: A packet.
    """
    options: dict[str, Any] = {"lossless": True}
    if not lossless:
        # libjxl's own scale, from 30 on.
        options = {"distance": 0.1 + (100 - quality) * 0.09}
    pixels = channels[..., 0] if channels.shape[2] == 1 else channels
    packed: Any = imagecodecs.jpegxl_encode(
        np.ascontiguousarray(pixels), usecontainer=True, **options
    )
    boxes = _box(b"Exif", bytes(4) + exif.removeprefix(PREFIX)) if exif else b""
    boxes += _box(XMP, xmp) if xmp else b""
    at = min(x for x, name, _ in _boxes(packed) if name in CODES)
    return packed[:at] + boxes + packed[at:]


def _box(name, data):
    return struct.pack(">I4s", len(data) + 8, name) + data


def _boxes(data):
    """Place, name and length of each."""
    at = 0
    while at + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        yield at, name, length
        if length < 8:
            return
        at += length


def xmp_of(data: bytes) -> bytes | None:
    """The packet in a file's boxes, if it is not compressed."""
    if not data.startswith(SIGNATURE):
        return None
    found = (data[x + 8 : x + n] for x, name, n in _boxes(data) if name == XMP)
    return next(found, None)
