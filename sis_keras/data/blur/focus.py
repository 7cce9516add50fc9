"""Pictures that are sharp in part: a shallow depth of field, made here."""

from collections.abc import Sequence

import cv2
import numpy as np

from sis_keras.data.blur.damages import disc
from sis_keras.data.blur.lengths import log_uniform, pixels
from sis_keras.data.blur.moving_object import draw_matte
from sis_keras.files.pictures import read_rgb

LARGEST_DISC = (1.5, 12.0)
LAYERS = 6


def out_of_focus(picture: np.ndarray, radii: np.ndarray) -> np.ndarray:
    """Each pixel as if it lay out of focus by a disc of its own radius.

    Between pictures that are blurred by one disc each, `LAYERS` from none to
    the largest, evenly apart, is interpolated linearly. Below the first of
    them detail is thus weakened, not removed.

    Args:
        picture: uint8 `(height, width, 3)`.
        radii: Pixels, `(height, width)`, from 0.

    Returns:
        uint8; where the radius is 0, the very picture.
    """
    largest = float(radii.max())
    if largest == 0.0:
        return picture.copy()
    place = (radii * ((LAYERS - 1) / largest)).astype(np.float32)
    mixed = np.zeros(picture.shape, np.float32)
    for layer in range(LAYERS):
        share = np.clip(1.0 - np.abs(place - layer), 0.0, 1.0)
        blurred = picture
        if layer:
            kernel = disc(largest * layer / (LAYERS - 1))
            blurred = cv2.filter2D(
                picture, cv2.CV_32F, kernel, borderType=cv2.BORDER_REFLECT
            )
        mixed += share[..., np.newaxis] * blurred
    return np.rint(mixed).astype(np.uint8)


def draw_radii(rng: np.random.Generator, size: tuple[int, int]) -> np.ndarray:
    """How far each point lies out of focus: float64 `(height, width)`, pixels.

    Three kinds, equally often: something in focus before a ground out of it;
    the reverse; ground that leaves the focus with the distance.
    """
    height, width = size
    largest = pixels(log_uniform(rng, LARGEST_DISC), size)
    kind = rng.integers(3)
    if kind == 2:
        y = np.linspace(0.0, 1.0, height)[:, np.newaxis]
        x = np.linspace(0.0, 1.0, width)
        angle = rng.uniform(0.0, 2.0 * np.pi)
        way = x * np.cos(angle) + y * np.sin(angle)
        way = (way - way.min()) / max(np.ptp(way), 1e-9)
        focus = rng.random()
        depth = 0.15  # Nothing is blurred so near to the focus.
        return largest * np.clip(np.abs(way - focus) - depth, 0.0, 1.0)
    inside = np.zeros(size)
    tall, wide = np.maximum((rng.uniform(0.3, 0.9, 2) * size).astype(int), 1)
    top = int(rng.integers(0, height - tall + 1))
    left = int(rng.integers(0, width - wide + 1))
    matte = draw_matte(rng, (tall, wide))
    inside[top : top + tall, left : left + wide] = matte
    return largest * (inside if kind else 1.0 - inside)


def shallow_photograph(
    path, seed: int | Sequence[int]
) -> tuple[np.ndarray, np.ndarray]:
    """The photograph of a file, parts of it out of focus, twice.

    What was out of focus when the picture was taken is meant to stay so: the
    halves are equal.

    Args:
        path: Of the file.
        seed: Determines which parts, and how far.

    Returns:
        `(picture, picture)`, uint8 `(height, width, 3)`.

    Raises:
        UserError: It cannot be read.
    """
    picture = read_rgb(path)
    radii = draw_radii(np.random.default_rng(seed), picture.shape[:2])
    made = out_of_focus(picture, radii)
    return made, made
