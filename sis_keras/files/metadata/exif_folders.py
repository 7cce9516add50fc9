"""EXIF's folders, byte by byte: nothing in them is odd enough to fail."""

import struct
from typing import NamedTuple

ORDERS = {b"II": "<", b"MM": ">"}
SIZES = dict(enumerate((1, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)))
SHORT, LONG = 3, 4
MAIN, SECOND = 0, 1
EXIF, GPS, INTEROPERABILITY = 0x8769, 0x8825, 0xA005
FOLDERS = {EXIF: MAIN, GPS: MAIN, INTEROPERABILITY: EXIF}  # Where they hang.
THUMBNAIL, THUMBNAIL_LENGTH = 0x0201, 0x0202
MOST_ENTRIES = 4096


class Entry(NamedTuple):
    """One entry of a folder.

    Attributes:
        folder: `MAIN`, `SECOND` (the thumbnail's), or the tag that links it.
        tag: What it says.
        kind: TIFF's type.
        number_of_values: How many.
        at: Where the entry lies.
        order: "<" or ">".
    """

    folder: int
    tag: int
    kind: int
    number_of_values: int
    at: int
    order: str

    @property
    def is_number(self) -> bool:
        """Whether it is one SHORT or LONG, which stands in the entry."""
        return self.kind in (SHORT, LONG) and self.number_of_values == 1

    def number(self, block) -> int:
        """Its first SHORT or LONG."""
        letter = "H" if self.kind == SHORT else "I"
        return struct.unpack_from(self.order + letter, block, self.at + 8)[0]

    def set_number(self, block: bytearray, value: int) -> None:
        """Sets its one SHORT or LONG; a SHORT too small becomes a LONG."""
        if self.kind == SHORT and value > 0xFFFF:
            struct.pack_into(self.order + "H", block, self.at + 2, LONG)
        letter = "H" if self.kind == SHORT and value <= 0xFFFF else "I"
        struct.pack_into(self.order + letter, block, self.at + 8, value)

    def data(self, block) -> bytes | None:
        """Its values' bytes; None where they lie outside."""
        size = SIZES.get(self.kind, 1) * self.number_of_values
        start = self.at + 8
        if size > 4:
            (start,) = struct.unpack_from(self.order + "I", block, start)
        return (
            bytes(block[start : start + size])
            if start + size <= len(block)
            else None
        )


def entries(block) -> list[Entry] | None:
    """All entries of the folders that are known; None if that is no EXIF.

    Folders that lie outside, or within themselves, are passed over.
    """
    order = ORDERS.get(bytes(block[:2]))
    if not order or len(block) < 10:
        return None
    (place,) = struct.unpack_from(order + "I", block, 4)
    if _count(block, order, place) is None:
        return None
    found: list[Entry] = []
    waiting, seen = [(MAIN, place)], set()
    while waiting and len(found) < MOST_ENTRIES:
        folder, place = waiting.pop(0)
        count = _count(block, order, place)
        if place in seen or count is None:
            continue
        seen.add(place)
        for at in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind, values = struct.unpack_from(order + "HHI", block, at)
            entry = Entry(folder, tag, kind, values, at, order)
            found.append(entry)
            if FOLDERS.get(tag) == folder and entry.is_number:
                waiting.append((tag, entry.number(block)))
        end = place + 2 + 12 * count
        if folder == MAIN and end + 4 <= len(block):
            waiting.append(
                (SECOND, struct.unpack_from(order + "I", block, end)[0])
            )
    return found


def _count(block, order, place):
    """How many entries lie there whole; None where no folder can lie."""
    if not 8 <= place <= len(block) - 2:
        return None
    (count,) = struct.unpack_from(order + "H", block, place)
    return min(count, (len(block) - place - 2) // 12)


def remove(block: bytearray, entry: Entry) -> None:
    """Takes an entry out of the main folder; what follows it there moves up."""
    (place,) = struct.unpack_from(entry.order + "I", block, 4)
    (count,) = struct.unpack_from(entry.order + "H", block, place)
    end = place + 2 + 12 * count + 4
    block[entry.at : end] = block[entry.at + 12 : end] + bytes(12)
    struct.pack_into(entry.order + "H", block, place, count - 1)


def unlink_second(block: bytearray) -> None:
    """Lets the main folder have no successor."""
    order = ORDERS[bytes(block[:2])]
    (place,) = struct.unpack_from(order + "I", block, 4)
    (count,) = struct.unpack_from(order + "H", block, place)
    struct.pack_into(order + "I", block, place + 2 + 12 * count, 0)


# === Written anew ===


def rebuilt(block: bytes, without: set[int], thumbnail: bool) -> bytes | None:
    """A new block of the same entries.

    Args:
        block: EXIF, from its byte order on.
        without: Tags to leave out.
        thumbnail: Whether its folder is kept.

    Returns:
        None if `block` is no EXIF.
    """
    found = entries(block)
    if found is None:
        return None
    order = found[0].order if found else ORDERS[bytes(block[:2])]
    folders: dict[int, dict] = {}
    for entry in found:
        data = entry.data(block)
        if entry.tag in FOLDERS and FOLDERS[entry.tag] != entry.folder:
            continue
        if entry.tag not in without and data is not None:
            kept = entry.kind, entry.number_of_values, data
            folders.setdefault(entry.folder, {}).setdefault(entry.tag, kept)
    picture = _picture(found, block) if thumbnail else None
    if not picture:
        folders.pop(SECOND, None)
    for tag in FOLDERS.keys() - folders.keys():
        folders.get(FOLDERS[tag], {}).pop(tag, None)
    return _written(folders, picture, order)


def _picture(found, block):
    second = {e.tag: e for e in found if e.folder == SECOND}
    place, length = (second.get(tag) for tag in (THUMBNAIL, THUMBNAIL_LENGTH))
    if not place or not length or not (place.is_number and length.is_number):
        return None
    start = place.number(block)
    return bytes(block[start : start + length.number(block)])


def _written(folders, picture, order):
    block = bytearray(b"II*\0" if order == "<" else b"MM\0*")
    block += struct.pack(order + "I", 8)
    main = _append(block, folders, MAIN, order)
    if picture and SECOND in folders:
        struct.pack_into(order + "I", block, main, len(block))
        _append(block, folders, SECOND, order)
        for entry in entries(block) or ():
            if entry.folder == SECOND and entry.tag == THUMBNAIL:
                entry.set_number(block, len(block))
        block += picture
    return bytes(block)


def _append(block, folders, folder, order):
    """Appends a folder and those below it; where its successor's place is."""
    tags = dict(sorted(folders.get(folder, {}).items()))
    place = len(block)
    end = place + 2 + 12 * len(tags)
    block += struct.pack(order + "H", len(tags)) + bytes(12 * len(tags) + 4)
    for number, (tag, (kind, count, data)) in enumerate(tags.items()):
        at = place + 2 + 12 * number
        if tag in FOLDERS:
            data = struct.pack(order + "I", len(block))
            kind, count = LONG, 1
            _append(block, folders, tag, order)
        elif len(data) > 4:
            start = struct.pack(order + "I", len(block))
            block += data + b"\0" * (len(data) % 2)
            data = start
        struct.pack_into(order + "HHI", block, at, tag, kind, count)
        block[at + 8 : at + 12] = data.ljust(4, b"\0")
    return end
