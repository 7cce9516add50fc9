"""Gradients with recomputed feature maps against those with kept ones."""

import collections

import keras
import numpy as np
import pytest
import tensorflow as tf

from sis_keras.networks.generator import build_generator
from sis_keras.networks.inception import trunk_layers
from sis_keras.training.supervision import Supervision
from sis_keras.training.throughput import multiply_adds

SMALL = {"width_multiplier": 0.25, "fusion_channels": 4}
NETWORKS = {
    "sisnet's modules, batch statistics": SMALL,
    "concat": SMALL | {"fusion": "concat", "normalization": "none"},
    "residual": SMALL
    | {
        "normalization": "none",
        "branch_pooling": "max",
        "residual_modules": True,
        "residual_blocks": (1, 2, 1, 1),
    },
    "two passes": SMALL | {"normalization": "none", "recurrent_scales": 2},
}


def make_generator(arguments):
    generator = build_generator(**arguments)
    random = np.random.default_rng(0)
    for variable in generator.trainable_variables:
        variable.assign_add(random.normal(0, 0.02, variable.shape))
    return generator


def gradients(generator, recompute, wrap, coarse_weight=0.0):
    """Of a content loss; the loss, the gradients, the averages after it."""
    supervision = Supervision(
        generator, {"content": "mse"}, coarse_weight, recompute
    )
    random = np.random.default_rng(1)
    for head in supervision.heads:
        head.assign(random.normal(0, 0.1, head.shape))
    blurry, sharp = tf.constant(random.random((2, 2, 64, 32, 3), np.float32))

    def step():
        with tf.GradientTape() as tape:
            _, terms = supervision(blurry, sharp)
            loss = tf.add_n(list(terms.values()))
        return loss, tape.gradient(loss, supervision.trainable_variables)

    loss, found = wrap(step)()
    averages = [v.numpy() for v in generator.non_trainable_variables]
    return float(loss), [g.numpy() for g in found], averages


def eagerly(step):
    return step


def assert_close(found, expected):
    """To 1e-6 of all gradients' norm."""
    most = 1e-6 * np.sqrt(sum(np.sum(np.square(x)) for x in expected))
    for one, two in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, two, rtol=0, atol=most)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_gradients_are_the_same(name):
    kept, again = (make_generator(NETWORKS[name]) for _ in range(2))
    start = [v.numpy() for v in kept.non_trainable_variables]
    loss, expected, averages = gradients(kept, False, eagerly, 0.5)
    other, found, moved = gradients(again, True, eagerly, 0.5)
    assert other == pytest.approx(loss, rel=1e-6)
    assert_close(found, expected)
    # They moved, and once.
    for old, one, two in zip(start, moved, averages, strict=True):
        assert (one != old).any()
        np.testing.assert_allclose(one, two, atol=1e-6)


def test_in_a_graph_as_eagerly():
    results = [
        gradients(make_generator(SMALL), True, wrap)
        for wrap in (tf.function, eagerly)
    ]
    assert results[0][0] == pytest.approx(results[1][0], rel=1e-6)
    for one, two in zip(results[0][1:], results[1][1:], strict=True):
        assert_close(one, two)


def test_the_modules_are_computed_twice_and_their_ends_kept():
    generator = make_generator(SMALL)
    supervision = Supervision(generator, {"content": "mse"}, recompute=True)
    image = tf.zeros((1, 32, 32, 3))

    def step():
        with tf.GradientTape() as tape:
            loss = sum(supervision(image, image)[1].values())
        return tape.gradient(loss, supervision.trainable_variables)

    graph = tf.function(step).get_concrete_function().graph
    forward = [x for x in graph.get_operations() if x.type == "Conv2D"]
    kinds = collections.Counter(type(x) for x in generator.layers)
    # A transposed one's gradient is a plain one.
    transposed = kinds[keras.layers.Conv2DTranspose]
    assert len(forward) == 2 * kinds[keras.layers.Conv2D] + transposed


def test_the_network_stays_as_it_is():
    plain, generator = (build_generator(**SMALL) for _ in range(2))
    names = [v.path for v in plain.variables]
    gradients(generator, True, eagerly)
    assert [v.path for v in generator.variables] == names
    assert generator.get_config() == plain.get_config()
    assert len(trunk_layers(generator, "conv")) == 94
    assert multiply_adds(generator, 64, 64) == multiply_adds(plain, 64, 64)
    generator.set_weights(plain.get_weights())
    image = np.random.default_rng(2).random((1, 33, 40, 3), np.float32)
    np.testing.assert_array_equal(generator(image), plain(image))
