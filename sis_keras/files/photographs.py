"""Anyone's photographs in and out, with all that their files say of them."""

import contextlib
import functools
import logging
import os
import pathlib
import threading
import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.files import exif
from sis_keras.files import sixteen_bits as deep_files
from sis_keras.files.atomic import atomic_path
from sis_keras.files.channels import (
    as_image,
    decode,
    joined,
    on_white,
    split,
    to_8_bits,
    turned,
)
from sis_keras.files.tiff import reading as tiff_reading
from sis_keras.files.tiff import writing as tiff_writing
from sis_keras.files.tiff.pictures import is_tiff
from sis_keras.quiet import muted_stderr

FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
}
SUFFIXES = frozenset(FORMATS)
MOST_PIXELS = 130_000_000
# A blank PNG file has 1032 for each of its bytes, photographs have less than
# 100. A file of some bytes must not have a gigabyte made ready for it.
PIXELS_PER_BYTE = 2000
FEW_PIXELS = 2**22
LONGEST_SIDE = {"JPEG": 65500, "WEBP": 16383}
MOST_JPEG_EXIF = 65533
ALPHA_FORMATS = ("PNG", "WEBP", "TIFF")

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
        icc: Profile of `pixels`, as it stood in the file; None is sRGB.
        format: "JPEG", "PNG", "WEBP", "TIFF" or "BMP".
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
    path, most_pixels: int = MOST_PIXELS, page: int | None = None
) -> Photograph:
    """Reads a JPEG, PNG, WebP, TIFF or BMP file, whatever its suffix.

    The first picture of several is taken. 16 bits a channel stay 16 bits,
    palettes become RGB, CMYK and Lab become sRGB.

    Args:
        path: A file.
        most_pixels: Larger pictures are refused before they are decoded; at
            most 178 million, Pillow's own limit.
        page: Of a TIFF file's pictures, which one, from 0. None is the first,
            whose description then speaks of no others.

    Raises:
        UserError: The file is missing, no picture, damaged or too large.
    """
    path = pathlib.Path(path)
    try:
        if path.exists() and not path.is_file():
            raise UserError(
                f"Expected a picture file. Received: {path}, which is none."
            )
        with path.open("rb") as file:
            return _read(path, file, most_pixels, page)
    except UserError:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(path, most_pixels) from error
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
        raise UserError(
            "Expected a whole picture (JPEG, PNG, WebP, TIFF or BMP) of 8 or "
            f"16 bits. Received: {path}, {path.stat().st_size} bytes that do "
            "not decode. Replace or remove it."
        ) from error


def _read(path, file, most_pixels, page):
    if is_tiff(file):
        check = functools.partial(_check_size, path, file, most_pixels)
        return Photograph(**tiff_reading.read(file, check, page))
    file.seek(0)
    formats = tuple(set(FORMATS.values()))
    with Image.open(file, formats=formats) as image:
        _check_size(path, file, most_pixels, image.size)
        deep = deep_files.is_deep(image)
        # libpng writes what it thinks to the standard error.
        with _muted() if deep else contextlib.nullcontext():
            icc = image.info.get("icc_profile") or None
            if deep:
                channels = deep_files.decode(path, image)
            else:
                image.load()
                channels, icc = decode(image, icc)
            orientation, kept = exif.upright(image.info.get("exif"))
        pixels, alpha = split(turned(channels, orientation))
        return Photograph(
            pixels=pixels,
            alpha=alpha,
            grey=channels.ndim == 2 or channels.shape[2] == 2,
            exif=kept,
            icc=icc,
            format="JPEG" if image.format == "MPO" else image.format,
        )


@contextlib.contextmanager
def _muted():
    """One thread at a time: two would leave the standard error muted."""
    with _muting, muted_stderr():
        yield


def _check_size(path, file, most_pixels, size):
    width, height = size
    if width * height > most_pixels:
        raise _too_large(path, most_pixels)
    length = os.fstat(file.fileno()).st_size
    if width * height > max(FEW_PIXELS, length * PIXELS_PER_BYTE):
        raise UserError(
            f"Expected a whole picture. Received: {path}, {length} bytes that "
            f"claim to be {width}x{height}. Replace or remove it."
        )


def _too_large(path, most_pixels):
    return UserError(
        f"Expected at most {most_pixels / 1e6:.0f} megapixels. Received: "
        f"{path}, which claims to have more. Make it smaller."
    )


# === Writing ===


def write_photograph(
    path,
    pixels: np.ndarray,
    like: Photograph,
    quality: int = 95,
    first: Callable[[], None] | None = None,
) -> tuple[str, ...]:
    """Writes `pixels` in the format of the suffix, the rest as `like`'s.

    Kept where the format can: grey, alpha, 16 bits, EXIF and profile. JPEG
    and BMP show what is transparent on white; all but PNG and TIFF get 16
    bits rounded to 8. The file appears only when it is complete.

    Args:
        path: Ends with one of `SUFFIXES`.
        pixels: uint8 or uint16 RGB `(height, width, 3)`, upright.
        like: What was read; its alpha has the size of `pixels`, if any.
        quality: Of JPEG and WebP, 1 to 100. JPEG's colours keep their full
            resolution from 90.
        first: Called when the file is complete, before it appears; where
            that raises, it does not.

    Returns:
        What the format could not hold, each a sentence for a person.

    Raises:
        UserError: No format has that suffix, or it holds no such size.
    """
    path = pathlib.Path(path)
    form = writable_format(path, pixels.shape)
    icc = like.icc
    grey = like.grey and form != "WEBP"
    if icc and icc[16:20] == b"GRAY" and not grey:
        icc = None
    if pixels.dtype == np.uint16 and form not in ("PNG", "TIFF"):
        pixels = to_8_bits(pixels)
    if form != "TIFF":
        channels = joined(pixels, like.alpha, grey)
        if like.alpha is not None and form not in ALPHA_FORMATS:
            channels = on_white(channels)
    notes = () if form == "TIFF" else tiff_writing.lost_elsewhere(like)
    with atomic_path(path) as temporary:
        with temporary.open("w+b") as file:
            if form == "TIFF":
                notes = tiff_writing.write(file, pixels, like._replace(icc=icc))
            elif channels.dtype == np.uint16:
                deep_files.write_png(file, channels, like.exif, icc)
            else:
                options = _options(form, quality, like.exif, icc)
                as_image(channels).save(file, form, **options)
        if first:
            first()
    return notes


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


def _options(form, quality, exif_, icc):
    options = {"icc_profile": icc} if icc else {}
    if exif_ and (form != "JPEG" or len(exif_) <= MOST_JPEG_EXIF):
        options["exif"] = exif_
    if form == "JPEG":
        subsampling = "4:4:4" if quality >= 90 else "4:2:0"
        return options | {"quality": quality, "subsampling": subsampling}
    if form == "WEBP":
        return options | {"quality": quality}
    if form == "PNG":
        return options | {"compress_level": deep_files.LEVEL}
    return {}
