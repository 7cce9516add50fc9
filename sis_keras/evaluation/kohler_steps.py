"""How Köhler's benchmark compares a picture z with a sharp frame x.

Both are uint8 RGB of one size (ECCV 2012; the benchmark's MATLAB code):

1. gain: z is multiplied by sum(x z) / sum(z z) over all pixels and channels;
2. registration: the whole-pixel shift at the peak of the circular
   cross-correlation of the channels' means, by FFT;
3. z is shifted, zeros fill its border; x is set to zero in that border, which
   stays in the means;
4. PSNR and multi-scale SSIM of BT.601 luma, not rounded, peak 255.
"""

from typing import NamedTuple

import cv2
import numpy as np

from sis_keras.evaluation.metrics import LUMA_WEIGHTS, decibels
from sis_keras.evaluation.ssim import multi_scale_ssim

SMALLEST = 161  # Height and width, of multi-scale SSIM.


class Comparison(NamedTuple):
    """Scores of one picture against one frame, and how it was laid over it."""

    psnr: float
    ssim: float
    gain: float
    shift: tuple[int, int]


class Planes:
    """A picture in the forms that comparisons use, computed once.

    Args:
        rgb: uint8 RGB `(height, width, 3)`.

    Attributes:
        rgb: float64, `(height * width * 3,)`.
        luma: float64 `(height, width)`, 0 to 255.
        spectrum: Of the channels' mean without its own mean, which moves no
            peak; complex64 of half the plane.
    """

    def __init__(self, rgb: np.ndarray):
        pixels = rgb.astype(np.float64)
        weights = np.array([LUMA_WEIGHTS, (1 / 3, 1 / 3, 1 / 3)])
        self.rgb = pixels.reshape(-1)
        self.luma, mean = cv2.split(cv2.transform(pixels, weights))
        centred = (mean - mean.mean()).astype(np.float32)
        self.spectrum = np.fft.rfft2(centred)


def fitting_gain(restored: Planes, sharp: Planes) -> float:
    """What `restored` is multiplied by, least squares; 0 if it is black."""
    energy = float(restored.rgb @ restored.rgb)
    return float(restored.rgb @ sharp.rgb) / energy if energy else 0.0


def find_shift(restored: Planes, sharp: Planes) -> tuple[int, int]:
    """Rows and columns to move `restored` by, so that it lies on `sharp`.

    The peak of the circular cross-correlation; of n places those from n // 2
    on are negative shifts, as in MATLAB's `dftregistration`.
    """
    shape = sharp.luma.shape
    product = sharp.spectrum * np.conj(restored.spectrum)
    correlation = np.fft.irfft2(product, s=shape)
    place = np.unravel_index(np.argmax(correlation), shape)
    rows, columns = (
        int(p) if p < n // 2 else int(p) - n
        for p, n in zip(place, shape, strict=True)
    )
    return rows, columns


def shifted(plane: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """The plane moved down and to the right by `shift`; zeros come in."""
    (to_rows, rows), (to_columns, columns) = (
        _overlap(n, by) for n, by in zip(plane.shape, shift, strict=True)
    )
    moved = np.zeros_like(plane)
    moved[to_rows, to_columns] = plane[rows, columns]
    return moved


def masked(plane: np.ndarray, shift: tuple[int, int]) -> np.ndarray:
    """The plane with zeros where those of `shifted` are."""
    if shift == (0, 0):
        return plane
    rows, columns = (
        _overlap(n, by)[0] for n, by in zip(plane.shape, shift, strict=True)
    )
    kept = np.zeros_like(plane)
    kept[rows, columns] = plane[rows, columns]
    return kept


def _overlap(count, by):
    """Where places lie after a move, and which they are."""
    return (
        slice(max(by, 0), count + min(by, 0)),
        slice(max(-by, 0), count - max(by, 0)),
    )


def compare(
    restored: Planes, sharp: Planes, at_least: float = 0.0
) -> Comparison:
    """Steps 1 to 4 at the head of this module, for pictures of one size.

    An MS-SSIM below `at_least` is not found exactly; see `multi_scale_ssim`.
    """
    gain = fitting_gain(restored, sharp)
    shift = find_shift(restored, sharp)
    z = shifted(restored.luma, shift)
    z *= gain
    x = masked(sharp.luma, shift)
    difference = (x - z).reshape(-1)
    psnr = decibels(float(difference @ difference) / difference.size)
    return Comparison(psnr, multi_scale_ssim(x, z, at_least), gain, shift)
