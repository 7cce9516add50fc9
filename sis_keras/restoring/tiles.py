"""Overlapping tiles of a picture, and their blend without a seam.

Where two tiles overlap the result fades from one to the other with a raised
cosine; at a corner, where four do, the two fades multiply. In a strip of n
rows (or columns), row k takes

    old + w (new - old),  w = (1 - cos(pi (k + 1/2) / n)) / 2

so the weights of all tiles sum to one, and tiles that agree are kept bit for
bit. What is kept between tiles is no more than their overlaps.
"""

import itertools
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

# Tiles keep the phase of the network's coarsest scale.
from sis_keras.networks.presets import SCALE_MULTIPLE

# Of neighbouring tiles, in pixels, at most; `python -m benchmarks.tiles` shows
# what it costs.
OVERLAP = 192


class Span(NamedTuple):
    """Rows or columns `start` to `stop` of a picture."""

    start: int
    stop: int


class Region(NamedTuple):
    """A rectangle of a picture; `picture[region.slices]` is what is in it."""

    rows: Span
    columns: Span

    @property
    def slices(self) -> tuple[slice, slice]:
        return slice(*self.rows), slice(*self.columns)


def spans(length: int, count: int, overlap: int) -> list[Span]:
    """Cuts an axis into `count` spans of one size, which overlap.

    Args:
        length: Of the axis, at least 1.
        count: Of the spans; one is the whole axis.
        overlap: The least overlap of neighbours, a multiple of 32.

    Returns:
        Spans whose starts are multiples of 32. The last one ends with the
        axis, so it may be up to 31 shorter.
    """
    if count == 1:
        return [Span(0, length)]
    padded = rounded_up(length)
    size = rounded_up(math.ceil((padded + (count - 1) * overlap) / count))
    steps = (padded - size) // SCALE_MULTIPLE
    starts = [i * steps // (count - 1) * SCALE_MULTIPLE for i in range(count)]
    return [Span(start, min(start + size, length)) for start in starts]


def rounded_up(size: int) -> int:
    """To a multiple of 32, with which the network computes."""
    return -(-size // SCALE_MULTIPLE) * SCALE_MULTIPLE


def cut(
    height: int, width: int, most_pixels: float, overlap: int
) -> tuple[list[Span], list[Span]] | None:
    """Rows and columns of the tiles that cost the least work.

    Args:
        height, width: Of the picture.
        most_pixels: Of a tile, its sides rounded up to multiples of 32.
        overlap: The least overlap of neighbours, a multiple of 32.

    Returns:
        The spans of each axis, which all combine; None where no tile is small
        enough.
    """
    fitting = [
        way
        for way in itertools.product(
            _ways(height, overlap), _ways(width, overlap)
        )
        if math.prod(map(_size, way)) <= most_pixels
    ]
    return min(
        fitting,
        key=lambda way: math.prod(_size(axis) * len(axis) for axis in way),
        default=None,
    )


def cut_within(length: int, most: int, overlap: int) -> list[Span]:
    """Cuts an axis into the fewest spans of at most `most`.

    Args:
        length: Of the axis.
        most: Length of a span, 32 or more.
        overlap: The least overlap of neighbours; it shrinks to a quarter of
            `most`, a multiple of 32.
    """
    if length <= most:
        return [Span(0, length)]
    overlap = min(overlap, most // (4 * SCALE_MULTIPLE) * SCALE_MULTIPLE)
    most = most // SCALE_MULTIPLE * SCALE_MULTIPLE
    count = -(-(rounded_up(length) - overlap) // (most - overlap))
    return spans(length, count, overlap)


def least_pixels(height: int, width: int, overlap: int) -> int:
    """The smallest `most_pixels` for which `cut` finds tiles."""
    return math.prod(
        min(map(_size, _ways(length, overlap))) for length in (height, width)
    )


def _ways(length, overlap):
    """The ways to cut an axis so that no more than two spans share a row."""
    yield spans(length, 1, overlap)
    for count in itertools.count(2):
        way = spans(length, count, overlap)
        apart = zip(way, way[2:], strict=False)
        if way[1].start <= 0 or any(b.start < a.stop for a, b in apart):
            return
        yield way


def _size(axis):
    return rounded_up(axis[0].stop - axis[0].start)


def blend(
    rows: list[Span],
    columns: list[Span],
    restore: Callable[[Region], np.ndarray],
) -> Iterator[tuple[Region, np.ndarray]]:
    """The picture, in parts that do not overlap, from tiles that do.

    Args:
        rows, columns: As `cut` gives them.
        restore: The tile of a region, a new float32 `(rows, columns, 3)`; it
            is called once for each, row by row.

    Yields:
        A region, and what belongs there, after each tile.
    """
    width = columns[-1].stop
    above = np.zeros((0, width, 3), np.float32)
    for row, next_row in _with_next(rows):
        below = np.empty((row.stop - next_row, width, 3), np.float32)
        left = np.zeros((row.stop - row.start, 0, 3), np.float32)
        for column, next_column in _with_next(columns):
            tile = restore(Region(row, column))
            _fade(tile, left, axis=1)
            left = tile[:, next_column - column.start :].copy()
            tile = tile[:, : next_column - column.start]
            done = Span(column.start, next_column)
            _fade(tile, above[:, slice(*done)], axis=0)
            below[:, slice(*done)] = tile[next_row - row.start :]
            yield (
                Region(Span(row.start, next_row), done),
                tile[: next_row - row.start],
            )
        above = below


def _with_next(axis):
    """Each span, and where the next one starts or the axis ends."""
    starts = [span.start for span in axis[1:]] + [axis[-1].stop]
    return zip(axis, starts, strict=True)


def _fade(new, old, axis):
    """Fades, in place, from `old` to `new` along `old`'s length."""
    count = old.shape[axis]
    phase = (np.arange(count, dtype=np.float32) + 0.5) * (np.pi / max(count, 1))
    weight = (0.5 - 0.5 * np.cos(phase)).astype(np.float32)
    weight = weight[:, None, None] if axis == 0 else weight[:, None]
    strip = new[:count] if axis == 0 else new[:, :count]
    strip[:] = old + weight * (strip - old)
