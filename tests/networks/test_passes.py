"""Passes from coarse to fine, against what is worked out by hand."""

import keras
import numpy as np
import pytest

from sis_keras.networks.dead_units import DeadUnits
from sis_keras.networks.generator import build_generator
from sis_keras.networks.passes import (
    STEPS,
    CoarseShare,
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


def enlarged(x, times):
    """Bilinear, with half-pixel centres."""
    for axis in (1, 2):
        size = x.shape[axis]
        at = (np.arange(size * times) + 0.5) / times - 0.5
        low = np.floor(at).astype(int)
        part = (at - low).reshape([-1 if i == axis else 1 for i in range(4)])
        first, second = (
            np.take(x, np.clip(low + i, 0, size - 1), axis) for i in (0, 1)
        )
        x = first * (1 - part) + second * part
    return x


def energy(x, side):
    n, height, width, c = x.shape
    x = x.reshape(n, height // side, side, width // side, side, c)
    return np.square(x).mean((2, 4)).sum(-1, keepdims=True)


@pytest.mark.parametrize("scales", [2, 3])
def test_passes_by_hand(scales):
    generator = shaken(scales)
    network = network_of(generator)
    height, width = 50, 150
    blurry = picture(height, width)
    multiple = 32 * 2 ** (scales - 1)
    pad = [(0, 0), *((0, -x % multiple) for x in (height, width)), (0, 0)]
    pictures = [np.pad(blurry, pad, mode="reflect")]
    while len(pictures) < scales:
        pictures.append(halved(pictures[-1]))
    shares = []
    for k in reversed(range(scales)):
        x, *_ = network(pictures[k])
        change = np.tanh(np.asarray(x, np.float64)) / 2
        if k == scales - 1:
            joined = change
            continue
        fine, coarse = energy(change, 32) ** 2, energy(joined, 16) ** 2
        shares.append(coarse / (fine + coarse + 1e-9))
        share = enlarged(shares[-1], 32)
        joined = (1 - share / 2) * change + 0.8 * share * enlarged(joined, 2)
    assert min(np.ptp(share) for share in shares) > 0.01
    assert 0.05 < min(map(np.mean, shares)) <= max(map(np.mean, shares)) < 0.95
    expected = np.clip(blurry + joined[:, :height, :width], 0, 1)
    assert np.abs(expected - blurry).mean() > 0.01
    np.testing.assert_allclose(generator(blurry), expected, rtol=0, atol=1e-5)


def test_where_nothing_is_changed_the_share_is_nothing():
    """So sharp pictures keep what one pass gives them."""
    fine, coarse = np.zeros((1, 64, 64, 3)), np.zeros((1, 32, 32, 3))
    coarse[:, :16, :16] = 0.002
    coarse[:, 16:, 16:] = 0.2
    share = np.asarray(CoarseShare()([fine, coarse]))[0, :, :, 0]
    by_hand = (3 * 0.002**2) ** 2 / ((3 * 0.002**2) ** 2 + 1e-9)
    np.testing.assert_allclose(share[0, 0], by_hand, rtol=1e-4)
    assert share[0, 0] < 0.2 and share[0, 1] == 0 and share[1, 1] > 0.999


def test_the_weights_are_those_of_one_pass():
    one = build_generator(**SMALL)
    two = build_generator(recurrent_scales=2, **SMALL)
    shapes = [{v.path: tuple(v.shape) for v in x.variables} for x in (one, two)]
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
    """A pass at 1/2 costs a quarter."""
    one = build_generator(**SMALL)
    two = build_generator(recurrent_scales=2, **SMALL)
    assert sizes_of_passes(one, 720, 1280) == [(720, 1280)]
    assert sizes_of_passes(two, 720, 1280) == [(384, 640), (768, 1280)]
    once = multiply_adds(one, 768, 1280)
    assert multiply_adds(two, 720, 1280) == once * 5 // 4


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
    assert two == pytest.approx(1.25 * one, rel=0.08)


def test_a_unit_lives_by_any_pass():
    """A checkerboard is black wherever a stride of two looks, -1 to the
    network, and grey at half the size, 0."""
    generator = shaken(2)
    first = network_of(generator).get_layer("trunk_conv_00")
    kernel, bias = (np.zeros(x.shape, np.float32) for x in first.get_weights())
    bias[:] = -1  # Dead, but for two:
    kernel[1, 1, 0, 0], bias[0] = -1, -0.5  # where it is black,
    kernel[1, 1, 0, 1], bias[1] = 10, 1  # where it is grey.
    first.set_weights([kernel, bias])
    board = np.indices((64, 64)).sum(0) % 2
    board = np.uint8(255 * np.stack([board] * 3, axis=-1))
    found = DeadUnits(generator).by_layer([board])
    assert found["trunk_relu_00"] == (14, 16)


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
