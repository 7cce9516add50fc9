"""What a TIFF file says of its picture, in and out, as whole values."""

import re
import struct
from typing import Any, NamedTuple

from sis_keras.files.tiff import descriptions, directory
from sis_keras.files.tiff.directory import EXIF, GPS, Entry, entry, numbers

PREFIX = b"Exif\0\0"
XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
X_RESOLUTION, Y_RESOLUTION, UNIT = 282, 283, 296
DESCRIPTION, DATE = 270, 306
MAKER_NOTE, COLUMNS, ROWS, NODATA = 37500, 40962, 40963, 42113
# How the samples lie, which the writer says anew.
LAYOUT = frozenset(
    [*range(254, 260), *range(262, 267), 273, 274, *range(277, 282), 284]
    + [288, 289, 290, 291, 292, 293, 301, 317, *range(320, 326), 326, 327, 328]
    + [330, *range(332, 339), 339, 340, 341, 342, 347, *range(512, 522)]
    + [529, 530, 531, 532, 559, *range(32995, 32999), 33421, 33422, 34016]
    + [50674, *range(50706, 50742)]
)
# Layers and previews, which show the picture as it was.
OLD_PICTURES = (37724, 50784)
# EXIF's own, among the tags that are private in TIFF.
PAGE_NUMBER = 297
EXIF_TAGS = frozenset([33432, EXIF, GPS, *range(40091, 40096)])
GEO = frozenset([33550, 33922, 34264, 34735, 34736, 34737])
# What a person misses in a file of another format.
NAMED = {
    "GeoTIFF's place": GEO,
    "GDAL's words": (42112, NODATA),
    "ImageJ's words": descriptions.IMAGEJ_TAGS,
    "a program's description": (DESCRIPTION,),
    "Photoshop's resources": (PHOTOSHOP,),
}
# Maker notes whose offsets count from their own start, or that have none.
MOVABLE = (
    b"Nikon\0\2",
    b"Apple iOS\0",
    b"FUJIFILM",
    b"OLYMPUS\0",
    b"OM SYSTEM\0",
    b"PENTAX \0",
    b"HDRP",
)
FARTHEST_NOTE = 2**15
LAYERS_LEFT_OUT = "layers are left out: they show the picture as it was"
NOTE_LEFT_OUT = "the maker note is left out: its offsets would point elsewhere"


class Said(NamedTuple):
    """What a page says of its picture.

    Attributes:
        kept: `exif`, `icc`, `xmp`, `iptc` and `density` of a `Photograph`.
        own: What a TIFF file alone takes over.
        notes: What is left out.
    """

    kept: dict[str, Any]
    own: tuple[Entry, ...]
    notes: tuple[str, ...]


# === Reading ===


def of_page(tiff, page, shape, pages: int, same: bool, turned: bool) -> Said:
    """What a page of an open `tifffile.TiffFile` says.

    Args:
        tiff: The file.
        page: One of its pages.
        shape: `(height, width)`, upright.
        pages: How many there were in the file, 1 if all of them are kept.
        same: Whether the samples stay of one kind, in one layout.
        turned: Whether orientation was applied.
    """
    file, order = tiff.filehandle, tiff.byteorder
    entries, _ = directory.read(
        file, page.offset, order, tiff.is_bigtiff, LAYOUT
    )
    found = {one.code: one for one in reversed(entries)}
    notes = []
    for code in OLD_PICTURES:
        if found.pop(code, None):
            notes.append(LAYERS_LEFT_OUT)
    if turned and GEO & found.keys():
        notes.append("GeoTIFF's place is left out: the picture was turned")
        found = {code: one for code, one in found.items() if code not in GEO}
    if pages > 1:
        found.pop(PAGE_NUMBER, None)
    notes += descriptions.adapt(found, shape, pages, same)
    kept = {
        "icc": _bytes(found.pop(ICC, None)),
        "xmp": upright_xmp(_bytes(found.pop(XMP, None))),
        "iptc": _bytes(found.pop(IPTC, None)),
        "density": density(found),
    }
    if PHOTOSHOP in found:
        _take_resources(found, kept)
    shared, own = [], []
    for code, one in found.items():
        picture = code < 2**15 and code != PAGE_NUMBER
        picture = picture and not descriptions.by_program(one)
        (shared if picture or code in EXIF_TAGS else own).append(one)
    kept["exif"], left_out = exif_block(shared, shape, order)
    notes = [*dict.fromkeys(notes), *left_out]
    return Said(kept, tuple(own), tuple(notes))


def exif_block(entries, shape, order) -> tuple[bytes | None, list[str]]:
    """EXIF of a directory's entries, with `PREFIX`; and what is left out.

    A maker note stays at its place where its offsets count from the start.
    """
    if not entries:
        return None, []
    note, notes = maker_note(entries), []
    fixed: list[Entry] = []
    start = 8
    if note and not note.data.startswith(MOVABLE):
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


