"""PNG of 16 bits a channel, with EXIF and ICC profile.

Pillow neither reads nor writes 16 bits of RGB. OpenCV reads them. They are
written here, some rows at a time: OpenCV encodes a picture at once, which takes
1.4 GB above 100 megapixels, and neither grey with alpha nor every profile.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image

from sis_keras.files import exif as exif_

LEVEL = 2  # of zlib; 6 takes 2 to 4 times as long to save 1 to 13 %
BLOCK = 2**22  # bytes of pixels that are compressed at once


# === Reading ===


def is_deep(image: Image.Image) -> bool:
    """Whether an open file is a PNG file of 16 bits that `decode` keeps."""
    if image.format != "PNG":
        return False
    image.fp.seek(24)
    return image.fp.read(1) == b"\x10"


def decode(path, image: Image.Image) -> np.ndarray:
    """uint16 `(height, width)` grey, or RGB or RGBA in the last axis.

    EXIF's orientation has not been applied.

    Raises:
        ValueError: The file is damaged.
    """
    image.verify()  # OpenCV takes some files whose end is missing.
    data = np.memmap(path, np.uint8, "r")
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("OpenCV does not decode it")
    if pixels.ndim == 3:
        order = [2, 1, 0, 3][: pixels.shape[-1]]
        return pixels[..., order]
    return pixels


# === Writing ===


def write_png(
    file: BinaryIO, pixels: np.ndarray, exif: bytes | None, icc: bytes | None
) -> None:
    """Writes uint16 `(height, width, channels)`: grey, with alpha or RGB(A)."""
    height, width, channels = pixels.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    file.write(b"\x89PNG\r\n\x1a\n")
    _write_chunk(file, b"IHDR", header)
    if icc:
        profile = b"ICC Profile\0\0" + zlib.compress(icc)
        _write_chunk(file, b"iCCP", profile)
    if exif:
        _write_chunk(file, b"eXIf", exif.removeprefix(exif_.PREFIX))
    packer = zlib.compressobj(LEVEL)
    for block in _paeth_blocks(pixels):
        _write_chunk(file, b"IDAT", packer.compress(block))
    _write_chunk(file, b"IDAT", packer.flush())
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file, name, data):
    file.write(struct.pack(">I", len(data)) + name + data)
    file.write(struct.pack(">I", zlib.crc32(name + data)))


def _paeth_blocks(pixels):
    """Some rows at a time, each as what PNG's filter 4 does not foretell."""
    _, width, channels = pixels.shape
    step = 2 * channels
    last = np.zeros((1, step + width * step), np.int16)
    for rows in _row_blocks(pixels):
        values = rows.astype(">u2").view(np.uint8).reshape(len(rows), -1)
        padded = np.pad(values, ((0, 0), (step, 0))).astype(np.int16)
        padded = np.concatenate([last, padded])
        last = padded[-1:]
        left, here = padded[1:, :-step], padded[1:, step:]
        above, corner = padded[:-1, step:], padded[:-1, :-step]
        by_left, by_above = np.abs(above - corner), np.abs(left - corner)
        by_corner = np.abs(left + above - 2 * corner)
        foretold = np.where(by_above <= by_corner, above, corner)
        nearest = (by_left <= by_above) & (by_left <= by_corner)
        foretold = np.where(nearest, left, foretold)
        filtered = (here - foretold).astype(np.uint8)
        yield np.pad(filtered, ((0, 0), (1, 0)), constant_values=4).tobytes()


def _row_blocks(pixels) -> Iterator[np.ndarray]:
    count = min(len(pixels), max(1, BLOCK // pixels[0].nbytes))
    for top in range(0, len(pixels), count):
        yield pixels[top : top + count]
