"""Evaluation on made pictures whose scores can be worked out by hand."""

import math
import os
import pathlib
import weakref

import numpy as np
import pytest

from sis_keras.data.pairs import find_pairs, read_pair
from sis_keras.errors import UserError
from sis_keras.evaluation import evaluate as evaluation
from sis_keras.evaluation.evaluate import extremes, summarize

METRICS = ["psnr", "shift_red"]


def grey(level, height=12, width=16):
    return np.full((height, width, 3), level, np.uint8)


def decibels(difference):
    return 20 * math.log10(255 / difference)


def brighten(levels):
    return lambda batch: batch + np.float32(levels / 255)


EXAMPLES = [
    ("a/1", grey(90), grey(100)),
    ("a/2", grey(95), grey(100)),
    ("b/1", grey(98, height=20), grey(100, height=20)),
]


def evaluate(restorer, examples=EXAMPLES, **arguments):
    arguments = {"metrics": METRICS, "progress": False} | arguments
    return evaluation.evaluate(restorer, iter(examples), **arguments)


def test_scores_by_hand():
    results = evaluate(brighten(1))
    first = results["images"][0]
    assert first["blurry"] == {
        "psnr": pytest.approx(decibels(10)),
        "shift_red": -10.0,
    }
    assert first["restored"] == {
        "psnr": pytest.approx(decibels(9)),
        "shift_red": -9.0,
    }
    assert first["gain"] == {
        "psnr": pytest.approx(decibels(9) - decibels(10)),
        "shift_red": 1.0,
    }
    assert [i["sequence"] for i in results["images"]] == ["a", "a", "b"]
    assert results["all"]["count"] == 3
    # The mean of the images, not of the sequences.
    assert results["all"]["restored"]["psnr"] == pytest.approx(
        (decibels(9) + decibels(4) + decibels(1)) / 3
    )
    assert results["sequences"]["a"]["blurry"]["psnr"] == pytest.approx(
        (decibels(10) + decibels(5)) / 2
    )
    assert results["sequences"]["b"]["count"] == 1
    assert "infinite" not in results["all"]


def test_output_is_rounded_and_clipped():
    rounded = evaluate(brighten(0.6))["images"][0]["restored"]["shift_red"]
    assert rounded == -9.0
    clipped = evaluate(brighten(300))["images"][0]["restored"]["shift_red"]
    assert clipped == 155.0


def test_infinities_are_counted_not_averaged():
    results = evaluate(brighten(2))
    assert results["images"][2]["restored"]["psnr"] == math.inf
    everything = results["all"]
    assert everything["infinite"] == {
        "restored": {"psnr": 1},
        "gain": {"psnr": 1},
    }
    assert everything["restored"]["psnr"] == pytest.approx(
        (decibels(8) + decibels(3)) / 2
    )
    assert results["sequences"]["b"]["restored"]["psnr"] == math.inf
    assert "infinite" not in results["sequences"]["a"]


def test_identical_before_and_after_gains_nothing():
    results = evaluate(brighten(0), [("a/1", grey(7), grey(7))])
    assert results["all"]["gain"] == {"psnr": 0.0, "shift_red": 0.0}


def test_identity_scores_the_input_alone():
    results = evaluate(None)
    assert results["all"] == {
        "count": 3,
        "blurry": {
            "psnr": pytest.approx(
                (decibels(10) + decibels(5) + decibels(2)) / 3
            ),
            "shift_red": pytest.approx(-17 / 3),
        },
    }
    assert "seconds" not in results["images"][0]
    assert "timing" not in results["protocol"]


def test_calls_are_batch_1_float32_warmed_up_for_each_size():
    calls = []

    def restorer(batch):
        calls.append((batch.dtype.name, *batch.shape, float(batch.max())))
        return batch

    results = evaluate(restorer, repeats=2)
    sizes = [call[2] for call in calls]
    # One warm-up and two runs of the first 12-high picture, and so on.
    assert sizes == [12, 12, 12, 12, 12, 20, 20, 20]
    assert calls[0] == ("float32", 1, 12, 16, 3, float(np.float32(90 / 255)))
    for image in results["images"]:
        assert 0 < image["seconds"] < image["seconds_with_decoding"]


