"""Edges of restored pictures beside those of sharp ones (section IV-F).

The paper looks at Canny's edges: which are kept, and how wide they are. Here
both are numbers. Edges are Canny's (1986) on BT.601 luma, after a Gaussian of
sigma 1, with one fixed pair of thresholds. An edge pixel of one picture is
found in the other if one of that lies in the 3x3 pixels around it (tolerance
1). Each is judged by itself; pixels are not paired off.

The width of an edge is that of Marziliano et al. ("A No-Reference Perceptual
Blur Metric", ICIP 2002), along the gradient instead of along rows: from the
edge pixel, how far luma goes on rising to one side and falling to the other.
An ideal step between two pixels is 1 wide, a ramp as wide as it is.
"""

from typing import NamedTuple

import cv2
import numpy as np

from sis_keras.evaluation.metrics import luma

SIGMA = 1.0
LOW, HIGH = 50, 150  # Of the length of a 3x3 Sobel gradient of 0 to 255.
TOLERANCE = 1
STRIDE = 0.5  # Pixels from one look at luma to the next.
REACH = 32  # Pixels to each side at most.
SLOPE = 1.0  # Levels a pixel; what rises less has ended.

METRICS = {
    "precision": "share of the picture's edge pixels that the sharp one has",
    "recall": "share of the sharp picture's edge pixels that are found",
    "f1": "2 precision recall / (precision + recall)",
    "width": "mean width of the picture's own edges in pixels",
}
PROTOCOL = (
    f"Canny on BT.601 luma, Gaussian of sigma {SIGMA:g}, thresholds {LOW} and "
    f"{HIGH} on the length of the 3x3 Sobel gradient; an edge pixel is found "
    f"within {TOLERANCE} pixel (3x3); width along the gradient to where luma "
    f"changes by less than {SLOPE:g} level a pixel, {REACH} pixels to each "
    "side at most (after Marziliano 2002)"
)


class EdgeScores(NamedTuple):
    """One picture's edges against the sharp one's; see `METRICS`."""

    precision: float
    recall: float
    f1: float
    width: float


def find_edges(picture: np.ndarray) -> np.ndarray:
    """Canny's edge pixels of uint8 RGB: bool `(height, width)`."""
    smooth = cv2.GaussianBlur(_rounded_luma(picture), (0, 0), SIGMA)
    return cv2.Canny(smooth, LOW, HIGH, apertureSize=3, L2gradient=True) > 0


def match_edges(
    edges: np.ndarray, sharp: np.ndarray, tolerance: int = TOLERANCE
) -> tuple[float, float, float]:
    """Precision, recall and F1 of edge pixels.

    Args:
        edges: bool `(height, width)`.
        sharp: The same, of the sharp picture.
        tolerance: Rows and columns by which an edge may be off.

    Returns:
        Each from 0 to 1. A picture without edges finds none and is all
        precise; against a sharp one without edges nothing is missed.
    """
    precision = _found(edges, sharp, tolerance)
    recall = _found(sharp, edges, tolerance)
    both = precision + recall
    return precision, recall, 2 * precision * recall / both if both else 0.0


def edge_widths(picture: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Width in pixels at each edge pixel, in the order of `np.nonzero`.

    Args:
        picture: uint8 RGB `(height, width, 3)`.
        edges: bool `(height, width)`, from `find_edges`.

    Returns:
        float64, to half a pixel; 0 where luma is flat at a pixel.
    """
    plane = luma(picture).astype(np.float32)
    smooth = cv2.GaussianBlur(plane, (0, 0), SIGMA)
    rows, columns = np.nonzero(edges)
    down = cv2.Sobel(smooth, cv2.CV_32F, 0, 1)[rows, columns]
    right = cv2.Sobel(smooth, cv2.CV_32F, 1, 0)[rows, columns]
    length = np.maximum(np.hypot(down, right), 1e-6)
    direction = down / length, right / length
    start = rows.astype(np.float32), columns.astype(np.float32)
    return _way(plane, start, direction, 1) + _way(plane, start, direction, -1)


def score_edges(picture: np.ndarray, sharp: np.ndarray) -> EdgeScores:
    """Edges of a picture against those of the sharp one.

    Args:
        picture: uint8 RGB `(height, width, 3)`.
        sharp: The same type and shape.

    Returns:
        The scores; `width` is NaN where the picture has no edges.
    """
    edges = find_edges(picture)
    widths = edge_widths(picture, edges)
    width = float(widths.mean()) if widths.size else float("nan")
    return EdgeScores(*match_edges(edges, find_edges(sharp)), width)


def _rounded_luma(picture):
    return np.rint(luma(picture)).astype(np.uint8)


def _found(edges, others, tolerance):
    """The share of edge pixels with one of `others` near; 1 if none is."""
    side = 2 * tolerance + 1
    near = cv2.dilate(others.astype(np.uint8), np.ones((side, side), np.uint8))
    count = np.count_nonzero(edges)
    return float(np.count_nonzero(edges & (near > 0)) / count) if count else 1.0


def _way(plane, start, direction, sign):
    """How far luma goes on changing from `start`, rising for sign 1."""
    alive = np.ones(len(start[0]), bool)
    way = np.zeros(len(start[0]))
    last = plane[start[0].astype(int), start[1].astype(int)]
    for step in range(1, int(REACH / STRIDE) + 1):
        if not alive.any():
            break
        rows, columns = (
            x[alive] + np.float32(sign * step * STRIDE) * d[alive]
            for x, d in zip(start, direction, strict=True)
        )
        value = _looked_up(plane, rows, columns)
        change = sign * (value - last[alive])
        goes_on = change >= SLOPE * STRIDE
        last[alive] = value
        alive[alive] = goes_on
        way[alive] = step * STRIDE
    return way


def _looked_up(plane, rows, columns):
    """Bilinear; beyond the picture its outermost pixels."""
    height, width = plane.shape
    rows, columns = rows.clip(0, height - 1), columns.clip(0, width - 1)
    top = np.minimum(rows.astype(int), max(height - 2, 0))
    left = np.minimum(columns.astype(int), max(width - 2, 0))
    bottom, right = (
        np.minimum(top + 1, height - 1),
        np.minimum(left + 1, width - 1),
    )
    down, across = rows - top, columns - left
    above = plane[top, left] * (1 - across) + plane[top, right] * across
    below = plane[bottom, left] * (1 - across) + plane[bottom, right] * across
    return above * (1 - down) + below * down
