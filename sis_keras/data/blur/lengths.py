"""Lengths of streaks: in pixels of a 720p picture, log-uniform."""

import numpy as np


def pixels(length: float, size) -> float:
    """A length in a 720p picture to one in a picture of `size`."""
    scaled = length * np.sqrt(np.hypot(*size) / np.hypot(720, 1280))
    # A larger motion of a tiny picture would turn the camera right around.
    return min(scaled, max(size) / 8)


def log_uniform(rng: np.random.Generator, between) -> float:
    """A log-uniform draw, from 0.1 up; 0 where the upper end is 0."""
    low, high = between
    if high <= 0.0:
        return 0.0
    return float(np.exp(rng.uniform(np.log(max(low, 0.1)), np.log(high))))
