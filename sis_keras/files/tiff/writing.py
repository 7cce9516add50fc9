"""TIFF files out, page by page, with whole tags."""

import concurrent.futures
import io
import itertools
import os
import struct
from typing import Any, BinaryIO

import imagecodecs
import numpy as np
import tifffile

from sis_keras.files.tiff import directory, exif_blocks, tags
from sis_keras.files.tiff.samples import Own, row_bands, to_page

LEVEL = 2  # of deflate
STRIP = 2**18  # bytes
THREADS = min(4, os.cpu_count() or 1)
MOST_CLASSIC = 2**32 - 2**26
NEW_SUBFILE_TYPE, X_RESOLUTION, Y_RESOLUTION, UNIT = 254, 282, 283, 296
# tifffile claims 1 pixel per unit.
CLAIMED = (X_RESOLUTION, Y_RESOLUTION, UNIT)


def write(file: BinaryIO, pixels: np.ndarray, like) -> tuple[str, ...]:
    """Writes a file of one page; see `PagesWriter.add`."""
    with PagesWriter(file) as writer:
        return writer.add(pixels, like)


def lost_elsewhere(like) -> tuple[str, ...]:
    """What a file of another format does not take over from a TIFF file."""
    own, notes = like.own, []
    if not isinstance(own, Own):
        return ()
    if own.original is not None:
        notes.append(
            f"{own.original.dtype} became whole numbers, and values beyond "
            "black and white were cut off: only a TIFF file holds them"
        )
    if own.extras is not None:
        notes.append("the channel beside colours and alpha is left out")
    names = [
        name
        for name, codes in tags.NAMED.items()
        if any(one.code in codes for one in own.entries if tags.is_missed(one))
    ]
    if names:
        notes.append(f"only a TIFF file holds {' and '.join(names)}: left out")
    return tuple(notes)


class PagesWriter:
    """Writes a TIFF file, deflated; only one page is in memory.

    What the file says of its pictures is written as it was read, value by
    value, so tags that nobody knows and texts of any alphabet arrive.

    Args:
        file: Empty, open for reading and writing.
        pages: How many there will be.
    """

    def __init__(self, file: BinaryIO, pages: int = 1):
        self._file, self._pages = file, pages
        self._tags: list[tags.Tags] = []
        self._writer: Any = None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            self._finish()

    def add(self, pixels: np.ndarray, like) -> tuple[str, ...]:
        """Writes a page.

        Args:
            pixels: uint8 or uint16 RGB `(height, width, 3)`.
            like: The `Photograph` that they were. If they are its pixels, a
                file of 8 or 16 bits gets back its own values, and so does
                one of 32 bits or floats.

        Returns:
            What could not be kept, each a sentence for a person.
        """
        own = like.own if isinstance(like.own, Own) else Own()
        layout = to_page(pixels, like, own)
        said = tags.to_page(like, pixels.shape[:2], own.entries, own.order)
        if self._writer is None:
            self._begin(layout, said, own)
        elif said.head:
            said = said._replace(
                entries=exif_blocks.without_note(said.entries), head=b""
            )
        self._tags.append(said)
        self._write_samples(layout)
        return (*layout.notes, *said.notes)

    def _begin(self, layout, said, own):
        size = self._pages * np.prod(layout.shape) * layout.dtype.itemsize
        self._order = said.order
        self._big = own.big or size > MOST_CLASSIC
        self._writer = tifffile.TiffWriter(
            self._file,
            bigtiff=self._big,
            byteorder="<" if said.order == "<" else ">",
        )
        # Offsets in a maker note count from the start of EXIF's block.
        head = said.head[self._file.seek(0, io.SEEK_END) :]
        self._file.write(head + b"\0" * (len(head) % 2))

    def _write_samples(self, layout):
        height, width, depth = layout.shape
        plain = layout.dtype in (np.uint8, np.uint16)
        white = layout.inverted
        rows = max(1, STRIP // (width * depth * layout.dtype.itemsize))
        self._writer.write(
            _strips(layout, rows, self._order, plain),
            shape=layout.shape if depth > 1 else layout.shape[:2],
            dtype=layout.dtype.newbyteorder(self._order),
            photometric="rgb"
            if layout.colors == 3
            else ("miniswhite" if white else "minisblack"),
            planarconfig="contig" if depth > 1 else None,
            extrasamples=layout.extra or None,
            rowsperstrip=min(rows, height),
            compression="zlib",
            predictor=plain,
            subfiletype=2 if self._pages > 1 else 0,
            metadata=None,
            software=False,
        )

    def _finish(self):
        """Writes each directory anew, to the end, and links them."""
        self._writer.close()
        _, _, place = directory.read_header(self._file)
        link = 8 if self._big else 4
        letter = self._order + ("Q" if self._big else "I")
        for said in self._tags:
            made, following = directory.read(
                self._file, place, self._order, self._big
            )
            made = [one for one in made if one.code not in CLAIMED]
            end = self._file.seek(0, io.SEEK_END)
            end += self._file.write(b"\0" * (end % 2))
            rows = directory.written(
                [*made, *said.entries],
                end,
                self._order,
                self._big,
                tags.in_place(said),
            )
            self._file.write(rows)
            self._file.seek(link)
            self._file.write(struct.pack(letter, end))
            link = end + _link_of(rows, self._order, self._big)
            place = following


def _link_of(rows, order, big):
    """Where a directory says where the next one is."""
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), rows)
    return 8 + 20 * count if big else 2 + 12 * count


def _strips(layout, rows, order, differences):
    """Deflated strips, some of them at once."""

    def deflated(band):
        data = band
        if differences:  # To the left neighbour; the first of a row stays.
            data = band.copy()
            data[:, 1:] -= band[:, :-1]
        data = data.astype(data.dtype.newbyteorder(order), copy=False)
        return imagecodecs.deflate_encode(data.tobytes(), level=LEVEL)

    def bands():
        for some in row_bands(layout.shape[0], rows):
            yield layout.rows(some)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        every = bands()
        while some := list(itertools.islice(every, 2 * THREADS)):
            yield from pool.map(deflated, some)
