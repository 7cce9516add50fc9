"""Köhler's evaluation on made shots whose best frames are known."""

import csv
import json
import math
import weakref

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from sis_keras.data.benchmark import Benchmark, Shot
from sis_keras.errors import UserError
from sis_keras.evaluation.kohler import METRICS, evaluate_kohler
from sis_keras.evaluation.kohler_report import (
    tables,
    text_tables,
    write_reports,
)
from sis_keras.evaluation.kohler_steps import Planes, compare

SIDE = 170


def window(top=100, left=100):
    picture = data.astronaut()
    return np.ascontiguousarray(picture[top : top + SIDE, left : left + SIDE])


def block(level, top=60, left=70):
    picture = np.zeros((SIDE, SIDE, 3), np.uint8)
    picture[top : top + 40, left : left + 40] = level
    return picture


def smooth(picture, width):
    return ndimage.uniform_filter(picture, (1, width, 1))


def benchmark(shots, protocol="kohler"):
    return Benchmark("made", protocol, len(shots), lambda: iter(shots))


def shot(blurry, frames, image=1, kernel=1):
    return Shot(image, kernel, blurry, lambda: iter(frames))


def evaluate(shots, restorer=None, protocol="kohler"):
    return evaluate_kohler(restorer, benchmark(shots, protocol), progress=False)


def test_the_largest_score_over_the_frames_by_hand():
    """A block of 100 against blocks that lie elsewhere, of other levels.

    The gain is worked out before the shift, from what overlaps unmoved.
    """
    offsets = {4: (9, 0), 7: (2, -3), 9: (0, 30)}
    frames = [
        (number, block(200, 60 + rows, 70 + columns))
        for number, (rows, columns) in offsets.items()
    ]
    results = evaluate([shot(block(100), frames)])
    image = results["images"][0]
    # Frame 7 overlaps most, so that its gain is nearest to 2.
    gain = 2 * (40 - 2) * (40 - 3) / 40**2
    error = (200 - 100 * gain) ** 2 * 40**2 / SIDE**2
    expected = 10 * math.log10(255**2 / error)
    assert image["blurry"]["psnr_kohler"] == pytest.approx(expected)
    assert image["best_frames"]["blurry"]["psnr_kohler"] == 7
    assert image["frames"] == 3
    assert "restored" not in image


def test_the_scores_have_best_frames_of_their_own():
    """They equal the largest of all comparisons, one by one."""
    blurry = smooth(window(), 7)
    noise = np.random.default_rng(0).normal(0, 12, blurry.shape)
    frames = [
        (1, window(103, 96)),
        (2, smooth(window(), 15)),
        (3, np.clip(blurry + noise, 0, 255).astype(np.uint8)),
        (5, (0.6 * window()).astype(np.uint8)),
        (6, smooth(window(98, 101), 3)),
    ]
    image = evaluate([shot(blurry, frames)])["images"][0]
    z = Planes(blurry)
    each = {number: compare(z, Planes(frame)) for number, frame in frames}
    for place, metric in enumerate(METRICS["kohler"]):
        best = max(each, key=lambda number: each[number][place])
        assert image["blurry"][metric] == each[best][place]
        assert image["best_frames"]["blurry"][metric] == best


def test_an_exact_restorer_beside_the_blurred_picture():
    sharp = block(200)

    def restorer(batch):
        return np.repeat(sharp[None] / np.float32(255), len(batch), 0)

    results = evaluate(
        [shot(block(200, 66), [(1, sharp), (2, block(200, 62))])], restorer
    )
    image = results["images"][0]
    assert image["restored"]["psnr_kohler"] == math.inf
    assert image["restored"]["ssim_kohler"] == pytest.approx(1.0)
    assert image["blurry"]["psnr_kohler"] < 40
    assert image["gain"]["psnr_kohler"] == math.inf
    # Infinity is said, and not averaged.
    assert results["all"]["infinite"]["restored"] == {"psnr_kohler": 1}
    assert "infinite for 1 of 1" in text_tables(results)


