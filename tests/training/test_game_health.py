import numpy as np
import pytest

from sis_keras.training.game_health import MOST_ROWS, Collapse, wins


def row(**values):
    healthy = {
        "psnr": 27.0,
        "blurred_psnr": 26.5,
        "discriminator_gradient_norm": 0.3,
        "global_real_score": 0.6,
        "global_fake_score": 0.4,
        "local_real_score": 0.6,
        "local_fake_score": 0.4,
        "global_told_apart": 0.7,
        "local_told_apart": 0.7,
    }
    return healthy | values


LOST = {"psnr": 23.0}
DEAD = {
    "global_real_score": 0.4,
    "local_fake_score": 0.6,
    "discriminator_gradient_norm": 0.0,
}


def test_who_wins_by_hand():
    logs = {
        "global_told_apart": np.array([1.0, 1.0, 0.5, 0.25]),
        "local_told_apart": np.array([1.0, 0.75, 0.5, 0.75]),
    }
    found = wins(logs)
    np.testing.assert_array_equal(found["discriminators_win"], [1, 0, 0, 0])
    np.testing.assert_array_equal(found["generator_wins"], [0, 0, 1, 1])
    assert wins({"psnr": np.array([30.0])}) == {}


@pytest.mark.parametrize(
    "bad, words",
    [(LOST, "3.5 dB below the blurred"), (DEAD, "the same score")],
)
def test_a_collapse_is_told_once_it_lasts(bad, words):
    collapse = Collapse()
    for _ in range(MOST_ROWS - 1):
        assert collapse.seen(row(**bad)) is None
    assert words in collapse.seen(row(**bad))


@pytest.mark.parametrize("bad", [LOST, DEAD])
def test_what_recovers_is_no_collapse(bad):
    collapse = Collapse()
    for _ in range(3 * MOST_ROWS):
        for number in range(MOST_ROWS):
            values = bad if number else {}
            assert collapse.seen(row(**values)) is None


def test_without_a_game_nothing_collapses():
    collapse = Collapse()
    for _ in range(2 * MOST_ROWS):
        assert collapse.seen({"psnr": 1.0, "blurred_psnr": 30.0}) is None
