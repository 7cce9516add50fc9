"""EXIF of pictures that have been turned upright."""

import contextlib
import struct

from PIL import ExifTags

PREFIX = b"Exif\0\0"
ORIENTATION = ExifTags.Base.Orientation
SHORT = 3


def upright(exif: bytes | None) -> tuple[int, bytes | None]:
    """The orientation, 1 to 8, and the same EXIF with orientation 1.

    Nothing else moves, for a maker's notes hold offsets. The thumbnail, which
    shows the picture as it was, is unlinked.

    Returns:
        1 and None for EXIF that does not parse; else bytes that begin with
        `PREFIX`.
    """
    if not exif:
        return 1, None
    block = bytearray(exif.removeprefix(PREFIX))
    orientation = 1
    try:
        order = {b"II": "<", b"MM": ">"}[bytes(block[:2])]
        (place,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, place)
        for entry in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind = struct.unpack_from(order + "HH", block, entry)
            if tag == ORIENTATION and kind == SHORT:
                (orientation,) = struct.unpack_from(
                    order + "H", block, entry + 8
                )
                struct.pack_into(order + "H", block, entry + 8, 1)
        with contextlib.suppress(struct.error):  # Some leave the link out.
            struct.pack_into(order + "I", block, place + 2 + 12 * count, 0)
    except (KeyError, struct.error):
        return 1, None
    return orientation if 1 <= orientation <= 8 else 1, PREFIX + bytes(block)
