"""SSIM against skimage and against computations written from the equations."""

import numpy as np
import pytest
from scipy import ndimage, signal
from skimage import data
from skimage.metrics import structural_similarity

from sis_keras.errors import UserError
from sis_keras.evaluation import metrics
from sis_keras.evaluation.ssim import multi_scale_ssim


@pytest.fixture(scope="module")
def pictures():
    """A blurred and a sharp photograph, with odd sides."""
    sharp = data.astronaut()[:201, :243]
    return ndimage.uniform_filter(sharp, (1, 7, 1)), sharp


def test_gaussian_agrees_with_skimage(pictures):
    expected = structural_similarity(
        *pictures,
        channel_axis=2,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert metrics.ssim(*pictures) == pytest.approx(expected, abs=1e-9)


def test_uniform_agrees_with_skimage(pictures):
    expected = structural_similarity(*pictures, channel_axis=2)
    value = metrics.ssim(*pictures, "uniform")
    assert value == pytest.approx(expected, abs=1e-9)


def test_y_agrees_with_skimage(pictures):
    planes = [
        0.299 * p[..., 0] + 0.587 * p[..., 1] + 0.114 * p[..., 2]
        for p in pictures
    ]
    expected = structural_similarity(
        *planes,
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    value = metrics.ssim(*pictures, "y")
    assert value == pytest.approx(expected, abs=1e-9)


def gaussian_window(dimensions):
    taps = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window = taps
    for _ in range(dimensions - 1):
        window = window[..., None] * taps
    return window / window.sum()


def ssim_maps(x, y, mean):
    """SSIM and its contrast-structure term, from Eq. 13 of Wang 2004."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mu_x, mu_y = mean(x), mean(y)
    var_x, var_y = mean(x * x) - mu_x**2, mean(y * y) - mu_y**2
    contrast = (2 * (mean(x * y) - mu_x * mu_y) + c2) / (var_x + var_y + c2)
    luminance = (2 * mu_x * mu_y + c1) / (mu_x**2 + mu_y**2 + c1)
    return luminance * contrast, contrast


def test_matlab3d_agrees_with_a_whole_3d_convolution(pictures):
    x, y = (p[:48, :37].astype(float) for p in pictures)
    window = gaussian_window(3)
    expected, _ = ssim_maps(
        x, y, lambda v: ndimage.correlate(v, window, mode="nearest")
    )
    value = metrics.ssim(
        pictures[0][:48, :37], pictures[1][:48, :37], "matlab3d"
    )
    assert value == pytest.approx(expected.mean(), abs=1e-9)


def test_multi_scale_agrees_with_its_definition(pictures):
    x, y = (metrics.luma(p) for p in pictures)
    window = gaussian_window(2)
    expected = 1.0
    for level, weight in enumerate([0.0448, 0.2856, 0.3001, 0.2363, 0.1333]):
        full, contrast = ssim_maps(
            x, y, lambda v: signal.convolve2d(v, window, "valid")
        )
        expected *= (full if level == 4 else contrast).mean() ** weight
        # MATLAB's imfilter: for an even window the origin is its first tap.
        # SciPy's is its second, moved here by `origin`.
        x, y = (
            ndimage.uniform_filter(v, 2, mode="reflect", origin=-1)[::2, ::2]
            for v in (x, y)
        )
    value = metrics.ssim(*pictures, "ms")
    assert value == pytest.approx(expected, abs=1e-9)


def test_multi_scale_below_what_is_of_interest(pictures):
    x, y = (metrics.luma(p) for p in pictures)
    whole = multi_scale_ssim(x, y)
    for at_least in (0.0, 0.5 * whole, whole):
        assert multi_scale_ssim(x, y, at_least) == whole
    for at_least in (1.0001 * whole, 1.1 * whole, 1.0):
        assert whole <= multi_scale_ssim(x, y, at_least) < at_least
    # At the least it is known from the smallest level alone.
    early = multi_scale_ssim(x, y, 1.0)
    assert early > 1.01 * whole


def test_multi_scale_of_a_negative_is_zero():
    rng = np.random.default_rng(0)
    plane = rng.integers(0, 256, (161, 161)).astype(float)
    assert multi_scale_ssim(plane, 255 - plane) == 0.0


@pytest.mark.parametrize(
    "definition, side",
    [("gaussian", 11), ("y", 11), ("uniform", 7), ("ms", 161)],
)
def test_pictures_smaller_than_the_window(definition, side):
    fits = np.zeros((side, side + 1, 3), np.uint8)
    assert metrics.ssim(fits, fits, definition) == pytest.approx(1.0)
    small = fits[:-1]
    with pytest.raises(UserError, match=f"{side}x{side}.*{side - 1}x"):
        metrics.ssim(small, small, definition)


def test_matlab3d_takes_one_pixel():
    # One pixel, replicated: no variance; per channel the luminance term of
    # the channel's own mean, here one grey for each.
    x, y = (np.full((1, 1, 3), level, np.uint8) for level in (100, 140))
    c1 = (0.01 * 255) ** 2
    expected = (2 * 100 * 140 + c1) / (100**2 + 140**2 + c1)
    assert metrics.ssim(x, y, "matlab3d") == pytest.approx(expected)
