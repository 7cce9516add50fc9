"""Colours under alpha 0: they count for nothing, and stay as they are."""

import cv2
import numpy as np
import pytest

from sis_keras.files import hidden
from sis_keras.files.hidden import restored_as_seen

RANDOM = np.random.default_rng(0)


def smeared(pixels):
    """A network that sees 9 pixels far."""
    return cv2.blur(pixels, (19, 19))


def disk(height=90, width=120, kind=np.uint8):
    """Opaque in a disk, half so on its rim, hidden elsewhere."""
    rows, columns = np.mgrid[:height, :width]
    radius = np.hypot(rows - height / 2, columns - width / 2)
    most = np.iinfo(kind).max
    return np.where(radius < 30, most, np.where(radius < 33, 9, 0)).astype(kind)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("band", [2**20, 1500])
def test_what_is_hidden_does_not_count_and_comes_back(monkeypatch, kind, band):
    monkeypatch.setattr(hidden, "BAND_PIXELS", band)
    monkeypatch.setattr(hidden, "MARGIN", 4)
    alpha, most = disk(kind=kind), np.iinfo(kind).max
    picture = RANDOM.integers(most + 1, size=(90, 120, 3)).astype(kind)
    results = []
    for colour in (0, most, None):
        pixels = picture.copy()
        if colour is not None:
            pixels[alpha == 0] = colour
        kept = pixels.copy()
        results.append(restored_as_seen(pixels, alpha, smeared))
        np.testing.assert_array_equal(pixels, kept)
        assert results[-1].dtype == kind
        np.testing.assert_array_equal(results[-1][alpha == 0], kept[alpha == 0])
    seen = alpha > 0
    for result in results[1:]:
        np.testing.assert_array_equal(result[seen], results[0][seen])


def test_hidden_pixels_look_like_what_is_around_them():
    """In halves of two colours, each half is filled with its own."""
    pixels = np.full((64, 200, 3), 60, np.uint8)
    pixels[:, 100:] = (200, 150, 100)
    alpha = np.full((64, 200), 255, np.uint8)
    pixels[20:40, 5:95], alpha[20:40, 5:95] = 255, 0
    pixels[20:40, 105:195], alpha[20:40, 105:195] = 0, 0
    given = []
    restored_as_seen(pixels, alpha, lambda x: given.append(x.copy()) or x)
    assert np.abs(given[0][:, :80].astype(int) - 60).max() <= 1
    apart = given[0][:, 120:].astype(int) - (200, 150, 100)
    assert np.abs(apart).max() <= 1


def test_grey_stays_grey_and_far_bands_are_filled(monkeypatch):
    monkeypatch.setattr(hidden, "BAND_PIXELS", 50 * 10)
    monkeypatch.setattr(hidden, "MARGIN", 2)
    pixels = np.repeat(RANDOM.integers(256, size=(80, 50, 1)), 3, axis=2)
    pixels = pixels.astype(np.uint8)
    alpha = np.zeros((80, 50), np.uint8)
    alpha[:5] = 1
    pixels[alpha == 0] = (255, 0, 0)
    given = []
    restored_as_seen(pixels, alpha, lambda x: given.append(x.copy()) or x)
    assert (given[0] == given[0][..., :1]).all()
    mean = pixels[:5].mean()
    assert np.abs(given[0][40:] - mean).max() <= 1


def test_the_colours_come_back_after_an_error():
    pixels, alpha = np.full((8, 8, 3), 7, np.uint8), np.zeros((8, 8), np.uint8)
    alpha[0], pixels[0] = 255, 90

    def failing(_):
        raise MemoryError

    with pytest.raises(MemoryError):
        restored_as_seen(pixels, alpha, failing)
    assert (pixels[1:] == 7).all()


def test_where_nothing_is_hidden_or_all():
    pixels = RANDOM.integers(256, size=(5, 6, 3)).astype(np.uint8)
    for alpha in (None, np.full((5, 6), 1, np.uint8)):
        assert restored_as_seen(pixels, alpha, lambda x: x) is pixels
    result = restored_as_seen(pixels, np.zeros((5, 6), np.uint8), None)
    assert result is not pixels
    np.testing.assert_array_equal(result, pixels)
