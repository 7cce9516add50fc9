"""Small pictures of every kind of channels, and `Photograph`s of them."""

import numpy as np

from sis_keras.files.photographs import Photograph

HEIGHT, WIDTH = 11, 17
RANDOM = np.random.default_rng(0)
RGBA = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
DEEP = RANDOM.integers(0, 65536, (HEIGHT, WIDTH, 4), np.uint16)
RGB, GREY = RGBA[..., :3], RGBA[..., 0]
LA = RGBA[..., 1:3]


def photograph(pixels=RGB, **others):
    defaults = {
        "alpha": None,
        "grey": False,
        "exif": None,
        "icc": None,
        "format": "PNG",
    }
    return Photograph(pixels, **(defaults | others))