def density(found) -> tuple[float, float] | None:
    """Dots per inch, where the unit is one."""
    unit = found.get(UNIT)
    unit = numbers(unit)[0] if unit and unit.kind == 3 else 2
    sides = []
    for code in (X_RESOLUTION, Y_RESOLUTION):
        one = found.get(code)
        if one is None or one.kind != 5 or unit not in (2, 3):
            return None
        above, below = struct.unpack_from("<2I", one.data)
        if not above or not below:
            return None
        sides.append(above / below * (2.54 if unit == 3 else 1))
    return sides[0], sides[1]


def upright_xmp(xmp: bytes | None) -> bytes | None:
    """XMP's packet of a picture that has been turned upright."""
    if not xmp:
        return None
    return re.sub(
        rb"(tiff:Orientation(?:>|\s*=\s*[\"'])\s*)\d", rb"\g<1>1", xmp
    )


def _bytes(one):
    return one.data if one and one.data else None


def _take_resources(found, kept):
    """IPTC is among Photoshop's resources, too; their thumbnails go."""
    blocks, rest = [], found[PHOTOSHOP].data
    while rest[:4] == b"8BIM" and len(rest) > 12:
        (number,) = struct.unpack_from(">H", rest, 4)
        named = 6 + (1 + rest[6] + 1) // 2 * 2
        if len(rest) < named + 4:
            break
        (size,) = struct.unpack_from(">I", rest, named)
        end = named + 4 + size + size % 2
        if number == 0x0404 and not kept["iptc"]:
            kept["iptc"] = rest[named + 4 : named + 4 + size]
        elif number not in (0x0404, 0x0409, 0x040C):
            blocks.append(rest[:end])
        rest = rest[end:]
    data = b"".join(blocks)
    found[PHOTOSHOP] = Entry(PHOTOSHOP, 7, len(data), data)
    if not data:
        del found[PHOTOSHOP]


def nodata(page) -> float | None:
    """GDAL's value of pixels that are none, of a page of tifffile."""
    try:
        return float(page.tags[NODATA].value)
    except (KeyError, TypeError, ValueError):
        return None


# === Writing ===


class Tags(NamedTuple):
    """What a page's directory takes over.

    Attributes:
        entries: Without the layout of its samples.
        order: Of its bytes.
        head: What the file begins with, so that a maker note's offsets hold;
            empty where there is none that needs it.
        notes: What is left out.
    """

    entries: list[Entry]
    order: str
    head: bytes
    notes: tuple[str, ...]


def to_page(like, shape, own: tuple[Entry, ...], order: str) -> Tags:
    """The tags of a `Photograph` for a page of `shape`.

    Args:
        like: The photograph.
        shape: `(height, width)` of the pixels.
        own: Entries that count before EXIF's.
        order: Of the bytes, where EXIF has none.
    """
    entries, notes, head = [], [], b""
    block = (like.exif or b"").removeprefix(PREFIX)
    if block:
        try:
            entries, order = directory.read_block(block)
        except ValueError:
            notes.append("the EXIF is left out: it does not parse")
    entries = [one for one in entries if one.code not in LAYOUT]
    note = maker_note(entries)
    if note and not note.data.startswith(MOVABLE):
        head = block
        if note.place < 16 or len(block) > 2**20:
            head, entries = b"", without_note(entries)
            notes.append(NOTE_LEFT_OUT)
    entries = [*own, *sized(entries, shape)]
    there = {one.code for one in entries}
    if like.density and not {X_RESOLUTION, Y_RESOLUTION} & there:
        entries += _of_density(*like.density)
    for code, data in (ICC, like.icc), (XMP, like.xmp), (IPTC, like.iptc):
        if data:
            entries.insert(
                0, Entry(code, 1 if code == XMP else 7, len(data), data)
            )
    if like.comment:
        if DESCRIPTION in there:
            notes.append("the comment is left out: there is a description")
        else:
            text = like.comment.rstrip(b"\0") + b"\0"
            entries.append(Entry(DESCRIPTION, 2, len(text), text))
    return Tags(entries, order, head, tuple(notes))


def _of_density(across, down):
    pairs = [round(side * 10000) for side in (across, down)]
    if not all(0 < side < 2**32 for side in pairs):
        return []
    return [
        entry(X_RESOLUTION, 5, pairs[0], 10000),
        entry(Y_RESOLUTION, 5, pairs[1], 10000),
        entry(UNIT, 3, 2),
    ]


def in_place(tags: Tags) -> tuple[Entry, ...]:
    """The entries whose values the file's head holds."""
    note = maker_note(tags.entries) if tags.head else None
    return (note,) if note else ()
