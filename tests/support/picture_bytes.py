"""Files of pictures, byte by byte, with what only some cameras write."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

ASCII, SHORT, LONG, RATIONAL, UNDEFINED, SRATIONAL = 2, 3, 4, 5, 7, 10


def gradient(height=48, width=64, dtype=np.uint8):
    """A smooth RGB picture, of which JPEG loses little."""
    rows, columns = np.mgrid[:height, :width]
    waves = [
        np.sin(rows / 9.0),
        np.cos(columns / 11.0),
        np.sin((rows + columns) / 13.0),
    ]
    picture = 0.5 + 0.4 * np.stack(waves, axis=2)
    return np.rint(picture * np.iinfo(dtype).max).astype(dtype)


# === EXIF ===


def exif_block(tags, second=None):
    """Little-endian EXIF of {tag: (kind, count, bytes) or {tag: …}}."""
    block = bytearray(b"II*\0\x08\0\0\0")
    link = _append(block, tags)
    if second:
        struct.pack_into("<I", block, link, len(block))
        _append(block, second)
    return bytes(block)


def _append(block, tags):
    place = len(block)
    block += struct.pack("<H", len(tags)) + bytes(12 * len(tags) + 4)
    for number, (tag, value) in enumerate(sorted(tags.items())):
        at = place + 2 + 12 * number
        if isinstance(value, dict):
            kind, count, data = LONG, 1, struct.pack("<I", len(block))
            _append(block, value)
        else:
            kind, count, data = value
        if len(data) > 4:
            start = len(block)
            block += data + b"\0" * (len(data) % 2)
            data = struct.pack("<I", start)
        struct.pack_into("<HHI", block, at, tag, kind, count)
        block[at + 8 : at + 12] = data.ljust(4, b"\0")
    return place + 2 + 12 * len(tags)


def words(text):
    data = text.encode() + b"\0"
    return ASCII, len(data), data


def short(value):
    return SHORT, 1, struct.pack("<H", value)


def long(value):
    return LONG, 1, struct.pack("<I", value)


def date_exif(date="2001:02:03 04:05:06", orientation=1, **others):
    tags = {0x9003: words(date)} | others.get("more", {})
    return exif_block({0x0112: short(orientation), 0x8769: tags})


# === JPEG ===


def jpeg(pixels, **options):
    file = io.BytesIO()
    options = {"quality": 90} | options
    Image.fromarray(pixels).save(file, "JPEG", **options)
    return file.getvalue()


def with_segments(data, *segments):
    """`(marker, bytes)` behind the first segment, which is JFIF's."""
    (length,) = struct.unpack_from(">H", data, 4)
    added = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
        for marker, body in segments
    )
    return data[: 4 + length] + added + data[4 + length :]


def segments(data):
    """[(marker, bytes)] up to the first scan."""
    found, at = [], 2
    while data[at + 1] != 0xDA:
        (length,) = struct.unpack_from(">H", data, at + 2)
        found.append((data[at + 1], data[at + 4 : at + 2 + length]))
        at += 2 + length
    return found


# === PNG ===


def png(pixels, before=(), after=()):
    """A PNG file of 8 or 16 bits; `(name, bytes)` go around the pixels."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    color, bits = {1: 0, 2: 4, 3: 2, 4: 6}[channels], 8 * pixels.itemsize
    header = struct.pack(">IIBBBBB", width, height, bits, color, 0, 0, 0)
    rows = pixels.astype(">u2") if bits == 16 else pixels
    packed = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    chunks = [(b"IHDR", header), *before, (b"IDAT", packed), *after]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        _chunk(*chunk) for chunk in [*chunks, (b"IEND", b"")]
    )


def _chunk(name, data):
    check = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + check


def png_chunks(data):
    """[(name, bytes)]."""
    found, at = [], 8
    while at < len(data):
        length, name = struct.unpack_from(">I4s", data, at)
        found.append((name, data[at + 8 : at + 8 + length]))
        at += 12 + length
    return found
