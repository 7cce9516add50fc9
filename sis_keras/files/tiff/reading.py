"""TIFF files in: one page as the fields of a `Photograph`."""

import logging
import math
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
import tifffile
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.files.channels import decode, split
from sis_keras.files.tiff import (
    pictures,
    samples,
    tags,
)
from sis_keras.quiet import muted_stderr

ORIENTATION = 274
MOST_BYTES_A_PIXEL = 64
FEW_SAMPLES = 2**22
YCBCR, JPEGS = 6, (7, 33005, 34892, 50001)
RAW = (32803, 34892)  # a mosaic, or what was made of it
# The types that Pillow reads where tifffile does not.
NARROW = (np.bool_, np.uint8)

logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def read(
    file: BinaryIO,
    check: Callable[[tuple[int, int]], None],
    page: int | None = None,
) -> dict[str, Any]:
    """The fields of a `Photograph`: of the first picture, or the `page`-th.

    Args:
        file: A TIFF file.
        check: Raises where `(width, height)` is too large.
        page: From 0; the others are kept in the same file. None takes the
            first one alone.

    Raises:
        UserError: It has no picture that can be restored.
        Exception: The file is damaged.
    """
    every = pictures.pictures_of(file)
    index, frame = every[page or 0]
    file.seek(0)  # tifffile counts from where it is.
    with tifffile.TiffFile(file, _multifile=False) as tiff:
        found = pictures.page_at(tiff, index)
        width, height = found.imagewidth, found.imagelength
        check((width, height))
        _check_memory(found)
        icc = found.tags.valueof(tags.ICC)
        orientation = found.tags.valueof(ORIENTATION, 1)
        if orientation not in range(1, 9):
            orientation = 1
        try:
            array = _array(tiff, found, frame)
            got = samples.of_page(
                found, array, icc, tags.nodata(found), orientation
            )
        except Exception as error:
            got = _by_pillow(file, index, found, icc, error)
        said = tags.of_page(
            tiff,
            (found, *pictures.others_of(tiff, index, every)),
            got.pixels.shape[:2],
            len(every) if page is None else 1,
            got.same,
            orientation,
        )
        if not got.icc:
            said.kept["icc"] = None
        notes = [
            *got.notes,
            *said.notes,
            *_left_out(tiff, found, every, page),
        ]
        return {
            "pixels": got.pixels,
            "alpha": got.alpha,
            "grey": got.grey,
            "format": "TIFF",
            "own": got.own._replace(
                entries=() if frame else said.own,
                order=tiff.byteorder,
                big=tiff.is_bigtiff,
            ),
            "notes": tuple(notes),
            **said.kept,
        }


def _left_out(tiff, found, every, page):
    notes = []
    if page is None and len(every) > 1:
        notes.append(
            f"the first of {len(every)} pages is taken, the others are left out"
        )
    if len({index[0] for index, _ in every}) < len(tiff.pages) and not page:
        notes.append("a thumbnail or mask in a page of its own is left out")
    elif found.subifds and not page:
        notes.append("smaller copies below the page are left out")
    return notes


# === Samples ===


def _check_memory(page):
    """What a page claims beside its size, which has been checked."""
    area = page.imagewidth * page.imagelength
    segment = area
    if page.is_tiled:
        segment = page.tilewidth * page.tilelength
    if (
        not area
        or page.imagedepth != 1
        or page.nbytes > MOST_BYTES_A_PIXEL * max(area, FEW_SAMPLES)
        or segment > max(FEW_SAMPLES, 4 * area)
        or math.prod(page.chunked) > len(page.dataoffsets)
    ):
        raise ValueError("it claims what no picture has")


def _array(tiff, page, frame):
    """`(height, width, samples)` of the machine's byte order."""
    if page.photometric == YCBCR and page.compression not in JPEGS:
        raise ValueError("tifffile does not convert YCbCr")
    if page.dtype is None or page.dtype.kind not in "buif":
        raise UserError(
            f"Expected whole or floating numbers. Received: {page.dtype} in "
            f"{tiff.filehandle.name}. Convert it."
        )
    if page.photometric in RAW:
        raise UserError(
            f"Expected a picture. Received: {tiff.filehandle.name}, which has "
            "a camera's raw values. Develop it first."
        )
    if page.is_contiguous:
        end = page.dataoffsets[0] + page.nbytes * (frame + 1)
        if end > tiff.filehandle.size:
            raise ValueError("truncated")
    if frame:
        tiff.filehandle.seek(page.dataoffsets[0] + frame * page.nbytes)
        kind = page.dtype.newbyteorder(tiff.byteorder)
        data = tiff.filehandle.read_array(kind, page.size)
    else:
        data = page.asarray()
    _, planes, _, height, width, depth = (1, *page.shaped)[-6:]
    data = data.reshape(planes, height, width, depth)
    array = np.moveaxis(data[..., 0], 0, -1) if planes > 1 else data[0]
    if array.dtype.isnative:
        return array
    return array.astype(array.dtype.newbyteorder("="))


def _by_pillow(file, index, page, icc, error):
    """What libtiff alone decodes, with 8 bits: subsampled YCbCr, old JPEG."""
    deep = page.dtype is not None and page.dtype.type not in NARROW
    if isinstance(error, UserError | MemoryError) or deep or index[1:]:
        raise error
    file.seek(0)
    with muted_stderr(), Image.open(file, formats=("TIFF",)) as image:
        image.seek(index[0])
        image.load()
        array, icc = decode(image, icc)
    pixels, alpha = split(array)
    grey = array.ndim == 2 or array.shape[2] == 2
    return samples.Samples(
        pixels, alpha, grey, samples.Own(), icc is not None, False, ()
    )
