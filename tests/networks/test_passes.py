"""Passes from coarse to fine, against what is worked out by hand."""

import keras
import numpy as np
import pytest

from sis_keras.networks.dead_units import DeadUnits
from sis_keras.networks.generator import build_generator
from sis_keras.networks.passes import (
    STEPS,
    inputs_of_passes,
    network_of,
    sizes_of_passes,
    steps_of,
)
from sis_keras.training import memory
from sis_keras.training.supervision import Supervision
from sis_keras.training.throughput import multiply_adds

SMALL = {
    "width_multiplier": 0.25,
    "fusion_channels": 4,
    "normalization": "none",
}


def shaken(scales):
    """Random output layers; so each pass changes the picture."""
    generator = build_generator(recurrent_scales=scales, **SMALL)
    random = np.random.default_rng(0)
    for variable in generator.trainable_variables:
        if "bias" in variable.path or "to_rgb" in variable.path:
            variable.assign(random.normal(0, 0.1, variable.shape))
    return generator


def picture(height, width):
    shape = (1, height, width, 3)
    return np.random.default_rng(1).random(shape, dtype=np.float32)


def halved(x):
    n, height, width, c = x.shape
    return x.reshape(n, height // 2, 2, width // 2, 2, c).mean((2, 4))


def doubled(x):
    """Bilinear with half-pixel centres: quarters by hand."""
    for axis in (1, 2):
        size = x.shape[axis]
        before = np.take(x, np.maximum(np.arange(size) - 1, 0), axis)
        after = np.take(x, np.minimum(np.arange(size) + 1, size - 1), axis)
        pair = [0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after]
        shape = list(x.shape)
        shape[axis] *= 2
        x = np.stack(pair, axis + 1).reshape(shape)
    return x


@pytest.mark.parametrize("scales", [2, 3])
def test_passes_by_hand(scales):
    generator = shaken(scales)
    network = network_of(generator)
    height, width = 50, 70
    blurry = picture(height, width)
    multiple = 32 * 2 ** (scales - 1)
    pad = [(0, 0), *((0, -x % multiple) for x in (height, width)), (0, 0)]
    pictures = [np.pad(blurry, pad, mode="reflect")]
    while len(pictures) < scales:
        pictures.append(halved(pictures[-1]))
    coarse = np.zeros_like(pictures[-1])
    for k in reversed(range(scales)):
        x, *_ = network([pictures[k], coarse])
        change = np.tanh(np.asarray(x, np.float64)) / 2 + coarse
        assert np.abs(np.tanh(x)).mean() > 0.02
        coarse = np.float32(doubled(change))
    expected = np.clip(blurry + change[:, :height, :width], 0, 1)
    assert np.abs(expected - blurry).mean() > 0.01
    np.testing.assert_allclose(generator(blurry), expected, rtol=0, atol=1e-5)


def test_the_weights_are_those_of_one_pass_but_for_what_sees_the_change():
    one = build_generator(**SMALL)
    two = build_generator(recurrent_scales=2, **SMALL)
    shapes = [{v.path: tuple(v.shape) for v in x.variables} for x in (one, two)]
    first = "trunk_conv_00/kernel"
    assert shapes[0].pop(first) == (3, 3, 3, 16)
    assert shapes[1].pop(first) == (3, 3, 6, 16)
    assert shapes[0] == shapes[1]


def test_passes_at_the_beginning_change_nothing():
    blurry = picture(64, 64)
    fresh = build_generator(recurrent_scales=2, **SMALL)
    np.testing.assert_allclose(fresh(blurry), blurry, rtol=0, atol=1e-6)


@pytest.mark.parametrize(
    "arguments",
    [{"recurrent_scales": 0}, {"recurrent_scales": 2, "residual": False}],
)
def test_what_cannot_be_is_refused(arguments):
    with pytest.raises(ValueError, match="recurrent_scales from 1 up"):
        build_generator(**SMALL, **arguments)


def test_sizes_and_multiply_adds():
    """A pass at 1/2 costs a quarter; the first layer reads three more."""
    one = build_generator(**SMALL)
    two = build_generator(recurrent_scales=2, **SMALL)
    assert sizes_of_passes(one, 720, 1280) == [(720, 1280)]
    assert sizes_of_passes(two, 720, 1280) == [(384, 640), (768, 1280)]
    more = 3 * 3 * 3 * 16 * (384 * 640 + 192 * 320)
    once = multiply_adds(one, 768, 1280)
    assert multiply_adds(two, 720, 1280) == once * 5 // 4 + more


def test_the_maps_are_those_of_both_passes():
    def maps(generator):
        class Gan:
            pass

        gan = Gan()
        gan.generator = generator
        gan.supervision = Supervision(generator, {"content": "mse"})
        return memory._generator_maps(gan, 128)

    one = maps(build_generator(**SMALL))
    two = maps(build_generator(recurrent_scales=2, **SMALL))
    assert two == pytest.approx(1.25 * one, rel=0.03)


def test_a_unit_lives_by_any_pass():
    """One that reads the change alone is zero in the coarse pass."""
    generator = shaken(2)
    network = network_of(generator)
    first = network.get_layer("trunk_conv_00")
    kernel, bias = (np.zeros(x.shape, np.float32) for x in first.get_weights())
    bias[:] = -1  # Dead, but for two:
    kernel[1, 1, 3:, 0] = 100  # by the change, which the fine pass has,
    bias[1] = 1  # and by its bias.
    first.set_weights([kernel, bias])
    inputs = keras.Model(generator.input, inputs_of_passes(generator))
    coarse, fine = inputs(picture(64, 64))
    assert np.all(coarse[1] == 0) and np.max(fine[1]) > 0.02
    found = DeadUnits(generator).by_layer([np.uint8(255 * picture(64, 64)[0])])
    name = first.name.replace("conv", "relu")
    assert found[name] == (14, 16)


def test_steps_are_those_of_the_last_pass():
    generator = shaken(2)
    steps = keras.Model(generator.input, steps_of(generator))
    x = picture(64, 128)
    for scale, values in steps(x).items():
        assert values.shape[1:3] == (64 // scale, 128 // scale)
    last = keras.Model(generator.input, inputs_of_passes(generator)[-1])
    network = network_of(generator)
    step = keras.Model(network.input, network.get_layer(STEPS[4]).output)
    np.testing.assert_array_equal(steps(x)[4], step(last(x)))
