"""Frames of animated pictures, as they are shown, and their times."""

import io
import pathlib
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image

from sis_keras.files import limits
from sis_keras.files.channels import turned
from sis_keras.files.formats import HEAD, format_of
from sis_keras.files.metadata import exif, xmp
from sis_keras.files.photographs import Photograph
from sis_keras.files.png import chunks as png_chunks
from sis_keras.files.png import file as png

FOREVER = 0
# Browsers show a GIF's frames of no time for this long.
SHORTEST_OF_GIF, SHOWN = 10, 100  # milliseconds
EMPTY = np.zeros((1, 1, 3), np.uint8)


def count(file, form: str | None) -> int:
    """How many frames an open file shows; 0 for formats that show one."""
    if form == "PNG":
        return _count_of_png(file)
    if form not in ("GIF", "WEBP", "AVIF"):
        return 0
    with Image.open(file, formats=(form,)) as image:
        return getattr(image, "n_frames", 1)


def _count_of_png(file):
    """Of acTL, which stands before the pixels."""
    file.seek(len(png_chunks.SIGNATURE))
    while len(head := file.read(8)) == 8:
        length, name = struct.unpack(">I4s", head)
        if name == b"acTL":
            return struct.unpack(">I", file.read(4))[0]
        if name in (b"IDAT", b"IEND"):
            break
        file.seek(length + 4, io.SEEK_CUR)
    return 0


class Frames:
    """The frames of a file.

    Iterating gives uint8 RGBA `(height, width, 4)`, upright, as shown: what
    earlier frames left is in them.

    Args:
        path: An animated file.

    Attributes:
        form: Its format.
        count: Of the frames.
        times: Of each, in milliseconds.
        plays: How often they are shown; `FOREVER` is 0.
        has_alpha: Whether any has.
        is_lossless: Whether its pixels were.
        has_still: Whether the first is what programs show that know no
            animation, and no part of it.
        like: What the file says: a `Photograph` without pixels.

    Raises:
        ValueError, OSError, …: The file is damaged.
    """

    def __init__(self, path):
        data = pathlib.Path(path).read_bytes()
        self.form = format_of(data[:HEAD]) or ""
        self._data = data
        found: dict[str, Any] = {"notes": ()}
        if self.form == "PNG":
            chunks = png_chunks.chunks(data)
            kept = (*png_chunks.PIXELS, *png.ANIMATION)
            shown = [x for x in chunks if x[0] in kept]
            self._data = png_chunks.bare(shown).read()
            found = png.said(x for x in chunks if x[0] not in png.ANIMATION)
            if chunks[0][1][8] == 16:
                note = "its 16 bits a channel become 8"
                found["notes"] = (*found["notes"], note)
        with self._open() as image:
            width, height = image.size
            if width * height > limits.MOST_PIXELS:
                raise ValueError("too large")
            if self.form != "PNG":
                found = _said(image)
            self.count = image.n_frames
            self.has_still = bool(image.info.get("default_image"))
            self.plays = self._plays(image)
            self.times, self.has_alpha = self._survey(image)
        self.is_lossless = self.form == "PNG" or (
            self.form == "WEBP" and b"VP8 " not in data and b"VP8L" in data
        )
        self._orientation, block = exif.upright(found.get("exif"))
        found |= {"exif": block, "xmp": xmp.upright(found.get("xmp"))}
        self.like = Photograph(
            EMPTY, None, False, format=self.form, **({"icc": None} | found)
        )

    def _open(self):
        return Image.open(io.BytesIO(self._data), formats=(self.form,))

    def _plays(self, image):
        if self.form == "GIF":
            if "loop" not in image.info:
                return 1
            loop = image.info["loop"]
            return loop + 1 if loop else FOREVER
        return image.info.get("loop", FOREVER)

    def _survey(self, image):
        times, has_alpha = [], False
        for number in range(self.count):
            image.seek(number)
            image.load()
            times.append(image.info.get("duration") or 0)
            has_alpha = has_alpha or _is_clear(image)
        return times, has_alpha

    def __iter__(self) -> Iterator[np.ndarray]:
        with self._open() as image:
            for number in range(self.count):
                image.seek(number)
                rgba = np.asarray(image.convert("RGBA"))
                yield turned(rgba, self._orientation)

    def times_for(self, form: str) -> list[float]:
        """The times as another format has to say them."""
        if self.form != "GIF" or form == "GIF":
            return self.times
        return [x if x > SHORTEST_OF_GIF else SHOWN for x in self.times]


def _is_clear(image):
    if not image.has_transparency_data:
        return False
    return image.convert("RGBA").getchannel("A").getextrema()[0] < 255


def _said(image):
    comment = image.info.get("comment")
    return {
        "exif": image.info.get("exif"),
        "xmp": image.info.get("xmp"),
        "icc": image.info.get("icc_profile") or None,
        "comment": comment.encode() if isinstance(comment, str) else comment,
        "notes": (),
    }
