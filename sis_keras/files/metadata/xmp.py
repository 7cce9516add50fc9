"""XMP of pictures that have been turned upright."""

import re

# As attributes and as elements; what is between the numbers is kept.
_NUMBER = rb"""(\b%s\s*(?:=\s*["']|>\s*))(\d+)"""
_ORIENTATION = re.compile(_NUMBER % rb"tiff:Orientation")
_WIDTH = re.compile(_NUMBER % rb"(?:tiff:ImageWidth|exif:PixelXDimension)")
_HEIGHT = re.compile(_NUMBER % rb"(?:tiff:ImageLength|exif:PixelYDimension)")


def upright(xmp: bytes | None) -> bytes | None:
    """The same packet, whose orientation is 1."""
    return _ORIENTATION.sub(rb"\g<1>1", xmp) if xmp else None


def fitted(xmp: bytes | None, width: int, height: int) -> bytes | None:
    """The same packet with the size of the picture that it goes with."""
    if not xmp:
        return None
    xmp = _WIDTH.sub(rb"\g<1>%d" % width, xmp)
    return _HEIGHT.sub(rb"\g<1>%d" % height, xmp)
