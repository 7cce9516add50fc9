"""Before and after, side by side."""

import pathlib

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.photographs import Photograph, read_photograph

# Mean levels of 255 by which JPEG and WebP change a picture at most.
LOST = 12.0


def side_by_side(before: Photograph, after: np.ndarray) -> Photograph:
    """A photograph twice as wide: as it was, and as it became.

    Args:
        before: As read.
        after: Its pixels, deblurred.
    """
    alpha = before.alpha
    if alpha is not None:
        alpha = np.concatenate([alpha, alpha], axis=1)
    pixels = np.concatenate([before.pixels, after], axis=1)
    return before._replace(pixels=pixels, alpha=alpha)


def is_comparison(path: pathlib.Path, before: Photograph) -> bool:
    """Whether a file shows `before` on its left and as much on its right."""
    height, width, _ = before.pixels.shape
    try:
        there = read_photograph(path).pixels
    except UserError:
        return False
    if there.shape != (height, 2 * width, 3):
        return False
    left, pixels = (
        x if x.dtype == np.uint8 else (x >> 8).astype(np.uint8)
        for x in (there[:, :width], before.pixels)
    )
    if before.alpha is not None:  # Elsewhere the ground may show.
        opaque = before.alpha == np.iinfo(before.alpha.dtype).max
        left, pixels = left[opaque], pixels[opaque]
    if not pixels.size:
        return True
    difference = np.maximum(left, pixels) - np.minimum(left, pixels)
    return bool(difference.mean() < LOST)
