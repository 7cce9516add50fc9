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


def test_a_held_schedule_is_the_same_later():
    held = WarmupDecay(2.0, 150, warmup=10, decay="linear", final=0.5, held=40)
    plain = WarmupDecay(2.0, 110, warmup=10, decay="linear", final=0.5)
    assert [float(held(step)) for step in (0, 20, 39)] == [0.0, 0.0, 0.0]
    for step in (0, 9, 35, 110):
        np.testing.assert_allclose(held(40 + step), plain(step), rtol=1e-6)
