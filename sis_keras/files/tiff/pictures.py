"""Which pages of a TIFF file are pictures: thumbnails and masks are none."""

import functools
import os
from typing import Any, BinaryIO

import tifffile

from sis_keras.files.tiff import descriptions, directory

THUMBNAIL, PAGE, MASK = 1, 2, 4
SMALL = 0.4  # of a side, where a page may be another's thumbnail
ALIKE = 0.03  # by how much their aspects differ at most
SUBFILE_TYPE, OLD_SUBFILE_TYPE = 254, 255
MOST_PAGES = 10_000


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
            return max(1, len(pictures_of(file)))
    except Exception:  # Reading it says what is wrong.
        return 1


def pictures_of(file) -> list[tuple[tuple[int, ...], int]]:
    """`(index, frame)` of each picture, for `page_at`.

    More than one frame is where ImageJ or tifffile wrote one page for many.
    """
    state = os.fstat(file.fileno())
    key = file.name, state.st_ino, state.st_size, state.st_mtime_ns
    return list(_chosen(*key))


@functools.lru_cache(8)
def _chosen(path, *_):
    """Of each picture, its page's index, and those below; its frame therein."""
    with tifffile.TiffFile(path, _multifile=False) as tiff:
        pages: list[tuple[tuple[int, ...], Any]] = []
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


def page_at(tiff: tifffile.TiffFile, index: tuple[int, ...]) -> Any:
    """The page of an index, of tifffile."""
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
    """How many pictures there are where ImageJ or tifffile wrote one page."""
    tag = page.tags.get(descriptions.DESCRIPTION)
    text = str(tag.value).encode() if tag else b""
    images = descriptions.images_of(text, page.size)
    if images == 1 or not page.is_contiguous:
        return 1
    room = page.parent.filehandle.size - page.dataoffsets[0]
    return images if images * page.nbytes <= room else 1


def others_of(tiff: tifffile.TiffFile, index, pictures) -> tuple[Any, ...]:
    """Pages of the same picture, whose EXIF is its own where it has none."""
    first = tiff.pages.first
    if index[1:]:
        return (tiff.pages[index[0]],)
    alone = len(pictures) == 1 and index != (0,)
    return (first,) if alone and _is_marked(first, THUMBNAIL) else ()