@pytest.fixture(scope="module")
def results():
    """Two shots; the restorer halves, which the gain takes back."""
    frames = [(1, window()), (2, window(102, 99))]
    shots = [
        shot(smooth(window(), 5), frames, 1, 2),
        shot(smooth(window(), 9), frames, 4, 12),
    ]
    return evaluate(shots, lambda batch: batch / 2)


def test_tables_have_each_shot_in_its_place(results):
    found = tables(results)
    assert list(found) == list(METRICS["kohler"])
    table = found["psnr_kohler"]["blurry"]
    assert list(table) == [1, 2, 3, 4] and {len(x) for x in table.values()} == {
        12
    }
    by_name = {image["name"]: image for image in results["images"]}
    assert table[1][1] == by_name["1_2"]["blurry"]["psnr_kohler"]
    assert table[4][11] == by_name["4_12"]["blurry"]["psnr_kohler"]
    assert sum(x is None for row in table.values() for x in row) == 46
    mean = results["all"]["blurry"]["psnr_kohler"]
    assert mean == pytest.approx((table[1][1] + table[4][11]) / 2)


def test_halving_costs_rounding_alone(results):
    for image in results["images"]:
        gain = image["gain"]
        assert (
            abs(gain["psnr_kohler"]) < 0.1 and abs(gain["ssim_kohler"]) < 0.01
        )


def test_text_says_protocol_tables_and_seconds(results):
    text = text_tables(results)
    assert "benchmark: kohler" in text
    assert "sharp frames: 2 to 2 an image" in text
    for title in ("PSNR in dB", "MS-SSIM"):
        for picture in ("blurred", "restored"):
            assert f"{title}, {picture}, by kernel" in text
    mean = results["all"]["restored"]["psnr_kohler"]
    assert f"{mean:.2f}" in text
    assert "4 sharp frames compared in" in text


def test_written_tables(results, tmp_path):
    write_reports(tmp_path, results)
    with open(tmp_path / "table4.csv") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2 * 2 * 4
    row = next(
        x
        for x in rows
        if (x["score"], x["picture"], x["image"])
        == ("ssim_kohler", "restored", "4")
    )
    by_name = {image["name"]: image for image in results["images"]}
    expected = by_name["4_12"]["restored"]["ssim_kohler"]
    assert float(row["12"]) == float(row["mean"]) == expected
    assert row["11"] == ""
    written = json.loads((tmp_path / "scores.json").read_text())
    assert written["tables"]["ssim_kohler"]["restored"]["4"][11] == expected
    assert written["protocol"]["benchmark"] == "kohler"
    head = (tmp_path / "scores.csv").read_text()
    assert "# metrics.psnr_kohler: largest PSNR" in head


def test_single_gt_has_another_name():
    results = evaluate(
        [shot(smooth(window(), 5), [(1, window())])], protocol="single-gt"
    )
    assert list(results["all"]["blurry"]) == list(METRICS["single-gt"])
    assert "kohler" not in json.dumps(results["images"])
    assert "not the benchmark's" in text_tables(results)


def test_frames_are_streamed():
    living = []

    def frames():
        for number in range(1, 61):
            frame = window()
            living.append(weakref.ref(frame))
            yield number, frame
        assert sum(ref() is not None for ref in living) < 50

    evaluate([Shot(1, 1, window(), frames)])
    assert len(living) == 60


@pytest.mark.parametrize(
    "made, message",
    [
        (shot(window(), []), "Expected sharp frames of 1_1. Received: none"),
        (shot(window(), [(3, window()[1:])]), "frame 3 of 1_1, 169x170"),
        (shot(window()[:160], []), "161x161.*1_1, 160x170"),
    ],
)
def test_users_mistakes(made, message):
    with pytest.raises(UserError, match=message) as error:
        evaluate([made])
    assert "\n" not in str(error.value)


def test_no_shots():
    with pytest.raises(UserError, match="Received: none from made"):
        evaluate([])