def test_seconds_are_medians():
    images = [
        {"blurry": {}, "seconds": s, "seconds_with_decoding": 2 * s}
        for s in (1.0, 9.0, 2.0)
    ]
    summary = summarize(images)
    assert summary["seconds"] == 2.0
    assert summary["seconds_with_decoding"] == 4.0


def test_protocol_says_everything():
    known = {"input": "blur", "weights": "none.h5", "device": "abacus"}
    protocol = evaluate(brighten(1), protocol=known, repeats=3)["protocol"]
    assert list(protocol)[:3] == list(known)
    assert protocol["images"] == 3
    assert protocol["sequences"] == 2
    assert protocol["resolution"] == "16x12, 16x20"
    assert list(protocol["metrics"]) == METRICS
    assert "peak 255" in protocol["metrics"]["psnr"]
    assert "3 run(s)" in protocol["timing"]
    assert protocol["software"]["numpy"] == np.__version__


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_values_that_are_not_finite_are_an_error(bad):
    with pytest.raises(UserError, match="finite.*a/1"):
        evaluate(brighten(bad))


def test_another_shape_is_an_error():
    with pytest.raises(UserError, match=r"\(1, 11, 16, 3\)"):
        evaluate(lambda batch: batch[:, 1:])


def test_no_examples_is_an_error():
    with pytest.raises(UserError, match="Received: none"):
        evaluate(brighten(1), [])


def test_unknown_metric_is_an_error_before_the_first_example():
    with pytest.raises(UserError, match="Received: ssim"):
        evaluate(brighten(1), metrics=["ssim"])


def test_examples_are_streamed():
    living = []

    def examples():
        for frame in range(6):
            sharp = grey(100)
            living.append(weakref.ref(sharp))
            yield f"a/{frame}", grey(90), sharp
            assert sum(ref() is not None for ref in living) <= 2

    evaluate(brighten(1), examples())
    assert len(living) == 6


def test_extremes_are_worst_median_and_best_by_gain():
    results = evaluate(brighten(1))
    rows = extremes(brighten(1), iter(EXAMPLES), results)
    # From 10, 5 and 2 levels off to 9, 4 and 1: ever larger gains.
    assert [(rank, entry["name"]) for rank, entry, _ in rows] == [
        ("worst", "a/1"),
        ("median", "a/2"),
        ("best", "b/1"),
    ]
    pictures = rows[1][2]
    np.testing.assert_array_equal(pictures["blurry"], grey(95))
    np.testing.assert_array_equal(pictures["restored"], grey(96))
    np.testing.assert_array_equal(pictures["sharp"], grey(100))


@pytest.mark.parametrize("metric", ["ciede2000", "shift_red"])
def test_extremes_where_less_is_better(metric):
    """Brighter by 9: from -10, -5 and -2 levels to -1, 4 and 7."""
    results = evaluate(brighten(9), metrics=[metric])
    rows = extremes(brighten(9), iter(EXAMPLES), results)
    assert [(rank, entry["name"]) for rank, entry, _ in rows] == [
        ("worst", "b/1"),
        ("median", "a/2"),
        ("best", "a/1"),
    ]


def test_too_small_a_picture_is_named():
    small = ("a/3", grey(90, height=4), grey(100, height=4))
    with pytest.raises(UserError, match="a/3: Expected at least 11x11"):
        evaluate(None, [*EXAMPLES, small], metrics=["ssim_gaussian"])


@pytest.mark.parametrize(
    "count, ranks", [(1, ["best"]), (2, ["worst", "best"])]
)
def test_extremes_of_few(count, ranks):
    results = evaluate(None, EXAMPLES[:count])
    rows = extremes(None, EXAMPLES, results)
    assert [rank for rank, _, _ in rows] == ranks
    assert "restored" not in rows[0][2]


def test_identity_on_the_real_test_pairs():
    if "SIS_DATA" not in os.environ:
        pytest.skip("SIS_DATA names no folder of real pictures")
    folder = pathlib.Path(os.environ["SIS_DATA"]) / "gopro/test"
    examples = ((p.name, *read_pair(p)) for p in find_pairs(folder))
    results = evaluate(None, examples, metrics=["psnr"])
    assert results["all"]["count"] == 12
    assert results["all"]["blurry"]["psnr"] == pytest.approx(27.384, abs=5e-4)
    assert list(results["sequences"]) == ["GOPR0384_11_00"]
