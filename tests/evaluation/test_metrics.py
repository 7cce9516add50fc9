"""Metrics against hand calculation, skimage and the real test pairs."""

import math
import os
import pathlib

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio

from sis_keras.errors import UserError
from sis_keras.evaluation import metrics
from sis_keras.files.pictures import list_pictures, read_rgb


def constant(red, green, blue, height=16, width=20):
    return np.full((height, width, 3), (red, green, blue), np.uint8)


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    sharp = rng.integers(0, 256, (40, 52, 3), np.uint8)
    noise = rng.normal(0, 20, sharp.shape)
    return np.clip(sharp + noise, 0, 255).astype(np.uint8), sharp


def test_psnr_of_one_level_everywhere():
    # MSE = 1: 10 log10(255²) = 48.1308 dB.
    value = metrics.psnr(constant(11, 21, 31), constant(10, 20, 30))
    assert value == pytest.approx(48.1308036, abs=1e-6)


def test_psnr_takes_the_channels_together():
    # MSE = (9 + 0 + 0) / 3, not the mean of three channels' PSNR.
    value = metrics.psnr(constant(13, 20, 30), constant(10, 20, 30))
    assert value == pytest.approx(10 * math.log10(255**2 / 3), abs=1e-9)


def test_psnr_does_not_wrap_around():
    value = metrics.psnr(constant(0, 0, 0), constant(255, 255, 255))
    assert value == pytest.approx(0.0, abs=1e-9)


def test_psnr_y_by_hand():
    # Luma differs by 0.299 * 10.
    value = metrics.psnr(constant(20, 20, 30), constant(10, 20, 30), "y")
    assert value == pytest.approx(20 * math.log10(255 / 2.99), abs=1e-9)


def test_psnr_agrees_with_skimage(pictures):
    expected = peak_signal_noise_ratio(pictures[1], pictures[0])
    assert metrics.psnr(*pictures) == pytest.approx(expected, abs=1e-9)


def test_identical_pictures(pictures):
    names = [name for name in metrics.METRICS if name != "ssim_ms"]
    scores = metrics.score(pictures[1], pictures[1], names)
    assert scores["psnr"] == scores["psnr_y"] == math.inf
    for name, value in scores.items():
        if name.startswith("ssim"):
            assert value == pytest.approx(1.0, abs=1e-12)
        elif not name.startswith("psnr"):
            assert value == 0.0


def test_shift_is_restored_minus_sharp_by_channel():
    scores = metrics.score(
        constant(12, 17, 30),
        constant(10, 20, 30),
        ["shift_blue", "shift_red", "shift_green"],
    )
    assert list(scores.items()) == [
        ("shift_blue", 0.0),
        ("shift_red", 2.0),
        ("shift_green", -3.0),
    ]


def test_ciede2000_of_grey_levels():
    # Neutral colours: dE = dL / S_L, S_L = 1 + 0.015 d² / sqrt(20 + d²),
    # d = mean L - 50; L = 116 Y^(1/3) - 16, Y by the sRGB curve.
    def lightness(level):
        linear = ((level / 255 + 0.055) / 1.055) ** 2.4
        return 116 * linear ** (1 / 3) - 16

    first, second = lightness(100), lightness(140)
    d2 = ((first + second) / 2 - 50) ** 2
    expected = (second - first) / (1 + 0.015 * d2 / math.sqrt(20 + d2))
    # More rows than one band holds, and half of the picture identical.
    restored = constant(100, 100, 100, height=160)
    restored[80:] = 140
    sharp = constant(140, 140, 140, height=160)
    value = metrics.score(restored, sharp, ["ciede2000"])["ciede2000"]
    assert value == pytest.approx(expected / 2, abs=1e-3)


def test_names_of_unknown_metrics_are_refused(pictures):
    with pytest.raises(UserError, match="Received: psnt"):
        metrics.score(*pictures, ["psnr", "psnt"])
    with pytest.raises(UserError, match="Received: ssim_nice"):
        metrics.ssim(*pictures, "nice")
    with pytest.raises(UserError, match="Received: none"):
        metrics.check_names([])


def test_every_metric_is_described_and_computed():
    assert set(metrics.METRICS) == set(metrics._FUNCTIONS)
    assert set(metrics.DEFAULT_METRICS) <= set(metrics.METRICS)


@pytest.mark.parametrize(
    "other",
    [
        np.zeros((16, 21, 3), np.uint8),
        np.zeros((16, 20, 3), np.float32),
        np.zeros((16, 20, 4), np.uint8),
    ],
)
def test_arrays_that_do_not_match_are_refused(other):
    with pytest.raises(ValueError, match="uint8 RGB"):
        metrics.score(other, constant(0, 0, 0))


def test_reference_values_of_the_real_test_pairs():
    """The values of an independent script, to its printed digits."""
    if "SIS_DATA" not in os.environ:
        pytest.skip("SIS_DATA names no folder of real pictures")
    folder = pathlib.Path(os.environ["SIS_DATA"]) / "gopro/test"
    sequence = folder / "GOPR0384_11_00"
    names = ["psnr", "ssim_gaussian", "ssim_matlab3d"]
    scores = [
        metrics.score(read_rgb(sequence / "blur" / p.name), read_rgb(p), names)
        for p in list_pictures(sequence / "sharp")
    ]
    assert len(scores) == 12
    means = [np.mean([row[name] for row in scores]) for name in names]
    assert [f"{means[0]:.3f}", f"{means[1]:.4f}", f"{means[2]:.4f}"] == [
        "27.384",
        "0.8320",
        "0.8791",
    ]
