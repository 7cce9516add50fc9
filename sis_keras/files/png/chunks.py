"""PNG files, cut up, and their pixels decoded.

OpenCV decodes 16 bits a channel, which Pillow makes 8, but knows neither grey
with alpha nor a transparent key.
"""

import bisect
import io
import struct
import zlib
from typing import BinaryIO

import imagecodecs
import numpy as np
from PIL import Image

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOR, PALETTE, GREY_ALPHA, COLOR_ALPHA = 0, 2, 3, 4, 6
PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


def chunks(data: bytes) -> list[tuple[bytes, memoryview]]:
    """`(name, data)` of each chunk up to IEND.

    Raises:
        ValueError: One of those that hold pixels is damaged or not there.
    """
    found, at, view = [], len(SIGNATURE), memoryview(data)
    while at + 12 <= len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        body = view[at + 8 : at + 8 + length]  # Not copied.
        if at + 12 + length > len(data):
            break
        (check,) = struct.unpack_from(">I", data, at + 8 + length)
        sound = zlib.crc32(body, zlib.crc32(name)) == check
        if sound:
            found.append((name, body))
        elif name in PIXELS:
            raise ValueError(f"{name!r} is damaged")
        if name == b"IEND":
            return found
        at += 12 + length
    raise ValueError("no IEND")


def size(found) -> tuple[int, int]:
    """Width and height.

    Raises:
        ValueError: The file does not begin by saying so.
    """
    name, header = found[0]
    if name != b"IHDR" or len(header) != 13:
        raise ValueError("no IHDR")
    width, height = struct.unpack_from(">II", header)
    return width, height


def decode(found) -> tuple[Image.Image | np.ndarray, bool]:
    """Pillow's image of 8 bits, loaded, or uint16 `(height, width[, n])`.

    Args:
        found: The file's chunks.

    Returns:
        The picture and whether it is deep.
    """
    deep = found[0][1][8] == 16
    kept = [x for x in found if x[0] in PIXELS]
    if deep:
        return _decode_deep(kept), True
    image = Image.open(bare(kept), formats=("PNG",))
    image.load()
    return image, False


def bare(found) -> BinaryIO:
    """A file of these chunks; a key of few bits as Pillow's pixels say it."""
    bits, color = found[0][1][8:10]
    pieces = [SIGNATURE]
    for name, data in found:
        if name == b"tRNS" and color == GREY and bits < 8:
            (key,) = struct.unpack(">H", data[:2])
            scale = 255 // (2**bits - 1)
            data = struct.pack(">H", min(key * scale, 255))
        pieces += [_head(name, data), data, _check(name, data)]
    return io.BufferedReader(_Pieces(pieces))


class _Pieces(io.RawIOBase):
    """A file to be read, made of bytes that need not lie side by side."""

    def __init__(self, pieces):
        self._pieces = [memoryview(piece) for piece in pieces]
        self._starts = [0]
        for piece in self._pieces:
            self._starts.append(self._starts[-1] + len(piece))
        self._at = 0

    def readable(self):
        return True

    def seekable(self):
        return True

    def seek(self, offset, whence=io.SEEK_SET):
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}
        self._at = base.get(whence, self._starts[-1]) + offset
        return self._at

    def readinto(self, buffer):
        number = bisect.bisect_right(self._starts, self._at) - 1
        if number >= len(self._pieces):
            return 0
        start = self._at - self._starts[number]
        part = self._pieces[number][start : start + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


def _decode_deep(found):
    color = found[0][1][9]
    key = next((data for name, data in found if name == b"tRNS"), None)
    packed = bare([x for x in found if x[0] != b"tRNS"]).read()
    try:
        pixels = imagecodecs.png_decode(packed)
    except imagecodecs.PngError as error:
        raise ValueError(str(error)) from error
    if pixels.dtype != np.uint16:
        raise ValueError("it does not have 16 bits")
    if key and color in (GREY, COLOR):
        pixels = pixels if pixels.ndim == 3 else pixels[..., None]
        clear = (pixels == np.frombuffer(key, ">u2")).all(axis=2)
        alpha = np.where(clear, 0, 65535).astype(np.uint16)
        return np.concatenate([pixels, alpha[..., None]], axis=2)
    return pixels


def write_chunk(file, name: bytes, data) -> None:
    """Writes one chunk."""
    for piece in (_head(name, data), data, _check(name, data)):
        file.write(piece)


def _head(name, data):
    return struct.pack(">I", len(data)) + name


def _check(name, data):
    return struct.pack(">I", zlib.crc32(data, zlib.crc32(name)))
