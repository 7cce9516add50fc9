"""Grids that a network leaves: peaks in the spectrum of what it changed.

Strided, pooled and transposed convolutions repeat every 2, 4 or 8 pixels, and
what they leave of it is seen as a grid (Odena et al., "Deconvolution and
checkerboard artifacts", Distill 2016). Such a pattern stands at multiples of
1/8 of a cycle a pixel, where photographs have nothing of their own.
"""

from collections.abc import Iterable

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


def grid_peaks(power: np.ndarray) -> dict[tuple[int, int], float]:
    """How far each frequency of a grid stands above those around it.

    Args:
        power: From `spectrum`.

    Returns:
        By frequency, in cycles in 8 pixels down and across, each from 0 to 4:
        its power over the median of its surroundings; about 1 without a grid.
    """
    step = SIDE // PERIOD
    offsets = np.arange(-FAR, FAR + 1)
    down, across = np.meshgrid(offsets, offsets, indexing="ij")
    ring = np.maximum(np.abs(down), np.abs(across)) >= NEAR
    peaks: dict[tuple[int, int], float] = {}
    for row in range(PERIOD):
        for column in range(PERIOD):
            if not (row or column):
                continue
            around = power[
                (row * step + down[ring]) % SIDE,
                (column * step + across[ring]) % SIDE,
            ]
            ratio = power[row * step, column * step] / np.median(around)
            key = (min(row, PERIOD - row), min(column, PERIOD - column))
            peaks[key] = max(peaks.get(key, 0.0), float(ratio))
    return peaks
