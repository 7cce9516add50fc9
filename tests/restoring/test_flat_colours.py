"""What has no blur stays what it is: flat colours, by the released weights."""

import itertools

import numpy as np
import pytest

from sis_keras import Deblurrer

# Levels of 255 by which a colour may move: at the picture's edge, beyond which
# the network sees zeros, and elsewhere.
AT_THE_EDGE, WITHIN = 16, 8
EDGE = 32


@pytest.mark.parametrize("weights", ["sisnet_mobile", "sisnet_small"])
def test_flat_colours_hardly_move(weights):
    deblur = Deblurrer(weights, precision="float32")
    for colour in itertools.product((0, 128, 255), repeat=3):
        image = np.full((128, 160, 3), colour, np.uint8)
        moved = np.abs(deblur(image).astype(int) - colour)
        assert moved.max() <= AT_THE_EDGE, colour
        assert moved[EDGE:-EDGE, EDGE:-EDGE].max() <= WITHIN, colour
