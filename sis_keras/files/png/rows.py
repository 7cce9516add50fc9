"""Rows of 16-bit PNG files, filtered."""

from collections.abc import Iterator

import numpy as np

BLOCK = 2**22  # bytes of pixels that are filtered at once


def paeth_blocks(pixels: np.ndarray) -> Iterator[bytes]:
    """Some rows at a time, each as what PNG's filter 4 does not foretell.

    Args:
        pixels: uint16 `(height, width, channels)`.
    """
    _, width, channels = pixels.shape
    step = 2 * channels
    last = np.zeros((1, step + width * step), np.int16)
    for rows in _row_blocks(pixels):
        values = rows.astype(">u2").view(np.uint8).reshape(len(rows), -1)
        padded = np.pad(values, ((0, 0), (step, 0))).astype(np.int16)
        padded = np.concatenate([last, padded])
        last = padded[-1:]
        left, here = padded[1:, :-step], padded[1:, step:]
        above, corner = padded[:-1, step:], padded[:-1, :-step]
        by_left, by_above = np.abs(above - corner), np.abs(left - corner)
        by_corner = np.abs(left + above - 2 * corner)
        foretold = np.where(by_above <= by_corner, above, corner)
        nearest = (by_left <= by_above) & (by_left <= by_corner)
        foretold = np.where(nearest, left, foretold)
        filtered = (here - foretold).astype(np.uint8)
        yield np.pad(filtered, ((0, 0), (1, 0)), constant_values=4).tobytes()


def _row_blocks(pixels):
    count = min(len(pixels), max(1, BLOCK // pixels[0].nbytes))
    for top in range(0, len(pixels), count):
        yield pixels[top : top + count]
