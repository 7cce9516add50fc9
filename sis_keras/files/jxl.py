"""What Pillow's plugin leaves of JPEG XL: 16 bits a channel, and XMP."""

import struct
from typing import Any

import imagecodecs
import numpy as np

from sis_keras.files.metadata.exif import PREFIX

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
CODES = (b"jxlc", b"jxlp")
EXIF, XMP, PACKED = b"Exif", b"xml ", b"brob"


def decode(data: bytes) -> tuple[np.ndarray | None, int]:
    """The first picture of 16 bits, and how many pictures there are.

    Returns:
        uint16 `(height, width[, n])` of the full range, upright, or None for
        8 bits or floats.
    """
    found = imagecodecs.jpegxl_decode(data)
    count = len(found) if found.ndim == 4 else 1
    first = found[0] if found.ndim == 4 else found
    if first.dtype != np.uint16:
        return None, count
    bits = bits_of(data)
    if 8 < bits < 16:
        full = np.rint(np.linspace(0, 65535, 2**bits)).astype(np.uint16)
        first = full[np.minimum(first, 2**bits - 1)]
    return first, count


def bits_of(data: bytes) -> int:
    """Of a channel, as a file's head says; 16 for floats, and with a preview.

    ISO/IEC 18181-1, Annex D.
    """
    codestream = data
    for at, name, length in _boxes(data) if data.startswith(SIGNATURE) else ():
        if name in CODES:
            body = data[at + 8 : at + length if length >= 8 else None]
            codestream = body[4:] if name == b"jxlp" else body
            break
    bits = Bits(codestream[2:64])
    _skip_size(bits)
    if bits(1):  # All is as mostly.
        return 8
    if bits(1):
        bits(3)  # How it lies.
        if bits(1):
            _skip_size(bits)
        if bits(1):
            return 16
        if bits(1):  # An animation's clock, and how often it plays.
            bits.one_of(100, 1000, (10, 1), (30, 1))
            bits.one_of(1, 1001, (8, 1), (10, 1))
            bits.one_of(0, (3, 0), (16, 0), (32, 0))
            bits(1)
    return 16 if bits(1) else bits.one_of(8, 10, 12, (6, 1))


def _skip_size(bits):
    """Height, and width or its ratio to that."""
    small = bits(1)
    for side in ("height", "width"):
        if side == "width" and bits(3):
            return
        if small:
            bits(5)
        else:
            bits.one_of((9, 1), (13, 1), (18, 1), (30, 1))


class Bits:
    """Fields of bits, each from its lowest on."""

    def __init__(self, data: bytes):
        self._value, self._at = int.from_bytes(data, "little"), 0

    def __call__(self, count: int) -> int:
        """The next field."""
        found = self._value >> self._at & (1 << count) - 1
        self._at += count
        return found

    def one_of(self, *kinds: int | tuple[int, int]) -> int:
        """Two bits choose a number, or the bits and the offset of one."""
        kind = kinds[self(2)]
        if isinstance(kind, int):
            return kind
        count, offset = kind
        return self(count) + offset


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
    boxes = _box(EXIF, bytes(4) + exif.removeprefix(PREFIX)) if exif else b""
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


def described(data: bytes) -> tuple[bytes | None, bytes | None]:
    """EXIF and XMP in a file's boxes, packed ones too."""
    found: dict[bytes, bytes] = {}
    for at, name, length in _boxes(data) if data.startswith(SIGNATURE) else ():
        body = data[at + 8 : at + length]
        if name == PACKED:
            name = body[:4]
            if name in (EXIF, XMP):
                body = bytes(imagecodecs.brotli_decode(body[4:]))
        found.setdefault(name, body)
    block = found.get(EXIF, b"")
    if block[:2] not in (b"II", b"MM"):  # Some leave out where it begins.
        block = block[4 + int.from_bytes(block[:4], "big") :]
    return block or None, found.get(XMP)
