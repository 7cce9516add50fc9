"""EXIF of pictures that have been turned upright.

A block is kept as it is, whatever its tags hold: a maker's notes count their
offsets from its start. What no longer fits the picture is set in place.
"""

import io
import struct

import numpy as np
from PIL import ExifTags, Image

from sis_keras.files.channels import to_8_bits
from sis_keras.files.metadata import exif_folders

PREFIX = b"Exif\0\0"
ORIENTATION = ExifTags.Base.Orientation
SHORT, LONG = 3, 4
WIDTHS = (0x0100, 0xA002, 0x1001)  # ImageWidth, Exif's, Interoperability's
HEIGHTS = (0x0101, 0xA003, 0x1002)
RESOLUTIONS, RESOLUTION_UNIT, CENTIMETRE = (0x011A, 0x011B), 0x0128, 3
THUMBNAIL, THUMBNAIL_LENGTH = 0x0201, 0x0202
STRIPS = 0x0111
THUMBNAIL_SIDE = 160
SAMPLES = 4  # in a row of the picture, for a thumbnail's pixel, or more
MAKER_NOTE = 0x927C

# === Of a file that was read ===


def upright(exif: bytes | None) -> tuple[int, bytes | None]:
    """The orientation, 1 to 8, and the same EXIF with orientation 1.

    Nothing else moves, for a maker's notes hold offsets.

    Returns:
        1 and None for EXIF that does not parse; else bytes that begin with
        `PREFIX`.
    """
    if not exif:
        return 1, None
    block = bytearray(exif.removeprefix(PREFIX))
    entries = exif_folders.entries(block)
    if entries is None:
        return 1, None
    orientation = 1
    for entry in entries:
        if entry.tag == ORIENTATION and entry.kind == SHORT:
            if entry.folder == exif_folders.MAIN:
                orientation = entry.number(block)
            entry.set_number(block, 1)
    return orientation if 1 <= orientation <= 8 else 1, PREFIX + bytes(block)


def turned(exif: bytes | None, orientation: int) -> bytes | None:
    """The same EXIF with another orientation, if it has one."""
    if not exif:
        return exif
    block = bytearray(exif.removeprefix(PREFIX))
    for entry in exif_folders.entries(block) or ():
        if entry.tag == ORIENTATION and entry.kind == SHORT:
            entry.set_number(block, orientation)
    return PREFIX + bytes(block)


def without_orientation(exif: bytes) -> bytes:
    """The same EXIF without the tag; all that has an offset keeps it."""
    block = bytearray(exif.removeprefix(PREFIX))
    for entry in exif_folders.entries(block) or ():
        if (entry.folder, entry.tag) == (exif_folders.MAIN, ORIENTATION):
            exif_folders.remove(block, entry)
            break
    return PREFIX + bytes(block)


def density(exif: bytes | None) -> tuple[float, float] | None:
    """Dots per inch, across and down, if it says so."""
    block = (exif or b"").removeprefix(PREFIX)
    found = {
        entry.tag: entry
        for entry in exif_folders.entries(block) or ()
        if entry.folder == exif_folders.MAIN
    }
    sides = []
    for tag in RESOLUTIONS:
        data = found[tag].data(block) if tag in found else None
        if not data or len(data) != 8:
            return None
        above, below = struct.unpack(found[tag].order + "II", data)
        if not above or not below:
            return None
        sides.append(above / below)
    unit = found.get(RESOLUTION_UNIT)
    scale = 2.54 if unit and unit.number(block) == CENTIMETRE else 1
    return sides[0] * scale, sides[1] * scale


# === Of a file that is written ===


def fitted(exif: bytes | None, pixels: np.ndarray) -> bytes | None:
    """The same EXIF, whose sizes and thumbnail are those of `pixels`.

    Args:
        exif: Begins with `PREFIX`.
        pixels: uint8 or uint16 RGB `(height, width, 3)`, as written.
    """
    if not exif:
        return exif
    block = bytearray(exif.removeprefix(PREFIX))
    entries = exif_folders.entries(block) or []
    height, width = pixels.shape[:2]
    for entry in entries:
        if entry.folder != exif_folders.SECOND and entry.is_number:
            if entry.tag in WIDTHS:
                entry.set_number(block, width)
            elif entry.tag in HEIGHTS:
                entry.set_number(block, height)
    second = {e.tag: e for e in entries if e.folder == exif_folders.SECOND}
    if second:
        _replace_thumbnail(block, second, pixels)
    return PREFIX + bytes(block)


def _replace_thumbnail(block, second, pixels):
    place, length = (second.get(tag) for tag in (THUMBNAIL, THUMBNAIL_LENGTH))
    numbers = place and length and place.is_number and length.is_number
    if STRIPS in second or not numbers:
        # Stripes of pixels, or nothing that would be known.
        if STRIPS in second:
            exif_folders.unlink_second(block)
        return
    start, old = place.number(block), length.number(block)
    drawn, height, width = _thumbnail(pixels)
    if len(drawn) > old or start + old > len(block):
        block.extend(b"\0" * (len(block) % 2))
        start, old = len(block), len(drawn)
        block.extend(bytes(old))
    block[start : start + old] = drawn.ljust(old, b"\0")
    place.set_number(block, start)
    length.set_number(block, len(drawn))
    for tag, value in ((WIDTHS[0], width), (HEIGHTS[0], height)):
        if tag in second and second[tag].is_number:
            second[tag].set_number(block, value)


def _thumbnail(pixels):
    """JPEG of at most `THUMBNAIL_SIDE`, its height and width."""
    height, width = pixels.shape[:2]
    scale = min(1, THUMBNAIL_SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    every = max(1, int(1 / scale) // SAMPLES)
    sampled = np.ascontiguousarray(pixels[::every, ::every])
    if sampled.dtype == np.uint16:
        sampled = to_8_bits(sampled)
    small = Image.fromarray(sampled).resize(size, Image.Resampling.BOX)
    drawn = io.BytesIO()
    small.save(drawn, "JPEG", quality=80)
    return drawn.getvalue(), size[1], size[0]


def shortened(exif: bytes, most: int) -> tuple[bytes | None, str | None]:
    """EXIF of at most `most` bytes, and what it had to leave out.

    The maker note goes first, whose offsets would not hold in another place;
    then the thumbnail, then what is longest.
    """
    if len(exif) <= most:
        return exif, None
    block = exif.removeprefix(PREFIX)
    found = exif_folders.entries(block) or []
    sizes = {entry.tag: len(entry.data(block) or b"") for entry in found}
    longest = sorted(sizes, key=sizes.__getitem__, reverse=True)
    without, lost = {MAKER_NOTE}, []
    if MAKER_NOTE in sizes:
        lost.append("maker note")
    has_thumbnail = any(x.folder == exif_folders.SECOND for x in found)
    for step in range(len(longest) + 2):
        if step == 1 and has_thumbnail:
            lost.append("thumbnail")
        elif step > 1 and (tag := longest[step - 2]) not in without:
            without.add(tag)
            lost.append(ExifTags.TAGS.get(tag, f"tag {tag}"))
        shorter = exif_folders.rebuilt(block, without, thumbnail=not step)
        if shorter and len(PREFIX + shorter) <= most:
            words = ", ".join(lost)
            return (
                PREFIX + shorter,
                f"left out of the EXIF, of which 64 KiB fit: {words}",
            )
    return None, "the EXIF is left out: it is longer than the format's 64 KiB"
