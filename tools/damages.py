"""What happens to picture files: functions from bytes to bytes.

Each takes a file, another file and a `numpy.random.Generator`.
"""

import struct
import zlib

# Where EXIF, XMP, IPTC, profiles, text and the like begin.
BLOCKS = (
    b"Exif\0\0", b"eXIf", b"EXIF", b"II*\0", b"MM\0*", b"8BIM", b"MPF\0",
    b"http://ns.adobe", b"XMP ", b"ICC_PROFILE", b"iCCP", b"ICCP", b"tEXt",
    b"zTXt", b"iTXt", b"gAMA", b"cHRM", b"cICP", b"tRNS", b"acTL", b"ANMF",
)  # fmt: skip


def _flipped(data, other, random):
    """Some bytes are others."""
    data = bytearray(data)
    for place in random.integers(len(data), size=random.integers(1, 21)):
        data[place] = random.integers(256)
    return bytes(data)


def _flipped_head(data, other, random):
    """Some of the first bytes are others."""
    return _flipped(data[:80], other, random) + data[80:]


def _truncated(data, other, random):
    return data[: random.integers(len(data))]


def _spliced(data, other, random):
    """The beginning of one file, the end of another."""
    return (
        _truncated(data, other, random) + other[random.integers(len(other)) :]
    )


def _repeated(data, other, random):
    """A piece of the file stands in it once more."""
    start, end, place = sorted(random.integers(len(data), size=3))
    return data[:place] + data[start:end] + data[place:]


def _emptied(data, other, random):
    """A piece is zeros."""
    start, end = sorted(random.integers(len(data), size=2))
    return data[:start] + bytes(end - start) + data[end:]


def _wrong_suffix(data, other, random):
    return other


def _text(data, other, random):
    return b"This is no picture.\n" * random.integers(1, 50)


def _nothing(data, other, random):
    return b""


def _noise(data, other, random):
    """After the first bytes, nothing of the file is left."""
    return data[: random.integers(16)] + random.bytes(random.integers(1, 2000))


def _huge(data, other, random):
    """The head claims another size, up to 2^31 a side."""
    data = bytearray(data)
    most = random.choice([14, 31])  # The first would nearly be allowed.
    sides = [int(2 ** random.uniform(8, most)) for _ in range(2)]
    if data[:4] == b"\x89PNG":
        struct.pack_into(">II", data, 16, *sides)
        struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    elif data[:2] == b"BM":
        struct.pack_into("<ii", data, 18, *sides)
    elif data[:2] == b"II":
        _set_tiff_sides(data, sides)
    elif data[:4] == b"RIFF":
        _set_webp_sides(data, sides)
    elif data[:2] == b"\xff\xd8":
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        sides = [min(side, 65535) for side in sides]
        struct.pack_into(">HH", data, frame + 5, *sides)
    return bytes(data)


def _set_tiff_sides(data, sides):
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", data, entry)
        if tag in (256, 257):  # width, height
            struct.pack_into("<HII", data, entry + 2, 4, 1, sides[tag - 256])


def _set_webp_sides(data, sides):
    if data[12:16] == b"VP8X":
        for place, side in zip((24, 27), sides, strict=True):
            data[place : place + 3] = (side % 2**24).to_bytes(3, "little")
    elif data[12:16] == b"VP8L":
        both = sides[0] % 2**14 | sides[1] % 2**14 << 14
        struct.pack_into("<I", data, 21, both)
    else:
        struct.pack_into("<HH", data, 26, *(x % 2**14 for x in sides))


def _flipped_block(data, other, random):
    """Bytes of what the file says of its picture are others."""
    places = [
        place for block in BLOCKS if (place := data.find(block, 2)) > 0
    ]  # fmt: skip
    if not places:
        return _mended(data, other, random)
    start = int(random.choice(places))
    data = bytearray(data)
    end = min(start + 400, len(data))
    for place in random.integers(start, end, size=random.integers(1, 13)):
        data[place] = random.integers(256)
    return _with_checksums(data)


def _with_checksums(data):
    place = 8
    while data[:4] == b"\x89PNG" and place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if end + 4 > len(data):
            break
        struct.pack_into(">I", data, end, zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(data)


def _mended(data, other, random):
    """Flipped, but every checksum of a PNG file is right."""
    if data[:4] != b"\x89PNG":
        return _flipped_head(data, other, random)
    data = bytearray(data)
    place = 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if length and random.random() < 0.5:
            data[random.integers(place + 8, end)] = random.integers(256)
        struct.pack_into(">I", data, end, zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(data)


DAMAGES = {
    "flipped": _flipped,
    "flipped head": _flipped_head,
    "flipped block": _flipped_block,
    "checksums mended": _mended,
    "truncated": _truncated,
    "spliced": _spliced,
    "repeated piece": _repeated,
    "zeros": _emptied,
    "huge size": _huge,
    "noise": _noise,
    "wrong suffix": _wrong_suffix,
    "text": _text,
    "nothing": _nothing,
}
