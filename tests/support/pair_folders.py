"""Folders of pairs, small and made of noise."""

import cv2
import numpy as np


def write_two_sequences(folder):
    """Two pairs of 64x48 in each of the sequences a and b."""
    random = np.random.default_rng(0)
    for sequence in ("a", "b"):
        for half in ("blur", "sharp"):
            (folder / sequence / half).mkdir(parents=True)
        for frame in range(2):
            sharp = random.integers(256, size=(48, 64, 3), dtype=np.uint8)
            blurry = cv2.blur(sharp, (3, 3))
            for half, picture in (("blur", blurry), ("sharp", sharp)):
                path = folder / sequence / half / f"{frame}.png"
                assert cv2.imwrite(str(path), picture)
    return folder
