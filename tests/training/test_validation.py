"""Validation by groups: figures by hand, ranks, the words of a row."""

import json
import math

import numpy as np
import pytest

from sis_keras.evaluation.metrics import psnr, ssim
from sis_keras.training import validation


def grey(level, height=20, width=24):
    return np.full((height, width, 3), level, np.uint8)


def decibels(error):
    """Of pictures that differ by so many levels everywhere."""
    return 20 * math.log10(255 / error)


def brightened(blurry, name):
    """Two levels more; what is named `exact` comes back 100."""
    return grey(100) if name == "exact" else blurry + np.uint8(2)


def test_gains_count_by_group():
    examples = [
        ("real", "a", grey(90), grey(100)),
        ("real", "b", grey(94), grey(100)),
        ("flow", "c", grey(104), grey(100)),
    ]
    shown = []
    row = validation.validated(
        brightened, iter(examples), lambda *x: shown.append(x)
    )
    real = (decibels(8) - decibels(10) + decibels(4) - decibels(6)) / 2
    flow = decibels(6) - decibels(4)
    assert row["gain_real"] == pytest.approx(real)
    assert row["gain_flow"] == pytest.approx(flow)
    # Not over the three pictures.
    assert row["gain"] == pytest.approx((real + flow) / 2)
    # The first group alone.
    assert row["psnr"] == pytest.approx((decibels(8) + decibels(4)) / 2)
    before = (decibels(10) + decibels(6)) / 2
    assert row["blurred_psnr"] == pytest.approx(before)
    similar = [ssim(grey(x + 2), grey(100)) for x in (90, 94)]
    assert row["ssim_gaussian"] == pytest.approx(np.mean(similar))
    assert row["sharp_worst"] == math.inf
    assert row["shift"] == pytest.approx(2)
    names = [name for name, *_ in shown]
    levels = [[int(x[0, 0, 0]) for x in pictures] for _, *pictures in shown]
    assert names == ["a", "b", "c"]
    assert levels == [[90, 92, 100], [94, 96, 100], [104, 106, 100]]


def test_dead_units_of_the_first_pictures():
    examples = [("real", str(x), grey(x), grey(100)) for x in range(90, 99)]
    seen = []
    row = validation.validated(
        brightened, examples, dead=lambda x: seen.extend(x) or 0.3
    )
    assert row["dead"] == 0.3
    assert [x[0, 0, 0] for x in seen] == list(range(90, 98))
    assert "30.0% of the units dead (they learn no more" in validation.told(row)
    few = validation.told(row | {"dead": 0.1})
    assert few.endswith("; 10.0% of the units dead")
    assert "dead" not in validation.told(row | {"dead": 0.0})


def test_sharp_pictures_are_a_condition_and_no_gain():
    examples = [
        ("sharp", "s", grey(50), grey(50)),
        ("real", "a", grey(90), grey(100)),
        # Of another group, and sharp nevertheless.
        ("real", "t", grey(60), grey(60)),
    ]
    row = validation.validated(brightened, examples)
    assert "gain_sharp" not in row
    assert row["gain"] == row["gain_real"]
    assert row["gain"] == pytest.approx(decibels(8) - decibels(10))
    assert row["psnr"] == pytest.approx(decibels(8))
    assert row["sharp_worst"] == pytest.approx(decibels(2))
    unharmed = validation.validated(lambda blurry, name: blurry, examples)
    assert unharmed["sharp_worst"] == math.inf and unharmed["gain"] == 0


def test_a_picture_restored_exactly_does_not_hide_the_others():
    examples = [
        ("real", "exact", grey(90), grey(100)),
        ("real", "a", grey(90), grey(100)),
    ]
    row = validation.validated(brightened, examples)
    assert row["gain"] == pytest.approx(decibels(8) - decibels(10))
    assert row["psnr"] == pytest.approx(decibels(8))


def test_the_shift_is_that_of_the_channel_that_moves_most():
    def bluer(blurry, name):
        moved = blurry.copy()
        moved[..., 0] += 1
        moved[..., 2] -= np.uint8(3 if name == "a" else 4)
        return moved

    examples = [("real", name, grey(90), grey(100)) for name in "ab"]
    row = validation.validated(bluer, examples)
    assert row["shift"] == pytest.approx(-3.5)


def test_only_sharp_pictures():
    row = validation.validated(brightened, [("real", "s", grey(9), grey(9))])
    assert row["gain"] == 0 and math.isnan(row["psnr"])
    assert row["sharp_worst"] == pytest.approx(psnr(grey(11), grey(9)))


def test_an_unharmed_row_beats_a_larger_gain():
    rows = [
        {"sharp_worst": 39.9, "gain": 2.0},
        {"sharp_worst": 20.0, "gain": 2.1},
        {"sharp_worst": 40.0, "gain": -0.1},
        {"sharp_worst": math.inf, "gain": 0.1},
    ]
    assert sorted(rows, key=validation.rank) == rows


def test_the_best_of_a_checkpoint_comes_back_from_json():
    best = validation.rank({"sharp_worst": 41.0, "gain": 0.25})
    state = json.loads(json.dumps({"best": best}))
    assert validation.best_of(state) == best == (True, 0.25)
    assert validation.best_of({"best": None}) is None
    # Of before there were groups.
    assert validation.best_of({"best_psnr": 27.4}) is None


@pytest.mark.parametrize(
    "text, group, source",
    [
        ("flow=sample:4:flow:a/b", "flow", "sample:4:flow:a/b"),
        ("real=$DATA/a=b", "real", "$DATA/a=b"),
        ("photographs:a/b", "real", "photographs:a/b"),
        ("a/b=c", "real", "a/b=c"),
        ("=a", "real", "=a"),
    ],
)
def test_a_source_may_name_its_group(text, group, source):
    assert validation.split_group(text) == (group, source)


def test_a_row_in_words():
    row = {
        "gain": 0.1,
        "gain_real": 0.3,
        "gain_flow": -0.1,
        "sharp_worst": 41.26,
        "shift": -0.125,
    }
    text = validation.told(row)
    assert "real +0.300, flow -0.100 dB, mean +0.100" in text
    assert "at least 41.3 dB" in text and "-0.12 of 255" in text
    assert "sharp" not in validation.told(row | {"sharp_worst": math.inf})
