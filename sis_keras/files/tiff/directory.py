"""TIFF's directories, entry by entry: whole values, whatever they mean.

What a value says is not looked at, so a tag of the wrong type arrives as it
was. EXIF is a directory, too.
"""

import io
import struct
from collections.abc import Collection, Iterable
from typing import BinaryIO, NamedTuple

import numpy as np

EXIF, GPS, INTEROP = 34665, 34853, 40965
FOLDERS = (EXIF, GPS, INTEROP)
# XMP, IPTC, Photoshop's resources and layers, ICC: bytes, whatever type the
# entry has.
BLOCKS = (700, 33723, 34377, 34675, 37724)
LONG, POINTER, LONG_8, POINTER_8 = 4, 13, 16, 18
# Of each type of value, the bytes of what is turned round by a byte order.
UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4}
UNITS |= {12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
PAIRS = (5, 10)
MOST_ENTRIES = 4096
MOST_BYTES = 2**28


class Entry(NamedTuple):
    """A tag and its value.

    Attributes:
        code: The tag's number.
        kind: TIFF's number of a type: 2 is text, 3 uint16, …
        number: Of the values.
        data: The values, little-endian.
        place: Where they stood in the file.
        folder: The entries of a directory below, for EXIF, GPS and Interop.
    """

    code: int
    kind: int
    number: int
    data: bytes
    place: int = 0
    folder: tuple["Entry", ...] | None = None


def entry(code: int, kind: int, *values: int) -> Entry:
    """An entry of integers: of type 1, 3 or 4, or pairs of type 5."""
    letter = {1: "B", 3: "H", 4: "I", 5: "I", 7: "B"}[kind]
    data = struct.pack(f"<{len(values)}{letter}", *values)
    return Entry(code, kind, len(values) // (1 + (kind in PAIRS)), data)


def numbers(entry: Entry) -> tuple[int, ...]:
    """The values of type 1, 3, 4, 13, 16 or 18."""
    letter = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}[entry.kind]
    return struct.unpack(f"<{entry.number}{letter}", entry.data)


# === Reading ===


def read_header(file: BinaryIO) -> tuple[str, bool, int]:
    """`<` or `>`, whether it is a BigTIFF file, and its first directory.

    Raises:
        ValueError: It is no TIFF file.
    """
    file.seek(0)
    head = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(head[:2], "")
    kind = struct.unpack(order + "H", head[2:4])[0] if order else 0
    if kind == 42 and len(head) >= 8:
        return order, False, struct.unpack_from(order + "I", head, 4)[0]
    if kind == 43 and len(head) == 16:
        return order, True, struct.unpack_from(order + "Q", head, 8)[0]
    raise ValueError("no TIFF file")


def read(
    file: BinaryIO,
    place: int,
    order: str,
    big: bool,
    without: Collection[int] = (),
    below: int = 2,
) -> tuple[list[Entry], int]:
    """The entries that lie inside the file, and where the next directory is.

    Args:
        file: Whose offsets count from its start.
        place: Of the directory.
        order: `<` or `>`.
        big: Whether it is a BigTIFF file's.
        without: Tags that are passed over.
        below: How deep directories below are followed.

    Raises:
        ValueError: No directory is there.
    """
    length = file.seek(0, io.SEEK_END)
    counts, width, offset = ("Q", 20, "Q") if big else ("H", 12, "I")
    inline = struct.calcsize(offset)
    file.seek(place)
    head = file.read(struct.calcsize(counts))
    if len(head) < struct.calcsize(counts):
        raise ValueError("no directory")
    (count,) = struct.unpack(order + counts, head)
    rows = file.read(width * min(count, MOST_ENTRIES))
    following = file.read(inline)
    entries, most = [], min(MOST_BYTES, 4 * length)
    for at in range(0, len(rows) - width + 1, width):
        code, kind, number = struct.unpack_from(f"{order}HH{offset}", rows, at)
        size = number * UNITS.get(kind, 0) * (1 + (kind in PAIRS))
        if not size or code in without:
            continue
        start = place + len(head) + at + width - inline
        if size > inline:
            (start,) = struct.unpack_from(order + offset, rows, at + 4 + inline)
        most -= size
        if start + size > length or most < 0:
            continue
        file.seek(start)
        found = _entry(code, kind, number, file.read(size), start, order)
        if code in FOLDERS:
            found = _with_folder(file, found, order, big, below)
        if found:
            entries.append(found)
    if count > MOST_ENTRIES or len(following) < inline:
        return entries, 0
    return entries, struct.unpack(order + offset, following)[0]


def read_block(block: bytes) -> tuple[list[Entry], str]:
    """The first directory of EXIF's block, and its byte order.

    Raises:
        ValueError: It is none.
    """
    file = io.BytesIO(block)
    order, big, place = read_header(file)
    return read(file, place, order, big)[0], order


def _entry(code, kind, count, data, place, order):
    if order == ">" and code not in BLOCKS:
        data = _turned(data, kind)
    return Entry(code, kind, count, data, place)


def _turned(data, kind):
    units = np.frombuffer(data, np.uint8).reshape(-1, UNITS[kind])
    return units[:, ::-1].tobytes()


def _with_folder(file, found, order, big, below):
    if found.kind not in (LONG, POINTER, LONG_8, POINTER_8) or not below:
        return None
    try:
        place = numbers(found)[0]
        folder, _ = read(file, place, order, big, (), below - 1)
    except ValueError:
        return None
    return found._replace(folder=tuple(folder)) if folder else None


# === Writing ===


def written(
    entries: Iterable[Entry],
    place: int,
    order: str = "<",
    big: bool = False,
    fixed: Collection[Entry] = (),
) -> bytes:
    """A directory with its values and the directories below behind it.

    Args:
        entries: In any order; of two with one tag, the first counts.
        place: Where the bytes go, an even number.
        order: `<` or `>`.
        big: Whether it is a BigTIFF file's.
        fixed: Entries whose values are at their places already.
    """
    unique = {entry.code: entry for entry in reversed(list(entries))}
    rows = [unique[code] for code in sorted(unique)]
    if not big:
        rows = [narrow for row in rows if (narrow := _narrow(row))]
    counts, offset = ("Q", "Q") if big else ("H", "I")
    inline = struct.calcsize(offset)
    head = struct.pack(order + counts, len(rows))
    behind = place + len(head) + len(rows) * (4 + 2 * inline) + inline
    body, values = b"", bytearray()
    for row in rows:
        body += struct.pack(order + "HH", row.code, row.kind)
        start = behind + len(values)
        if row.folder is not None:
            values += written(row.folder, start, order, big, fixed)
            row = _pointer(row, start, big)
            body = body[:-2] + struct.pack(order + "H", row.kind)
        data = row.data
        if order == ">" and row.code not in BLOCKS:
            data = _turned(data, row.kind)
        body += struct.pack(order + offset, row.number)
        if len(data) <= inline:
            body += data.ljust(inline, b"\0")
        elif any(row is kept for kept in fixed):
            body += struct.pack(order + offset, row.place)
        else:
            body += struct.pack(order + offset, behind + len(values))
            values += data + b"\0" * (len(data) % 2)
    return head + body + bytes(inline) + bytes(values)


def _pointer(row, start, big):
    kind, letter = (LONG_8, "Q") if big else (LONG, "I")
    return Entry(row.code, kind, 1, struct.pack("<" + letter, start))


def _narrow(row):
    """Without BigTIFF's own types; None where a value does not fit."""
    if row.folder is not None or row.kind not in (LONG_8, 17, POINTER_8):
        return row
    signed = row.kind == 17
    values = np.frombuffer(row.data, "<i8" if signed else "<u8")
    small = values.astype("<i4" if signed else "<u4")
    if (small != values).any():
        return None
    kind = {LONG_8: LONG, 17: 9, POINTER_8: POINTER}[row.kind]
    return row._replace(kind=kind, data=small.tobytes())
