"""Restoring at two scales, against the network of two passes."""

import numpy as np
import pytest
import tiny

from sis_keras import Deblurrer
from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.restoring import deblurrer
from sis_keras.restoring.two_scales import TwoScales
from sis_keras.weights.generators import (
    model_tensors,
    save_weights,
    set_model_tensors,
)

ARGUMENTS = {
    "width_multiplier": 0.25,
    "fusion_channels": 4,
    "normalization": "none",
}


def generators():
    """Of one pass and of two, with the same weights, which change so little
    that nothing is clipped: a clip is before the join of the one, and after
    that of the other."""
    one = build_generator(**ARGUMENTS)
    two = build_generator(recurrent_scales=2, **ARGUMENTS)
    random = np.random.default_rng(0)
    for variable in one.trainable_variables:
        if "bias" in variable.path or "to_rgb" in variable.path:
            variable.assign(random.normal(0, 0.015, variable.shape))
    set_model_tensors(two, "", model_tensors(one, ""))
    return one, two


def picture(height, width):
    random = np.random.default_rng(1)
    return random.uniform(0.3, 0.7, (height, width, 3)).astype(np.float32)


class Made:
    """A restorer of a function."""

    name, metadata, precision = "made", {}, "float32"

    def __init__(self, function):
        self._function = function

    def __call__(self, blurry):
        return self._function(blurry)


def at_two_scales(function, blurry):
    restored = TwoScales(Made(function))(np.stack([blurry, blurry]))
    np.testing.assert_array_equal(restored[0], restored[1])
    return restored[0]


@pytest.mark.parametrize("size", [(50, 150), (64, 64), (7, 3)])
def test_it_is_the_network_of_two_passes(size):
    one, two = generators()
    blurry = picture(*size)
    found = at_two_scales(lambda x: np.asarray(one(x)), blurry)
    expected = np.asarray(two(blurry[None]))[0]
    assert found.dtype == np.float32 and found.shape == blurry.shape
    assert np.abs(expected - blurry).mean() > 0.005
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    once = np.asarray(one(blurry[None]))[0]
    assert np.abs(found - once).max() > 1e-3


def test_a_share_by_hand():
    """Nothing is changed at the full size, and much at half of it."""

    def restorer(x):
        change = 0.1 if x.shape[1] == 32 else 0.0
        return x + np.float32(change)

    blurry = picture(64, 64)
    energy = (3 * 0.1**2) ** 2
    expected = blurry + 0.8 * energy / (energy + 1e-9) * 0.1
    found = at_two_scales(restorer, blurry)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(at_two_scales(lambda x: x, blurry), blurry)


def test_it_stays_in_its_range():
    found = at_two_scales(lambda x: x + 0.5, picture(9, 9))
    assert found.max() == 1.0


def test_the_deblurrer_does_so(tmp_path):
    path = tmp_path / "weights.safetensors"
    one, two = generators()
    save_weights(path, one, ARGUMENTS, {})
    image = np.uint8(np.rint(255 * picture(70, 90)))
    deblur = Deblurrer(path, precision="float32", strong_blur=True)
    expected = 255 * np.asarray(two(np.float32(image[None]) / 255))[0]
    found = deblur(image).astype(np.float64)
    assert np.abs(found - expected).max() < 0.52
    assert np.abs(Deblurrer(path, precision="float32")(image) - found).max() > 0
    # It leaves room for the changes of both.
    half = deblurrer.PROCESS_BYTES + 2**28
    plain, both = (
        Deblurrer(path, half, precision="float32", strong_blur=x)
        for x in (False, True)
    )
    assert tiles_of(plain) < tiles_of(both)


def tiles_of(deblur):
    rows, columns = deblur.cut(720, 1280)
    return len(rows) * len(columns)


def test_exports_of_one_size_are_refused(
    monkeypatch, released_folder, tmp_path
):
    path = tmp_path / "tiny.safetensors"
    save_weights(path, tiny.make_generator(), {}, {})

    def load(weights):
        restorer = real(weights)
        restorer.cut = lambda height, width: None
        return restorer

    real = deblurrer.load_restorer
    monkeypatch.setattr(deblurrer, "load_restorer", load)
    Deblurrer(path)
    with pytest.raises(UserError, match="any size with strong_blur"):
        Deblurrer(path, strong_blur=True)
