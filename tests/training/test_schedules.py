import math

import numpy as np
import pytest

from sis_keras.training.schedules import WarmupDecay


@pytest.mark.parametrize("decay", ["none", "linear", "cosine"])
def test_the_schedule_by_hand(decay):
    schedule = WarmupDecay(2.0, 110, warmup=10, decay=decay, final=0.5)
    for step in (0, 4, 9, 10, 35, 60, 110, 200):
        done = min(max((step - 10) / 100, 0), 1)
        left = {
            "none": 1,
            "linear": 1 - done,
            "cosine": (1 + math.cos(math.pi * done)) / 2,
        }[decay]
        expected = (0.5 + 1.5 * left) * min((step + 1) / 10, 1)
        np.testing.assert_allclose(schedule(step), expected, rtol=1e-5)
