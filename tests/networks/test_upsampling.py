"""Padding and upsampling against NumPy, at known and unknown sizes."""

import numpy as np
import pytest
import tensorflow as tf
from expanding_path import bilinear, pixel_shuffle

from sis_keras.networks.padding import ReflectPad
from sis_keras.networks.upsampling import ICNR, BilinearUpsample

SIZES = [(1, 1), (3, 5), (33, 70), (32, 64), (45, 80), (1, 40), (64, 2)]


def picture(height, width):
    shape = (2, height, width, 3)
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def of_unknown_size(layer):
    signature = tf.TensorSpec((None, None, None, 3))
    return tf.function(layer, input_signature=[signature])


@pytest.mark.parametrize(
    "height, width", [*SIZES, (2, 31), (65, 1), (7, 97), (31, 33)]
)
def test_reflect_pad_equals_numpy(height, width):
    x = picture(height, width)
    after = (-height % 32, -width % 32)
    padding = ((0, 0), (0, after[0]), (0, after[1]), (0, 0))
    expected = np.pad(x, padding, mode="reflect")
    np.testing.assert_array_equal(ReflectPad(32)(x).numpy(), expected)
    shape = ReflectPad(32).compute_output_shape(x.shape)
    assert shape == expected.shape


@pytest.mark.parametrize("height, width", SIZES)
def test_reflect_pad_traced_with_unknown_size_is_the_same(height, width):
    x = picture(height, width)
    np.testing.assert_array_equal(
        of_unknown_size(ReflectPad(32))(x).numpy(), ReflectPad(32)(x).numpy()
    )


@pytest.mark.parametrize("trace", [lambda layer: layer, of_unknown_size])
@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("height, width", [(1, 1), (1, 3), (5, 2)])
def test_bilinear_upsample_is_half_pixel_bilinear(scale, height, width, trace):
    x, layer = picture(height, width), BilinearUpsample(scale)
    expected = bilinear(x, scale)
    np.testing.assert_allclose(trace(layer)(x).numpy(), expected, atol=1e-6)
    assert layer.compute_output_shape(x.shape) == expected.shape
    assert layer.compute_output_shape((2, None, width, 3))[1] is None


@pytest.mark.parametrize("scale", [2, 4, 8, 16])
def test_icnr_starts_as_nearest_neighbour(scale):
    kernel = np.asarray(ICNR(scale, seed=5)((1, 1, 6, scale**2 * 4)))
    x = np.random.default_rng(1).normal(size=(2, 3, 2, 6))
    shuffled = pixel_shuffle(x @ kernel[0, 0], scale)
    nearest = shuffled[:, ::scale, ::scale]
    nearest = nearest.repeat(scale, axis=1).repeat(scale, axis=2)
    np.testing.assert_array_equal(shuffled, nearest)
    assert np.unique(nearest).size == 2 * 3 * 2 * 4
    deviation = np.sqrt(2 / 6)
    assert abs(kernel.std() / deviation - 1) < 0.5
