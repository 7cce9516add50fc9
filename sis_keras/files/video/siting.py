"""Chroma between the pixels: to their places, and back."""

import cv2
import numpy as np

_LEFT = ("left", "topleft", "bottomleft")
_TOP = ("topleft", "top")
_BOTTOM = ("bottomleft", "bottom")


def _offsets(siting, shifts):
    """The place of the first sample, in pixels from the first one's."""
    across, down = ((1 << shift) - 1 for shift in shifts)
    left = 0.0 if siting in _LEFT else across / 2
    if siting in _TOP:
        return left, 0.0
    return left, float(down) if siting in _BOTTOM else down / 2


def spread(
    plane: np.ndarray,
    shifts: tuple[int, int],
    siting: str,
    rows: tuple[int, int],
    width: int,
) -> np.ndarray:
    """Chroma of every pixel in some rows, by bicubic interpolation.

    Args:
        plane: Chroma as stored, `(height >> shifts[1], width >> shifts[0])`.
        shifts: Powers of two by which it is narrower and lower.
        siting: Where it lies, by FFmpeg's name.
        rows: The first row of pixels, and the one after the last.
        width: Of a row of pixels.

    Returns:
        float32, `(rows, width)`.
    """
    top, bottom = rows
    if shifts == (0, 0):
        return plane[top:bottom].astype(np.float32)
    factors = [1 << shift for shift in shifts]
    left, down = _offsets(siting, shifts)
    # Rows of chroma beyond those that the cubic reaches are not needed.
    first = max(0, top // factors[1] - 3)
    last = bottom // factors[1] + 4
    place = np.array(
        [
            [1 / factors[0], 0, -left / factors[0]],
            [0, 1 / factors[1], (top - down) / factors[1] - first],
        ]
    )
    return cv2.warpAffine(
        plane[first:last].astype(np.float32),
        place,
        (width, bottom - top),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )


def gather(
    values: np.ndarray, shifts: tuple[int, int], siting: str
) -> np.ndarray:
    """Chroma as stored, from that of every pixel.

    Args:
        values: float32, `(height, width)`; its first row and column are
            those of a sample of chroma.
        shifts: Powers of two by which the result is narrower and lower.
        siting: Where its samples are to lie.
    """
    if shifts == (0, 0):
        return values
    kernels: list[np.ndarray] = []
    anchors = []
    for shift, offset in zip(shifts, _offsets(siting, shifts), strict=True):
        factor = 1 << shift
        if offset == int(offset):  # On a pixel: a triangle about it.
            ramp = np.arange(1, factor + 1)
            kernel = np.concatenate([ramp, ramp[-2::-1]])
            anchors.append(factor - 1 - int(offset))
        else:  # Between them: their mean.
            kernel = np.ones(factor)
            anchors.append(0)
        kernels.append(kernel / kernel.sum())
    smooth = cv2.sepFilter2D(
        values,
        cv2.CV_32F,
        kernels[0],
        kernels[1],
        anchor=tuple(anchors),
        borderType=cv2.BORDER_REPLICATE,
    )
    return smooth[:: 1 << shifts[1], :: 1 << shifts[0]]
