"""What a TIFF file says of its picture, in and out, as whole values."""

import re
import struct
from typing import Any, NamedTuple

from sis_keras.files.tiff import descriptions, directory, exif_blocks
from sis_keras.files.tiff.directory import EXIF, GPS, Entry, entry, numbers

XMP, IPTC, PHOTOSHOP, ICC = 700, 33723, 34377, 34675
X_RESOLUTION, Y_RESOLUTION, UNIT = 282, 283, 296
DESCRIPTION, DATE = 270, 306
NODATA = 42113
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
# What a thumbnail's directory may say of the picture.
SHARED = frozenset(
    [XMP, IPTC, DESCRIPTION, 271, 272, 305, DATE, 315, 18246, *EXIF_TAGS]
)
# What a person misses in a file of another format.
NAMED = {
    "GeoTIFF's place": GEO,
    "GDAL's words": (42112, NODATA),
    "ImageJ's words": descriptions.IMAGEJ_TAGS,
    "a program's description": (DESCRIPTION,),
    "Photoshop's resources": (PHOTOSHOP,),
}
LAYERS_LEFT_OUT = "layers are left out: they show the picture as it was"


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


def of_page(
    tiff, pages, shape, count: int, same: bool, orientation: int
) -> Said:
    """What a page of an open `tifffile.TiffFile` says.

    Args:
        tiff: The file.
        pages: The page, and those that say something of the same picture.
        shape: `(height, width)`, upright.
        count: How many pages there were where one is kept; else 1.
        same: Whether the samples stay of one kind.
        orientation: EXIF's, which was applied.
    """
    page, *others = pages
    entries = _entries(tiff, page)
    for other in others:
        entries += [one for one in _entries(tiff, other) if one.code in SHARED]
    turned, order = orientation != 1, tiff.byteorder
    found = {one.code: one for one in reversed(entries)}
    notes: list[str] = []
    for code in OLD_PICTURES:
        if found.pop(code, None):
            notes.append(LAYERS_LEFT_OUT)
    if turned and GEO & found.keys():
        notes.append("GeoTIFF's place is left out: the picture was turned")
        found = {code: one for code, one in found.items() if code not in GEO}
    if count > 1:
        found.pop(PAGE_NUMBER, None)
    notes += descriptions.adapt(
        found, count, same and orientation < 5, page.planarconfig != 1
    )
    kept = {
        "icc": _bytes(found.pop(ICC, None)),
        "xmp": upright_xmp(_bytes(found.pop(XMP, None))),
        "iptc": _bytes(found.pop(IPTC, None)),
        "density": density(found),
    }
    if PHOTOSHOP in found:
        _take_resources(found, kept)
    shared: list[Entry] = []
    own: list[Entry] = []
    for code, one in found.items():
        picture = code < 2**15 and code != PAGE_NUMBER
        picture = picture and not descriptions.by_program(one)
        (shared if picture or code in EXIF_TAGS else own).append(one)
    kept["exif"], left_out = exif_blocks.block_of(shared, shape, order)
    notes = [*dict.fromkeys(notes), *left_out]
    return Said(kept, tuple(own), tuple(notes))


def _entries(tiff, page):
    return directory.read(
        tiff.filehandle, page.offset, tiff.byteorder, tiff.is_bigtiff, LAYOUT
    )[0]


def is_missed(one: Entry) -> bool:
    """Whether it is more than tifffile's description of a shape."""
    return descriptions.kind_of(one) != "shape" or one.code != DESCRIPTION


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
    entries: list[Entry] = []
    notes, head = [], b""
    block = (like.exif or b"").removeprefix(exif_blocks.PREFIX)
    if block:
        try:
            entries, order = directory.read_block(block)
        except ValueError:
            notes.append("the EXIF is left out: it does not parse")
    entries = [one for one in entries if one.code not in LAYOUT]
    note = exif_blocks.maker_note(entries)
    if note and not exif_blocks.is_movable(note):
        head = block
        if note.place < 16 or len(block) > 2**20:
            head, entries = b"", exif_blocks.without_note(entries)
            notes.append(exif_blocks.NOTE_LEFT_OUT)
    entries = [*own, *exif_blocks.sized(entries, shape)]
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
    note = exif_blocks.maker_note(tags.entries) if tags.head else None
    return (note,) if note else ()
