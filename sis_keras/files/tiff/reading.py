"""TIFF files in: one page as the fields of a `Photograph`."""

import functools
import logging
import os
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np
import tifffile
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.files.channels import decode, split
from sis_keras.files.tiff import descriptions, directory, samples, tags
from sis_keras.quiet import muted_stderr

THUMBNAIL, PAGE, MASK = 1, 2, 4
SMALL = 0.4  # of a side, where a page may be another's thumbnail
ALIKE = 0.03  # by how much their aspects differ at most
SUBFILE_TYPE, OLD_SUBFILE_TYPE, ORIENTATION = 254, 255, 274
MOST_PAGES = 10_000
MOST_BYTES_A_PIXEL = 64
FEW_SAMPLES = 2**22
YCBCR, JPEGS = 6, (7, 33005, 34892, 50001)
# The types that Pillow reads where tifffile does not.
NARROW = (np.bool_, np.uint8)

logging.getLogger("tifffile").setLevel(logging.CRITICAL)


def is_tiff(file: BinaryIO) -> bool:
    """Whether an open file begins as TIFF and BigTIFF files do."""
    try:
        directory.read_header(file)
    except ValueError:
        return False
    return True


def page_count(path) -> int:
    """How many pictures a TIFF file has: thumbnails and masks are none.

    Other files, and those that do not read, have one.
    """
    try:
        with open(path, "rb") as file:
            if not is_tiff(file):
                return 1
            return max(1, len(_pictures_of(file)))
    except Exception:  # Reading it says what is wrong.
        return 1


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
    pictures = _pictures_of(file)
    index, frame = pictures[page or 0]
    file.seek(0)  # tifffile counts from where it is.
    with tifffile.TiffFile(file, _multifile=False) as tiff:
        found = _page(tiff, index)
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
        same = got.same and orientation < 5 and found.planarconfig == 1
        whole = page is not None or len(pictures) == 1
        said = tags.of_page(
            tiff,
            found,
            got.pixels.shape[:2],
            1 if whole else len(pictures),
            same,
            orientation != 1,
        )
        if not got.icc:
            said.kept["icc"] = None
        notes = [
            *got.notes,
            *said.notes,
            *_left_out(tiff, found, pictures, page),
        ]
        return {
            "pixels": got.pixels,
            "alpha": got.alpha,
            "grey": got.grey,
            "format": "TIFF",
            "own": got.own._replace(
                entries=said.own, order=tiff.byteorder, big=tiff.is_bigtiff
            ),
            "notes": tuple(notes),
            **said.kept,
        }


# === Pages ===


def _pictures_of(file) -> list[tuple[tuple[int, ...], int]]:
    """`(index, frame)` of each picture; `_chosen` says how."""
    state = os.fstat(file.fileno())
    key = file.name, state.st_ino, state.st_size, state.st_mtime_ns
    return list(_chosen(*key))


@functools.lru_cache(8)
def _chosen(path, *_):
    """Of each picture, its page's index, and those below; its frame therein."""
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        pages = []
        for number, page in zip(range(MOST_PAGES), tiff.pages, strict=False):
            pages.append(((number,), page))
            for below, child in enumerate(_below(page)):
                if not _is_marked(child, THUMBNAIL | MASK):
                    pages.append(((number, below), child))
        chosen = [index for index, page in _without_small(pages)]
        if len(pages) == 1:
            return tuple((*chosen, k) for k in range(_frames(pages[0][1])))
        return tuple((index, 0) for index in chosen)


def _below(page):
    try:
        return list(page.pages or ())[:16]
    except Exception:  # Of what is below, the page itself says no more.
        return []


def _page(tiff, index):
    page = tiff.pages[index[0]]
    for below in index[1:]:
        page = page.pages[below]
    return page.aspage()


def _subfile_type(page):
    old = page.tags.valueof(OLD_SUBFILE_TYPE, 0)
    return page.tags.valueof(SUBFILE_TYPE, THUMBNAIL if old == 2 else 0)


def _is_marked(page, mask):
    kind = _subfile_type(page)
    return isinstance(kind, int) and bool(kind & mask)


def _without_small(pages):
    """All but the thumbnails, pyramids and masks; not nothing."""
    largest = max(page.imagewidth * page.imagelength for _, page in pages)
    wide = next(
        page
        for _, page in pages
        if page.imagewidth * page.imagelength == largest
    )
    kept = [
        (index, page)
        for index, page in pages
        if not _is_marked(page, THUMBNAIL | MASK)
        and not _is_small_copy(page, wide)
    ]
    return kept or pages[:1]


def _is_small_copy(page, of):
    if _is_marked(page, PAGE) or not page.imagelength or not of.imagelength:
        return False
    small = page.imagewidth <= SMALL * of.imagewidth
    small = small and page.imagelength <= SMALL * of.imagelength
    aspect = page.imagewidth / page.imagelength
    of_aspect = of.imagewidth / of.imagelength
    # A pixel more or less is a large part of a small side.
    near = ALIKE + 1 / min(page.imagewidth, page.imagelength)
    return small and abs(aspect / of_aspect - 1) < near


def _frames(page):
    """ImageJ's files of one page may have many pictures behind its own."""
    tag = page.tags.get(descriptions.DESCRIPTION)
    text = str(tag.value).encode() if tag else b""
    images = descriptions.imagej_images(text)
    if images == 1 or not page.is_contiguous:
        return 1
    room = page.parent.filehandle.size - page.dataoffsets[0]
    return images if images * page.nbytes <= room else 1


def _left_out(tiff, found, pictures, page):
    notes = []
    if page is None and len(pictures) > 1:
        notes.append(
            f"the first of {len(pictures)} pages is taken, the others are "
            "left out"
        )
    if len({index[0] for index, _ in pictures}) < len(tiff.pages) and not page:
        notes.append("a thumbnail or mask in a page of its own is left out")
    elif found.subifds and not page:
        notes.append("smaller copies below the page are left out")
    return notes


# === Samples ===


def _check_memory(page):
    """What a file claims beside its size, which has been checked."""
    area = page.imagewidth * page.imagelength
    segment = area
    if page.is_tiled:
        segment = page.tilewidth * page.tilelength
    if (
        not area
        or page.imagedepth != 1
        or page.nbytes > MOST_BYTES_A_PIXEL * max(area, FEW_SAMPLES)
        or segment > max(FEW_SAMPLES, 4 * area)
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
