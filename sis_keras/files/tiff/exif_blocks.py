"""Blocks of EXIF, and maker notes, whose offsets may count from the start."""

import struct

from sis_keras.files.tiff import directory
from sis_keras.files.tiff.directory import EXIF, Entry, entry

PREFIX = b"Exif\0\0"
MAKER_NOTE, COLUMNS, ROWS = 37500, 40962, 40963
# Maker notes whose offsets count from their own start, or that have none.
MOVABLE = (
    b"Nikon\0\2",
    b"Apple iOS\0",
    b"FUJIFILM",
    b"OLYMPUS\0",
    b"OM SYSTEM\0",
    b"PENTAX \0",
    b"RICOH\0II",
    b"RICOH\0MM",
    b"MOT\0",
    b"HDRP",
    b"KDK",
    b"STMN",
)
FARTHEST_NOTE = 2**15
NOTE_LEFT_OUT = "the maker note is left out: its offsets would point elsewhere"


def block_of(entries, shape, order) -> tuple[bytes | None, list[str]]:
    """EXIF of a directory's entries, with `PREFIX`; and what is left out.

    A maker note stays at its place where its offsets count from the start.
    """
    if not entries:
        return None, []
    note, notes = maker_note(entries), []
    fixed: list[Entry] = []
    start = 8
    if note and not is_movable(note):
        if 8 <= note.place <= FARTHEST_NOTE:
            fixed, start = [note], note.place + len(note.data)
            start += start % 2
        else:
            entries = without_note(entries)
            notes.append(NOTE_LEFT_OUT)
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(
        order + "I", start
    )
    if fixed:
        head = head.ljust(fixed[0].place, b"\0") + fixed[0].data
    rows = directory.written(
        sized(entries, shape), start, order, fixed=tuple(fixed)
    )
    return PREFIX + head.ljust(start, b"\0") + rows, notes


def maker_note(entries) -> Entry | None:
    """The maker note of a directory with EXIF's below it."""
    for one in entries:
        if one.code == EXIF and one.folder:
            for below in one.folder:
                if below.code == MAKER_NOTE:
                    return below
    return None


def without_note(entries) -> list[Entry]:
    """The entries, without EXIF's maker note."""
    return _changed(
        entries, lambda one: None if one.code == MAKER_NOTE else one
    )


def sized(entries, shape) -> list[Entry]:
    """EXIF's own width and height, where they are, those of the pixels."""
    sizes = {COLUMNS: shape[1], ROWS: shape[0]}

    def change(one):
        if one.code not in sizes:
            return one
        return entry(one.code, directory.LONG, sizes[one.code])

    return _changed(entries, change)


def _changed(entries, change):
    """Every entry of EXIF's directory changed, or left out for None."""
    result = []
    for one in entries:
        if one.code == EXIF and one.folder:
            below = [new for old in one.folder if (new := change(old))]
            one = one._replace(folder=tuple(below))
        result.append(one)
    return result


def is_movable(note: Entry) -> bool:
    """Whether a maker note says the same anywhere."""
    return note.data.startswith(MOVABLE)
