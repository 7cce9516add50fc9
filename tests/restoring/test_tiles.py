"""Cutting and blending, against the formula at the module's head."""

import itertools

import numpy as np
import pytest

from sis_keras.restoring import tiles

SIZES = [1, 31, 32, 33, 300, 321, 720, 1999, 8333]


def cuts():
    """(length, overlap, spans) of many axes."""
    for length, overlap in itertools.product(SIZES, (32, 64, 160)):
        for limit in (1, 200, 500, 10**9):
            # An axis of its own: the other one is a single pixel.
            least = tiles.least_pixels(length, 1, overlap)
            rows, columns = tiles.cut(
                length, 1, max(least, 32 * limit), overlap
            )
            assert columns == [(0, 1)]
            yield length, overlap, rows


def test_spans_cover_and_overlap():
    counts = set()
    for length, overlap, axis in cuts():
        counts.add(len(axis))
        assert axis[0].start == 0 and axis[-1].stop == length
        assert all(span.start % 32 == 0 for span in axis)
        for before, after in itertools.pairwise(axis):
            # Not thinner than asked, but where the picture itself ends.
            assert before.stop - after.start >= overlap
            assert before.start < after.start and before.stop < after.stop
        for first, third in zip(axis, axis[2:], strict=False):
            assert third.start >= first.stop
    assert {1, 2, 3} < counts and max(counts) > 50


@pytest.mark.parametrize("size", [(3000, 4000), (720, 1280), (1, 20_000)])
def test_tiles_keep_to_the_limit(size):
    least = tiles.least_pixels(*size, 64)
    assert tiles.cut(*size, least - 1, 64) is None
    for limit in (least, 2 * least, 10 * least):
        rows, columns = tiles.cut(*size, limit, 64)
        for row, column in itertools.product(rows, columns):
            height = -(-(row.stop - row.start) // 32) * 32
            width = -(-(column.stop - column.start) // 32) * 32
            assert height * width <= limit
    whole = tiles.cut(*size, 1e9, 64)
    assert whole == ([(0, size[0])], [(0, size[1])])


def weights_of(axis):
    """(spans, length): each span's weight along its axis, by the formula."""
    weights = np.zeros((len(axis), axis[-1].stop))
    for i, (start, stop) in enumerate(axis):
        for k in range(start, stop):
            weights[i, k] = 1.0
            if i and k < axis[i - 1].stop:
                n = axis[i - 1].stop - start
                weights[i, k] = (1 - np.cos(np.pi * (k - start + 0.5) / n)) / 2
            elif i + 1 < len(axis) and k >= axis[i + 1].start:
                first = axis[i + 1].start
                n, at = stop - first, k - first
                weights[i, k] = (1 + np.cos(np.pi * (at + 0.5) / n)) / 2
    return weights


def blended(size, rows, columns, restore):
    picture = np.full((*size, 3), np.nan, np.float32)
    for region, part in tiles.blend(rows, columns, restore):
        assert np.isnan(picture[region.slices]).all()  # Written once.
        picture[region.slices] = part
    return picture


@pytest.mark.parametrize("limit, tiled", [(96**2, 20), (256 * 96, 4)])
def test_the_blend_is_the_feathered_mean(limit, tiled):
    size = (250, 333)
    rows, columns = tiles.cut(*size, limit, 32)
    assert len(rows) * len(columns) >= tiled
    random = np.random.default_rng(0)
    parts = {}

    def restore(region):
        shape = picture[region.slices].shape
        parts[region] = random.random(shape, np.float32)
        return parts[region].copy()

    picture = np.zeros((*size, 3), np.float32)
    result = blended(size, rows, columns, restore)
    assert len(parts) == len(rows) * len(columns)
    row_weights, column_weights = weights_of(rows), weights_of(columns)
    np.testing.assert_allclose(row_weights.sum(0), 1, atol=1e-12)
    expected = np.zeros((*size, 3))
    for (i, row), (j, column) in itertools.product(
        enumerate(rows), enumerate(columns)
    ):
        weight = np.outer(
            row_weights[i, slice(*row)], column_weights[j, slice(*column)]
        )
        region = tiles.Region(row, column)
        expected[region.slices] += weight[..., None] * parts[region]
    np.testing.assert_allclose(result, expected, atol=1e-6)


def test_tiles_that_agree_are_kept_bit_for_bit():
    size = (170, 230)
    picture = np.random.default_rng(0).random((*size, 3), np.float32)
    rows, columns = tiles.cut(*size, 96**2, 32)
    result = blended(
        size, rows, columns, lambda region: picture[region.slices].copy()
    )
    np.testing.assert_array_equal(result, picture)
