"""Grids that a network leaves: peaks in the spectrum of what it changed.

Strided, pooled and transposed convolutions repeat every 2, 4 or 8 pixels, and
what they leave of it is seen as a grid (Odena et al., "Deconvolution and
checkerboard artifacts", Distill 2016). Such a pattern stands at multiples of
1/8 of a cycle a pixel, where photographs have nothing of their own.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

SIDE = 128  # Of the tiles, in pixels.
PERIOD = 8  # The longest that is looked for, in pixels.
NEAR, FAR = 3, 6  # Bins around a frequency that it is compared with.


def spectrum(changes: Iterable[np.ndarray]) -> np.ndarray:
    """Mean power spectrum (Welch 1967, Hann windows, half overlapping).

    Args:
        changes: Each float `(height, width)`, such as luma of restored less
            blurry; at least 128 pixels high and wide.

    Returns:
        float64 `(128, 128)`, frequency 0 first.
    """
    window = np.hanning(SIDE + 1)[:-1]
    window = np.outer(window, window)
    total, count = np.zeros((SIDE, SIDE)), 0
    for change in changes:
        height, width = change.shape
        for top in range(0, height - SIDE + 1, SIDE // 2):
            for left in range(0, width - SIDE + 1, SIDE // 2):
                tile = change[top : top + SIDE, left : left + SIDE]
                found = np.fft.fft2((tile - tile.mean()) * window)
                total += np.abs(found) ** 2
                count += 1
    return total / max(count, 1)


class Peak(NamedTuple):
    """A frequency of a grid.

    Attributes:
        ratio: Its power over the median of its surroundings; about 1 without
            a grid.
        amplitude: Of the wave that what is above that median makes, in the
            unit of the changes.
    """

    ratio: float
    amplitude: float


def grid_peaks(power: np.ndarray) -> dict[tuple[int, int], Peak]:
    """How far each frequency of a grid stands above those around it.

    Args:
        power: From `spectrum`.

    Returns:
        By frequency, in cycles in 8 pixels down and across, each from 0 to 4;
        of two directions the stronger one.
    """
    step = SIDE // PERIOD
    offsets = np.arange(-FAR, FAR + 1)
    down, across = np.meshgrid(offsets, offsets, indexing="ij")
    ring = np.maximum(np.abs(down), np.abs(across)) >= NEAR
    peaks: dict[tuple[int, int], Peak] = {}
    for row in range(PERIOD):
        for column in range(PERIOD):
            if not (row or column):
                continue
            around = power[
                (row * step + down[ring]) % SIDE,
                (column * step + across[ring]) % SIDE,
            ]
            peak = _peak(
                power[row * step, column * step],
                np.median(around),
                alone={row, column} <= {0, PERIOD // 2},
            )
            key = (min(row, PERIOD - row), min(column, PERIOD - column))
            peaks[key] = max(peaks.get(key, peak), peak)
    return peaks


def _peak(power, around, alone):
    # The Hann window's sum is a quarter of the tile. A wave's power lies half
    # at its negative frequency, unless that is its own.
    whole = SIDE**2 / 4 * (1 if alone else 0.5)
    amplitude = np.sqrt(max(power - around, 0)) / whole
    return Peak(float(power / around), float(amplitude))
