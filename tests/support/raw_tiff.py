"""TIFF and EXIF byte by byte, with tags that no library writes."""

import struct

import numpy as np


def ascii_(text):
    data = text.encode() + b"\0"
    return 2, len(data), data


def short(*values, order="<"):
    return 3, len(values), struct.pack(f"{order}{len(values)}H", *values)


def long_(*values, order="<"):
    return 4, len(values), struct.pack(f"{order}{len(values)}I", *values)


def rational(*values, order="<", signed=False):
    kind, letter = (10, "i") if signed else (5, "I")
    data = struct.pack(f"{order}{len(values)}{letter}", *values)
    return kind, len(values) // 2, data


def xp(text):
    data = text.encode("utf-16le") + b"\0\0"
    return 1, len(data), data


def block(tags, order="<"):
    """EXIF's block of {tag: (type, count, bytes)} and {tag: dict} below."""
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        order + "I", 8
    )
    return head + _folder(tags, 8, order)


def _folder(tags, place, order):
    size = 2 + 12 * len(tags) + 4
    body, extra = b"", b""
    for tag, entry in sorted(tags.items()):
        start = place + size + len(extra)
        if isinstance(entry, dict):
            extra += _folder(entry, start, order)
            body += struct.pack(order + "HHII", tag, 4, 1, start)
            continue
        kind, count, data = entry
        body += struct.pack(order + "HHI", tag, kind, count)
        if len(data) <= 4:
            body += data.ljust(4, b"\0")
        else:
            body += struct.pack(order + "I", start)
            extra += data + b"\0" * (len(data) % 2)
    return struct.pack(order + "H", len(tags)) + body + bytes(4) + extra


def raw_tiff(pixels, tags=None, order="<", data=None):
    """An uncompressed TIFF file with more tags, or others in their place."""
    height, width = pixels.shape[:2]
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    bits = [8 * pixels.itemsize] * channels
    if data is None:
        data = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    base = {
        256: short(width, order=order),
        257: short(height, order=order),
        258: short(*bits, order=order),
        259: short(1, order=order),
        262: short(2 if channels > 2 else 1, order=order),
        273: long_(0, order=order),
        277: short(channels, order=order),
        278: short(height, order=order),
        279: long_(len(data), order=order),
        284: short(1, order=order),
        **(tags or {}),
    }
    length = len(block(base, order))
    length += length % 2
    base[273] = long_(length, order=order)
    return block(base, order).ljust(length, b"\0") + data


def reversed_bits(data):
    bits = np.unpackbits(np.frombuffer(data, np.uint8)).reshape(-1, 8)
    return np.packbits(bits[:, ::-1]).tobytes()


def canon(order="<"):
    """EXIF with a maker note whose offsets count from the block's start."""
    note = {6: ascii_("A camera of some kind"), 7: ascii_("Firmware 1.00")}
    tags = {271: ascii_("Canon"), 0x8769: {0x927C: note}}
    data = bytearray(block(tags, order))
    entry = data.find(struct.pack(order + "HHI", 0x927C, 4, 1))
    (start,) = struct.unpack_from(order + "I", data, entry + 8)
    struct.pack_into(order + "HI", data, entry + 2, 7, len(data) - start)
    return bytes(data)


def canon_type(data, note, order="<"):
    """Tag 6 of a maker note that begins at `note` of a file."""
    (count,) = struct.unpack_from(order + "H", data, note)
    for entry in range(note + 2, note + 2 + 12 * count, 12):
        tag, _, length, place = struct.unpack_from(order + "HHII", data, entry)
        if tag == 6:
            return data[place : place + length].rstrip(b"\0").decode()
    return None
