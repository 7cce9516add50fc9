"""Each step of Köhler's comparison, by hand and against SciPy and skimage."""

import math

import numpy as np
import pytest
from scipy import fft, ndimage, signal
from skimage import data
from skimage.registration import phase_cross_correlation

from sis_keras.evaluation.kohler_steps import (
    Planes,
    compare,
    find_shift,
    fitting_gain,
    masked,
    shifted,
)

SIDE = 180
SHIFTS = [(0, 0), (3, -5), (-7, 0), (12, 9), (-1, -20)]


def window(top=100, left=100):
    """A part of a photograph, SIDE x SIDE."""
    picture = data.astronaut()
    return np.ascontiguousarray(picture[top : top + SIDE, left : left + SIDE])


def block(top, left, level, height=40, width=40):
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[top : top + height, left : left + width] = level
    return picture


# === By hand ===


def test_gain_by_hand():
    even = window() // 2 * 2
    assert fitting_gain(Planes(even // 2), Planes(even)) == 2.0
    # Half of the pixels agree and half are black: 100 * 200 / (2 * 100²).
    half = block(0, 0, 100, SIDE, SIDE)
    bright = block(0, 0, 200, SIDE // 2, SIDE)
    assert fitting_gain(Planes(half), Planes(bright)) == 1.0
    assert fitting_gain(Planes(0 * half), Planes(bright)) == 0.0


def test_a_darker_and_moved_block_by_hand():
    """The gain comes before the shift, from what overlaps unmoved."""
    sharp, restored = block(60, 70, 200), block(57, 75, 100)
    got = compare(Planes(restored), Planes(sharp))
    overlap = (40 - 3) * (40 - 5)
    gain = 200 * 100 * overlap / (100**2 * 40 * 40)
    assert got.gain == pytest.approx(gain) and gain == 1.61875
    assert got.shift == (3, -5)
    # Laid over each other they differ by 200 - 161.875 on 40 x 40 pixels.
    error = 38.125**2 * 40 * 40 / SIDE**2
    assert got.psnr == pytest.approx(10 * math.log10(255**2 / error))


def test_two_blocks_by_hand():
    sharp = np.maximum(block(20, 20, 200), block(100, 130, 100))
    restored = np.maximum(block(20, 20, 100), block(100, 130, 100))
    got = compare(Planes(restored), Planes(sharp))
    assert got.gain == pytest.approx(1.5) and got.shift == (0, 0)
    error = 50**2 * 2 * 40 * 40 / SIDE**2
    assert got.psnr == pytest.approx(10 * math.log10(255**2 / error))


def test_luma_by_hand():
    """Green alone is off by 10: luma by 5.87, after a gain that is not 1."""
    sharp = np.full((SIDE, SIDE, 3), 100, np.uint8)
    restored = sharp + np.array([0, 10, 0], np.uint8)
    gain = (100 * 100 * 2 + 100 * 110) / (100**2 * 2 + 110**2)
    error = (100 - gain * 105.87) ** 2
    got = compare(Planes(restored), Planes(sharp))
    assert got.psnr == pytest.approx(10 * math.log10(255**2 / error))


def test_the_zero_border_stays_in_the_mean():
    """Where they overlap they differ by the gain; the border has no error."""
    sharp, restored = window(), window(112, 109)
    got = compare(Planes(restored), Planes(sharp))
    assert got.shift == (12, 9)
    luma = sharp[12:, 9:].astype(float) @ [0.299, 0.587, 0.114]
    error = np.sum((luma - got.gain * luma) ** 2) / SIDE**2
    assert got.gain != 1.0
    assert got.psnr == pytest.approx(10 * math.log10(255**2 / error))


def test_identical_pictures():
    got = compare(Planes(window()), Planes(window()))
    assert got == (math.inf, pytest.approx(1.0), 1.0, (0, 0))


# === Against others ===


@pytest.mark.parametrize("shift", SHIFTS)
def test_shift_agrees_with_skimage(shift):
    """`phase_cross_correlation` is the registration of the MATLAB code."""
    sharp = window()
    moved = window(100 + shift[0], 100 + shift[1])
    noise = np.random.default_rng(0).normal(0, 8, moved.shape)
    restored = np.clip(0.7 * moved + noise, 0, 255).astype(np.uint8)
    expected, *_ = phase_cross_correlation(
        sharp.mean(2), restored.mean(2), normalization=None
    )
    got = find_shift(Planes(restored), Planes(sharp))
    assert got == tuple(expected.astype(int)) == shift


@pytest.mark.parametrize("shape", [(SIDE, SIDE), (181, 197)])
@pytest.mark.parametrize("shift", SHIFTS)
def test_move_and_mask_agree_with_scipy(shift, shape):
    plane = 1.0 + np.random.default_rng(1).random(shape)
    arguments = {"order": 0, "mode": "constant", "cval": 0.0}
    expected = ndimage.shift(plane, shift, **arguments)
    np.testing.assert_array_equal(shifted(plane, shift), expected)
    ones = ndimage.shift(np.ones(shape), shift, **arguments)
    np.testing.assert_array_equal(masked(plane, shift), ones * plane)


def test_gain_agrees_with_least_squares():
    restored, sharp = window(103, 95), window()
    column = restored.reshape(-1, 1).astype(float)
    (expected,), *_ = np.linalg.lstsq(column, sharp.reshape(-1).astype(float))
    assert fitting_gain(Planes(restored), Planes(sharp)) == pytest.approx(
        expected, rel=1e-12
    )


def plain_ssim(x, y):
    """SSIM's map and its contrast term, Eq. 13 of Wang 2004."""
    taps = np.exp(-(np.arange(-5, 6) ** 2) / 4.5)
    kernel = np.outer(taps, taps) / taps.sum() ** 2

    def mean(plane):
        return signal.fftconvolve(plane, kernel, "valid")

    c1, c2 = 2.55**2, 7.65**2
    mx, my = mean(x), mean(y)
    vx, vy = mean(x * x) - mx * mx, mean(y * y) - my * my
    contrast = (2 * (mean(x * y) - mx * my) + c2) / (vx + vy + c2)
    return contrast * (2 * mx * my + c1) / (mx * mx + my * my + c1), contrast


def plain_ms_ssim(x, y):
    result = 1.0
    for level, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        full, contrast = plain_ssim(x, y)
        result *= (full if level == 4 else contrast).mean() ** weight
        if level < 4:
            x, y = (
                ndimage.uniform_filter(p, 2, mode="reflect", origin=-1)[
                    ::2, ::2
                ]
                for p in (x, y)
            )
    return result


def plain_comparison(restored, sharp):
    """The steps as the MATLAB code takes them, on whole RGB pictures."""
    z, x = restored.astype(float), sharp.astype(float)
    z = z * ((x * z).sum() / (z * z).sum())
    spectra = fft.fft2(x.mean(2)) * np.conj(fft.fft2(z.mean(2)))
    correlation = np.abs(fft.ifft2(spectra))
    place = np.unravel_index(correlation.argmax(), correlation.shape)
    shift = [
        p - n if p >= n // 2 else p
        for p, n in zip(place, x.shape, strict=False)
    ]
    arguments = {"order": 0, "mode": "constant", "cval": 0.0}
    z = ndimage.shift(z, (*shift, 0), **arguments)
    x = x * ndimage.shift(np.ones(x.shape), (*shift, 0), **arguments)
    weights = np.array([0.299, 0.587, 0.114])
    z, x = z @ weights, x @ weights
    psnr = 10 * np.log10(255**2 / ((x - z) ** 2).mean())
    return psnr, plain_ms_ssim(x, z), tuple(shift)


@pytest.mark.parametrize("shift", SHIFTS)
def test_the_whole_agrees_with_a_plain_computation(shift):
    sharp = window()
    blurred = ndimage.uniform_filter(
        window(100 + shift[0], 100 + shift[1]), (1, 9, 1)
    )
    restored = (0.8 * blurred).astype(np.uint8)
    got = compare(Planes(restored), Planes(sharp))
    psnr, ms_ssim, found = plain_comparison(restored, sharp)
    # Blur moves the best place by up to a pixel.
    assert got.shift == found and abs(np.subtract(found, shift)).max() <= 1
    assert got.psnr == pytest.approx(psnr, rel=1e-9)
    assert got.ssim == pytest.approx(ms_ssim, rel=1e-9)
