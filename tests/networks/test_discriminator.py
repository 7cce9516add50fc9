"""The discriminator: Table 1's layers, and its arithmetic in SciPy."""

import keras
import numpy as np
import pytest
from scipy.signal import correlate

from sis_keras.networks.discriminator import build_discriminator

# Table 1 as DESIGN reads it: filter size and filters, or a pool's size.
TABLE_1 = [
    ("conv_1", (3, 3, 3, 64), "relu"),
    ("conv_2", (3, 3, 64, 64), "relu"),
    ("pool_3", (2, 2), None),
    ("conv_4", (3, 3, 64, 64), "relu"),
    ("pool_5", (2, 2), None),
    ("conv_6", (3, 3, 64, 64), "relu"),
    ("pool_7", (2, 2), None),
    ("conv_8", (3, 3, 64, 64), "relu"),
    ("conv_9", (3, 3, 64, 1), "linear"),
]


@pytest.fixture(scope="module")
def discriminator():
    """With biases that are not zero."""
    model = build_discriminator(seed=3)
    random = np.random.default_rng(3)
    for layer in model.layers:
        if hasattr(layer, "bias"):
            layer.bias.assign(random.normal(0, 0.3, layer.bias.shape))
    return model


def picture(height, width, batch=2):
    shape = (batch, height, width, 3)
    return np.random.default_rng(0).random(shape, dtype=np.float32)


def test_layers_are_table_1(discriminator):
    rows = []
    for layer in discriminator.layers:
        if isinstance(layer, keras.layers.Conv2D):
            activation = layer.activation.__name__
            rows.append((layer.name, layer.kernel.shape, activation))
            assert (layer.strides, layer.padding) == ((1, 1), "same")
        elif isinstance(layer, keras.layers.MaxPooling2D):
            rows.append((layer.name, layer.pool_size, None))
            assert (layer.strides, layer.padding) == ((2, 2), "valid")
    assert rows == TABLE_1
    names = [layer.name for layer in discriminator.layers]
    assert names[-3:] == ["conv_9", "pool_10", "score"]


def table_1_in_scipy(model, image):
    """The score before the sigmoid of one image, in float64."""
    x = 2 * np.float64(image) - 1
    for name, size, activation in TABLE_1:
        if activation is None:
            h, w, channels = x.shape
            x = x[: h // 2 * 2, : w // 2 * 2]
            x = x.reshape(h // 2, 2, w // 2, 2, channels).max(axis=(1, 3))
            continue
        kernel, bias = model.get_layer(name).get_weights()
        padded = np.pad(x, ((1, 1), (1, 1), (0, 0)))
        maps = [
            correlate(padded, np.float64(kernel[..., k]), mode="valid")
            for k in range(size[3])
        ]
        x = np.concatenate(maps, axis=-1) + bias
        x = np.maximum(x, 0) if activation == "relu" else x
    return x.mean()


@pytest.mark.parametrize("height, width", [(8, 8), (19, 26)])
def test_arithmetic_equals_scipy(discriminator, height, width):
    images = picture(height, width)
    raw = build_discriminator(sigmoid=False)
    raw.set_weights(discriminator.get_weights())
    expected = [[table_1_in_scipy(raw, image)] for image in images]
    assert np.ptp(expected) > 1e-4
    np.testing.assert_allclose(raw(images).numpy(), expected, rtol=1e-4)
    np.testing.assert_allclose(
        discriminator(images).numpy(),
        1 / (1 + np.exp(-np.array(expected))),
        rtol=1e-5,
    )


def test_score_is_one_number_in_0_to_1(discriminator):
    scores = discriminator(picture(40, 64, batch=3)).numpy()
    assert scores.shape == (3, 1) and scores.dtype == np.float32
    assert (scores > 0).all() and (scores < 1).all()


def test_weights_follow_the_seed():
    first, again, other = (build_discriminator(seed=s) for s in (0, 0, 1))
    for a, b, c in zip(
        first.trainable_variables,
        again.trainable_variables,
        other.trainable_variables,
        strict=True,
    ):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
        if "kernel" in a.path:
            assert not np.allclose(a.numpy(), c.numpy())
