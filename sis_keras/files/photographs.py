"""Anyone's photographs in and out, with all that their files say of them."""

import contextlib
import logging
import pathlib
import threading
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.files import by_pillow, keeping, limits, raw
from sis_keras.files.atomic import atomic_path
from sis_keras.files.channels import decode, split, turned
from sis_keras.files.formats import (
    FORMATS,
    HEAD,
    SUFFIXES,
    format_of,
    name_of,
    require,
)
from sis_keras.files.jpeg import file as jpeg
from sis_keras.files.jpeg import parts as jpeg_parts
from sis_keras.files.metadata import exif, xmp
from sis_keras.files.png import chunks as png_chunks
from sis_keras.files.png import file as png
from sis_keras.files.tiff import reading as tiff_reading
from sis_keras.files.tiff import writing as tiff_writing
from sis_keras.quiet import muted_stderr

LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383, "GIF": 65535, "AVIF": 65536}

# Pillow warns of what it mends, where a program's own lines are to stand.
warnings.filterwarnings("ignore", module=r"PIL\.")
logging.getLogger("PIL").setLevel(logging.CRITICAL)
_muting = threading.Lock()


class Photograph(NamedTuple):
    r"""A picture and what its file says of it.

    Attributes:
        pixels: uint8 or uint16 RGB `(height, width, 3)`, upright: EXIF's
            orientation has been applied.
        alpha: Opacity `(height, width)` of the same dtype, or None.
        grey: Whether the file was grey; the three channels are equal then.
        exif: Begins with `Exif\0\0`; its orientation is 1. Or None.
        icc: Profile of `pixels`, as it stood in the file or made of what else
            it says of colours; None is sRGB.
        format: One of `formats.FORMATS`' values, or "RAW".
        xmp: XMP's packet. Or None.
        iptc: IPTC's records. Or None.
        comment: What the file's author wrote. Or None.
        density: Dots per inch `(across, down)`. Or None.
        own: What a file of the same `format` alone takes over.
        notes: What reading could not keep, each a sentence for a person.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    grey: bool
    exif: bytes | None
    icc: bytes | None
    format: str
    xmp: bytes | None = None
    iptc: bytes | None = None
    comment: bytes | None = None
    density: tuple[float, float] | None = None
    own: object = None
    notes: tuple[str, ...] = ()


# === Reading ===


def read_photograph(
    path,
    most_pixels: int = limits.MOST_PIXELS,
    strict: bool = False,
    page: int | None = None,
) -> Photograph:
    """Reads a picture file of any of the `FORMATS`, whatever its suffix.

    The first picture of several is taken. 16 bits a channel stay 16 bits,
    palettes become RGB, CMYK and Lab become sRGB. Of a JPEG file without its
    end, what is there is read, and a note says so.

    Args:
        path: A file.
        most_pixels: Larger pictures are refused before they are decoded; at
            most 178 million, Pillow's own limit.
        strict: Refuse files that are not whole.
        page: Of a TIFF file's pictures, which one, from 0. None is the first,
            whose description then speaks of no others.

    Raises:
        UserError: The file is missing, no picture, damaged or too large, or
            of a format whose package is not installed.
    """
    path = pathlib.Path(path)
    try:
        if path.exists() and not path.is_file():
            raise UserError(
                f"Expected a picture file. Received: {path}, which is none."
            )
        with path.open("rb") as file:
            form = format_of(file.read(HEAD), path.suffix.lower())
            file.seek(0)
            if form:
                require(form, path)
            return _read(path, file, form, most_pixels, strict, page)
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise limits.too_large(path, most_pixels) from error
    except MemoryError as error:
        raise UserError(
            f"Expected memory for the picture {path}. Received: too little. "
            "Make it smaller or close other programs."
        ) from error
    except Exception as error:
        # Damaged files make decoders raise whatever there is.
        if isinstance(error, OSError) and error.errno:
            raise UserError(
                f"Cannot read the picture {path}: {error.strerror}."
            ) from error
        name = f" as {name_of(form)}" if form else ""
        raise UserError(
            "Expected a whole picture (JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, "
            f"HEIF, JPEG XL) of 8 or 16 bits. Received: {path}, "
            f"{path.stat().st_size} bytes that do not decode{name}. Replace "
            "or remove it."
        ) from error


def _read(path, file, form, most_pixels, strict, page):
    def check_size(size):
        limits.check_size(path, file, size, most_pixels)

    if form == "TIFF":
        return Photograph(**tiff_reading.read(file, check_size, page))
    if form == "JPEG":
        cut = jpeg_parts.parts(file.read())
        check_size(jpeg_parts.size(cut))
        image, missing = jpeg_parts.load(cut, strict)
        found = jpeg.said(cut, image)
        found["notes"] += (missing,) if missing else ()
        if image.mode == "CMYK":
            found["notes"] += ("its CMYK colours become sRGB",)
        channels, found["icc"] = decode(image, found["icc"])
    elif form == "PNG":
        chunks = png_chunks.chunks(file.read())
        check_size(png_chunks.size(chunks))
        with _muted():  # libpng writes what it thinks to the standard error.
            channels, deep = png_chunks.decode(chunks)
        if not deep:
            channels, _ = decode(channels, None)
        found = png.said(chunks)
    elif form == "RAW":
        channels, found = raw.read(path, check_size)
    elif form:
        channels, found = by_pillow.read(file, form, check_size)
    else:
        raise ValueError("of no known format")
    return _photograph(channels, found, form)


def _photograph(channels, found, form):
    orientation, kept = exif.upright(found["exif"])
    if found["exif"] and not kept:
        note = "the EXIF is left out: it does not parse"
        found["notes"] = (*found["notes"], note)
    pixels, alpha = split(turned(channels, orientation))
    if orientation > 4 and found.get("density"):
        found["density"] = found["density"][::-1]
    others = {"exif": kept, "xmp": xmp.upright(found.get("xmp"))}
    return Photograph(
        pixels=pixels,
        alpha=alpha,
        grey=channels.ndim == 2 or channels.shape[2] == 2,
        format=form,
        **({"icc": None} | found | others),
    )


@contextlib.contextmanager
def _muted():
    """One thread at a time: two would leave the standard error muted."""
    with _muting, muted_stderr():
        yield


# === Writing ===


def write_photograph(
    path,
    pixels: np.ndarray,
    like: Photograph,
    quality: int | None = None,
    first: Callable[[], None] | None = None,
) -> tuple[str, ...]:
    """Writes `pixels` in the format of the suffix, the rest as `like`'s.

    Kept where the format can: grey, alpha, 16 bits, profile and metadata.
    JPEG and BMP show what is transparent on white. The file appears only when
    it is complete.

    Args:
        path: Ends with one of `SUFFIXES`.
        pixels: uint8 or uint16 RGB `(height, width, 3)`, upright.
        like: What was read; its alpha has the size of `pixels`, if any.
        quality: 1 to 100, of JPEG, WebP, AVIF, HEIF and JPEG XL. JPEG's
            colours keep their full resolution from 90. None takes a JPEG
            source's own tables and resolution of colours for a JPEG, keeps
            what is lossless so, and is 90 or 95 otherwise.
        first: Called when the file is complete, before it appears; where
            that raises, it does not.

    Returns:
        What the format could not hold, each a sentence for a person.

    Raises:
        UserError: No format has that suffix, or it holds no such size.
    """
    path = pathlib.Path(path)
    form = writable_format(path, pixels.shape)
    require(form, path)
    like, channels, notes = keeping.fitting(pixels, like, form)
    with atomic_path(path) as temporary:
        with temporary.open("w+b") as file:
            if form == "TIFF":
                notes += tiff_writing.write(file, channels, like)
            elif form == "PNG":
                notes += png.write(file, channels, like)
            elif form == "JPEG":
                notes += jpeg.write(file, channels, like, quality)
            else:
                notes += by_pillow.write(file, form, channels, like, quality)
        if first:
            first()
    return tuple(notes)


def writable_format(path, shape) -> str:
    """The format of a suffix that holds `(height, width, …)`, or UserError."""
    suffix = pathlib.Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise UserError(
            f"Expected a picture's name, with one of {sorted(SUFFIXES)}. "
            f"Received: {path}."
        )
    form = FORMATS[suffix]
    longest = LONGEST_SIDE.get(form)
    if longest and max(shape[:2]) > longest:
        raise UserError(
            f"Expected at most {longest} pixels a side for {form}. Received: "
            f"{path}, {shape[1]}x{shape[0]}. Name a .png or .tif file."
        )
    return form
