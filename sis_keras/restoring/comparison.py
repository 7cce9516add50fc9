"""Before and after, side by side."""

import pathlib

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.channels import to_8_bits
from sis_keras.files.photographs import Photograph, read_photograph

# Mean levels of 255 by which codecs change a picture at most.
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
    left, pixels = there[:, :width], before.pixels
    if before.alpha is not None:  # Elsewhere the ground may show.
        opaque = before.alpha == np.iinfo(before.alpha.dtype).max
        left, pixels = left[opaque], pixels[opaque]
    return _are_near(left, pixels)


def is_video_comparison(path: pathlib.Path, source: pathlib.Path) -> bool:
    """Whether a video's first frame has that of `source` as one half.

    Which half, follows from how players turn the video.
    """
    try:
        there, before = _first_frame(path), _first_frame(source)
    except UserError:
        return False
    return any(
        half.shape == before.shape and _are_near(half, before)
        for axis in (0, 1)
        if there.shape[axis] % 2 == 0
        for half in np.split(there, 2, axis)
    )


def _first_frame(path):
    from sis_keras.files.video.source import VideoSource

    with VideoSource(path) as video:
        for part in video.parts():
            if part.pixels is not None:
                return part.pixels
    raise UserError(f"Expected a video. Received: {path}, without a frame.")


def _are_near(*pictures):
    first, second = (
        x if x.dtype == np.uint8 else to_8_bits(x) for x in pictures
    )
    if not first.size:
        return True
    difference = np.maximum(first, second) - np.minimum(first, second)
    return bool(difference.mean() < LOST)
