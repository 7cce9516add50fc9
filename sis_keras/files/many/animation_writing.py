"""Animated pictures written, one frame after another."""

import fractions
import io
import struct
from typing import Any

from PIL import Image

from sis_keras.files.by_pillow import QUALITIES, palette_of
from sis_keras.files.channels import as_image
from sis_keras.files.metadata import exif
from sis_keras.files.png import chunks as png_chunks
from sis_keras.files.png import file as png

CLEAR_BEHIND = 2  # GIF's disposal: the next frame stands on nothing.


class _Sequence(Image.Image):
    """What Pillow's writers go through; each frame is made when it is due."""

    def __init__(self, frames, count):
        super().__init__()
        self._frames, self._at = iter(frames), -1
        self.n_frames, self.is_animated = count, True
        self.seek(0)

    def seek(self, frame):
        if frame >= self.n_frames:
            raise EOFError
        while (
            self._at < frame
        ):  # Writers go back to the first when all is done.
            image = next(self._frames)
            self.im, self.palette = image.im, image.palette
            self._mode, self._size = image.mode, image.size
            self.info = image.info
            self._at += 1

    def tell(self):
        return self._at


def write_webp(file, restored, frames, quality: int | None) -> None:
    """Writes an animated WebP file.

    Args:
        file: Open for writing.
        restored: uint8 `(height, width, 3 or 4)` of each frame.
        frames: A `Frames`, which says the rest.
        quality: 1 to 100; None is lossless for what was.
    """
    options = _said(frames.like)
    if quality is None and frames.is_lossless:
        options |= {"lossless": True, "quality": 60}
    else:
        options["quality"] = QUALITIES["WEBP"] if quality is None else quality
    if "exif" in options:  # Pillow does so for a still picture alone.
        options["exif"] = options["exif"].removeprefix(exif.PREFIX)
    times = frames.times_for("WEBP")
    options |= {"duration": list(times), "loop": frames.plays}
    _save(file, "WEBP", restored, frames, options)


def write_avif(file, restored, frames, quality: int | None) -> None:
    """Writes an AVIF sequence; the arguments are those of `write_webp`."""
    options = _said(frames.like)
    options["quality"] = QUALITIES["AVIF"] if quality is None else quality
    options["duration"] = [round(x) for x in frames.times_for("AVIF")]
    if quality is None and frames.is_lossless:
        options |= {"quality": 100, "subsampling": "4:4:4"}
    if "exif" in options:
        options["exif"] = exif.without_orientation(options["exif"])
    _save(file, "AVIF", restored, frames, options)


def write_gif(file, restored, frames, quality: int | None) -> None:
    """Writes an animated GIF file; the arguments are those of `write_webp`."""
    del quality
    options: dict[str, Any] = {
        "duration": [10 * round(x / 10) for x in frames.times]
    }
    if frames.plays != 1:
        options["loop"] = max(frames.plays - 1, 0)
    if frames.like.comment:
        options["comment"] = frames.like.comment[:255]
    if frames.has_alpha:
        options["disposal"] = CLEAR_BEHIND
    images = (palette_of(as_image(x)) for x in restored)
    sequence = _Sequence(images, frames.count)
    sequence.save(file, "GIF", save_all=True, **options)


def _save(file, form, restored, frames, options):
    images = (as_image(x) for x in restored)
    sequence = _Sequence(images, frames.count)
    sequence.save(file, form, save_all=True, **options)


def _said(like):
    options = {
        "exif": like.exif,
        "xmp": like.xmp,
        "icc_profile": like.icc,
    }
    return {name: x for name, x in options.items() if x}


# === PNG ===


def write_apng(file, restored, frames, quality: int | None) -> None:
    """Writes an animated PNG file; the arguments are those of `write_webp`."""
    del quality
    number = 0
    for at, channels in enumerate(restored):
        header, pixels = _packed(channels)
        if not at:
            _write_head(file, header, channels, frames)
        is_shown = at or not frames.has_still
        if is_shown:
            time = frames.times_for("PNG")[at]
            data = _control(number, channels.shape, time)
            png_chunks.write_chunk(file, b"fcTL", data)
            number += 1
        for data in pixels:
            if at:
                data = struct.pack(">I", number) + bytes(data)
                number += 1
            png_chunks.write_chunk(file, b"fdAT" if at else b"IDAT", data)
    png_chunks.write_chunk(file, b"IEND", b"")


def _packed(channels):
    """IHDR's data and each IDAT's."""
    packed = io.BytesIO()
    as_image(channels).save(packed, "PNG", compress_level=png.LEVEL)
    chunks = png_chunks.chunks(packed.getvalue())
    return chunks[0][1], [x for name, x in chunks if name == b"IDAT"]


def _write_head(file, header, channels, frames):
    file.write(png_chunks.SIGNATURE)
    png_chunks.write_chunk(file, b"IHDR", header)
    shown = frames.count - frames.has_still
    control = struct.pack(">II", shown, frames.plays)
    png_chunks.write_chunk(file, b"acTL", control)
    for name, data in png.chunks_of(channels, frames.like):
        png_chunks.write_chunk(file, name, data)


def _control(number, shape, milliseconds):
    """A whole frame, that replaces what was there."""
    time = fractions.Fraction(milliseconds / 1000).limit_denominator(10_000)
    if time.numerator > 0xFFFF:
        time = fractions.Fraction(min(round(milliseconds / 1000), 0xFFFF))
    size = shape[1], shape[0], 0, 0
    delay = time.numerator, time.denominator
    return struct.pack(">IIIIIHHBB", number, *size, *delay, 0, 0)


WRITERS = {
    "WEBP": write_webp,
    "PNG": write_apng,
    "GIF": write_gif,
    "AVIF": write_avif,
}
