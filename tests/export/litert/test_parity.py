"""The parity gate, by hand."""

import numpy as np
import pytest

from sis_keras.errors import UserError
from sis_keras.export.litert import parity as litert_parity

GREY = np.full((4, 4, 3), 100, np.uint8)
SHARP = np.full((4, 4, 3), 110, np.uint8)


def shifted(levels):
    """Adds levels of 1/255 to every value."""
    return lambda x: x + np.float32(levels / 255)


def figures(by_file, by_keras):
    return litert_parity.compare(
        shifted(by_file), shifted(by_keras), [(GREY, SHARP)]
    )


def test_figures():
    """Keras leaves an error of 5 levels, the file one of 6."""
    found = figures(4, 5)
    assert found["pictures"] == 1
    assert found["psnr"] == pytest.approx(20 * np.log10(255), abs=1e-3)
    assert found["relative_error"] == pytest.approx(1 / 5, rel=1e-4)
    assert found["blurry"] == pytest.approx(20 * np.log10(255 / 10))
    assert found["keras_psnr"] == pytest.approx(20 * np.log10(255 / 5))
    assert found["file_psnr"] == pytest.approx(20 * np.log10(255 / 6))
    assert found["share_of_gain"] == pytest.approx(
        np.log(10 / 6) / np.log(10 / 5)
    )


def test_psnr_is_the_worst_picture_s():
    pairs = [(GREY, SHARP), (SHARP, SHARP)]
    found = litert_parity.compare(
        lambda x: x + (x > 0.41) * np.float32(0.1), lambda x: x, pairs
    )
    assert found["psnr"] == pytest.approx(20, abs=1e-3)
    assert found["share_of_gain"] is None


def test_a_file_that_does_nothing_passes_psnr_but_not_the_gain():
    found = figures(0, 1)
    assert found["psnr"] > litert_parity.LEAST_PSNR["int8"]
    assert found["relative_error"] == pytest.approx(1, rel=1e-4)
    with pytest.raises(UserError, match="keeps 90% of the network's gain"):
        litert_parity.check(found, "int8")


def test_far_from_keras():
    with pytest.raises(UserError, match="within 45 dB .* Received: 28"):
        litert_parity.check(figures(0, 10), "int8")


def test_nan_is_refused():
    found = {**figures(4, 4), "psnr": float("nan")}
    with pytest.raises(UserError, match="nan dB"):
        litert_parity.check(found, "none")


def test_the_same_passes():
    litert_parity.check(figures(5, 5), "none")
