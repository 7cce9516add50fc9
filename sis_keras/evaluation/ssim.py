"""Structural similarity of float64 planes, in its customary definitions.

SSIM (Wang et al. 2004, "Image Quality Assessment", Eq. 13) is the product of
a luminance and a contrast-structure term, both made of windowed moments. The
definitions differ in window, padding, covariance and channels; METRICS in
`metrics.py` names them.

All functions take float64 planes or stacks of planes, `(height, width)` or
`(height, width, 3)`, in 0 to 255.
"""

import cv2
import numpy as np

from sis_keras.errors import UserError

C1 = (0.01 * 255.0) ** 2
C2 = (0.03 * 255.0) ** 2
GAUSSIAN = cv2.getGaussianKernel(11, 1.5, cv2.CV_64F)
MULTI_SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)

Moments = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def gaussian_moments(x: np.ndarray, y: np.ndarray) -> Moments:
    """Moments under the 11x11 Gaussian, full size, replicate padding."""
    return _moments(
        x,
        y,
        lambda plane: cv2.sepFilter2D(
            plane,
            cv2.CV_64F,
            GAUSSIAN,
            GAUSSIAN,
            borderType=cv2.BORDER_REPLICATE,
        ),
    )


def gaussian_ssim(moments: Moments, name: str = "ssim_gaussian") -> float:
    """Mean SSIM over the valid region of `gaussian_moments`.

    Raises:
        UserError: A side is smaller than the window; the message says `name`.
    """
    _require(moments[0].shape, 11, name)
    return _mean_product(*_terms([_inner(plane, 5) for plane in moments]))


def volume_ssim(moments: Moments) -> float:
    """Mean SSIM under the 11x11x11 Gaussian, from RGB `gaussian_moments`.

    Replicate padding turns the window's third dimension into a 3x3 matrix on
    the channels: taps that leave the volume fall on its first or last channel.
    """
    window = np.zeros((3, 3))
    for channel in range(3):
        for tap, weight in enumerate(GAUSSIAN[:, 0]):
            window[channel, np.clip(channel + tap - 5, 0, 2)] += weight
    return _mean_product(
        *_terms([cv2.transform(plane, window) for plane in moments])
    )


def uniform_ssim(x: np.ndarray, y: np.ndarray) -> float:
    """Mean SSIM under the 7x7 box, sample covariance, valid region.

    Raises:
        UserError: A side is smaller than the window.
    """
    _require(x.shape, 7, "ssim_uniform")
    moments = _moments(x, y, lambda plane: cv2.boxFilter(plane, -1, (7, 7)))
    inner = [_inner(plane, 3) for plane in moments]
    return _mean_product(*_terms(inner, sample_scale=49 / 48))


def multi_scale_ssim(
    x: np.ndarray, y: np.ndarray, at_least: float = 0.0
) -> float:
    """Multi-scale SSIM of two planes, as its authors' `msssim.m` (Wang 2003).

    The product over five levels of the mean contrast-structure term, with the
    mean SSIM at the last one, each to its weight. From level to level 2x2
    means are taken; an odd last row or column is repeated, as MATLAB's
    symmetric `imfilter` does. A negative mean counts as 0: its fractional
    power is not real.

    Args:
        x: `(height, width)`, both sides at least 161.
        y: The same.
        at_least: What is less is of no interest: then some number between
            the result and this may be returned, which is found faster. No
            level raises the product, and the small ones are taken first.

    Raises:
        UserError: The last level would be smaller than the 11x11 window.
    """
    _require(x.shape, 161, "ssim_ms")
    levels = [(x, y)]
    for _ in MULTI_SCALE_WEIGHTS[1:]:
        levels.append(tuple(map(_halved, levels[-1])))
    result = 1.0
    for level in reversed(range(len(levels))):
        moments = [
            _inner(plane, 5) for plane in gaussian_moments(*levels[level])
        ]
        luminance, contrast = _terms(moments)
        if level == len(levels) - 1:
            mean = _mean_product(luminance, contrast)
        else:
            mean = float(np.mean(contrast))
        result *= max(mean, 0.0) ** MULTI_SCALE_WEIGHTS[level]
        if result < at_least:
            break
    return result


def _moments(x, y, window):
    """Windowed means of x, y, x² + y² and xy.

    SSIM needs the two variances only as their sum: four filters, not five.
    """
    return window(x), window(y), window(x * x + y * y), window(x * y)


def _terms(moments, sample_scale=1.0):
    """The luminance and the contrast-structure map.

    `sample_scale` is n / (n - 1) for the sample covariance of n pixels.
    """
    mean_x, mean_y, mean_squares, mean_product = moments
    product = mean_x * mean_y
    squares = mean_x * mean_x + mean_y * mean_y
    covariance = sample_scale * (mean_product - product)
    variances = sample_scale * (mean_squares - squares)
    luminance = (2 * product + C1) / (squares + C1)
    contrast = (2 * covariance + C2) / (variances + C2)
    return luminance, contrast


def _mean_product(luminance, contrast):
    return float(np.mean(luminance * contrast))


def _inner(plane, radius):
    return plane[radius:-radius, radius:-radius]


def _halved(plane):
    height, width = plane.shape
    even = np.pad(plane, ((0, height % 2), (0, width % 2)), "edge")
    rows = even[::2] + even[1::2]
    return (rows[:, ::2] + rows[:, 1::2]) / 4


def _require(shape, side, name):
    if min(shape[:2]) < side:
        raise UserError(
            f"Expected at least {side}x{side} pixels for {name}. Received: "
            f"{shape[0]}x{shape[1]}. Leave {name} out, or use larger pictures."
        )
