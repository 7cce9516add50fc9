"""The generator: Algorithm 1 in NumPy, ablations, initial state."""

import functools
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from expanding_path import Recomputed

from sis_keras.networks.generator import RestoredImage, build_generator

SMALL = {"width_multiplier": 0.25, "fusion_channels": 8}
ALL_ON = {"intermediate_path": True, "info_box": True, "fusion": "add"}


def picture(height, width, batch=1, seed=0):
    shape = (batch, height, width, 3)
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


def small(seed=0, **arguments):
    arguments = {"normalization": "none", **SMALL, **arguments}
    return build_generator(seed=seed, **arguments)


@functools.cache
def fresh():
    """A network in its initial state, which no test may change."""
    return small()


@functools.cache
def shaken(**arguments):
    """Random biases, blocks and output after the trunk, which stays.

    No test may change it.
    """
    model = small(**arguments)
    random = np.random.default_rng(0)
    for variable in model.trainable_variables:
        if "bias" in variable.path and "trunk" not in variable.path:
            variable.assign(random.normal(0, 0.1, variable.shape))
    for layer in model.layers:
        if layer.name.endswith("_second"):
            shape = layer.kernel.shape
            layer.kernel.assign(random.normal(0, 0.1, shape))
    kernel = model.get_layer("to_rgb").kernel
    kernel.assign(random.normal(0, 0.05, kernel.shape))
    return model


def run(model, x, **arguments):
    return model(x, **arguments).numpy()


@pytest.fixture(scope="module")
def generator():
    return shaken(**ALL_ON)


def kernels(model):
    layers = (x for x in model.layers if hasattr(x, "kernel"))
    return {layer.name: layer.kernel.numpy() for layer in layers}


# === Unknown size ===


def test_traced_with_unknown_size_equals_eager(generator):
    signature = tf.TensorSpec((None, None, None, 3))
    traced = tf.function(generator, input_signature=[signature])
    for height, width in ((1, 1), (3, 5), (33, 70), (32, 64)):
        x = picture(height, width, batch=2)
        np.testing.assert_allclose(
            run(traced, x), run(generator, x), rtol=0, atol=1e-5
        )


# === Algorithm 1 ===


@pytest.fixture(scope="module")
def scales(generator):
    """The trunk's five maps of one picture: the laterals' inputs."""
    names = ("detail_4", "detail_3", "detail_2", "detail_1", "info_0")
    laterals = [generator.get_layer(name) for name in names]
    trunk = keras.Model(generator.input, [x.input for x in laterals])
    return [np.float64(x.numpy()) for x in trunk(picture(64, 32, batch=2))]


@pytest.mark.parametrize(
    "fusion, intermediate_path, info_box",
    [
        ("add", True, True),
        ("add", False, True),
        ("add", True, False),
        ("add", False, False),
        ("concat", True, True),
        ("concat", False, True),
    ],
)
def test_expanding_path_is_algorithm_1(
    scales, fusion, intermediate_path, info_box
):
    switches = {"intermediate_path": intermediate_path, "info_box": info_box}
    model = shaken(**switches, fusion=fusion)
    x = picture(64, 32, batch=2)
    y = Recomputed(model).before_tanh(scales, fusion, **switches)
    expected = np.clip(x + np.tanh(y) / 2, 0, 1)
    assert np.abs(expected - x).mean() > 0.01
    np.testing.assert_allclose(run(model, x), expected, rtol=0, atol=1e-5)


def test_without_residual_the_output_is_half_of_tanh_plus_one(scales):
    model = shaken(residual=False)
    y = Recomputed(model).before_tanh(scales)
    expected = (np.tanh(y) + 1) / 2
    for training in (False, True):
        restored = run(model, picture(64, 32, batch=2), training=training)
        np.testing.assert_allclose(restored, expected, rtol=0, atol=1e-5)


def test_blocks_add_two_convolutions_to_the_sums(scales):
    x = picture(64, 32, batch=2)
    restored = {}
    for counts in ((1, 2, 0, 1), (0, 0, 0, 0)):
        model = shaken(residual_blocks=counts)
        y = Recomputed(model).before_tanh(scales, residual_blocks=counts)
        expected = np.clip(x + np.tanh(y) / 2, 0, 1)
        restored[counts] = run(model, x)
        np.testing.assert_allclose(restored[counts], expected, atol=1e-5)
    with_blocks, without = restored.values()
    assert np.abs(with_blocks - without).mean() > 1e-3


# === Structure ===


def named_layers(**arguments):
    """The layers with names of the paper."""
    names = ("trunk", "info", "detail", "merged", "previous", "expanded")
    arguments = {**ALL_ON, **arguments}
    layers = shaken(**arguments).layers
    return {x.name for x in layers if x.name.startswith(names)}


def test_ablations_drop_their_layers_and_no_other():
    full = named_layers()
    infos = {f"info_{k}" for k in (1, 2, 3, 4)}
    infos |= {f"info_{k}_channels" for k in (1, 2, 3, 4)}
    details = {f"detail_{k}" for k in (1, 2, 3, 4)}
    merged = {f"merged_{k}" for k in (1, 2, 3, 4)}
    assert infos | details | merged | {"info_0"} < full
    assert named_layers(info_box=False) == full - infos
    assert named_layers(intermediate_path=False) == full - details
    both = named_layers(info_box=False, intermediate_path=False)
    assert both == full - infos - details - merged


def test_concat_splices_then_mixes_to_the_fusion_channels():
    model = shaken(**{**ALL_ON, "fusion": "concat"})
    for k in (1, 2, 3, 4):
        assert model.get_layer(f"merged_{k}").kernel.shape == (1, 1, 24, 8)
        assert model.get_layer(f"spliced_{k}").output.shape[-1] == 24


@pytest.mark.parametrize(
    "arguments",
    [
        {"fusion": "multiply"},
        {"normalization": "layer"},
        {"branch_pooling": "min"},
        {"fusion_channels": 7},
        {"fusion_channels": 0},
        {"width_multiplier": 0},
        {"residual_blocks": (1, 2, 3)},
        {"residual_blocks": (0, 0, 0, 0, 0)},
        {"residual_blocks": (0, 0, -1, 0)},
        {"residual_blocks": (0.5, 0, 0, 0)},
        {"residual_blocks": "1234"},
    ],
)
def test_bad_arguments_are_named(arguments):
    (value,) = arguments.values()
    with pytest.raises(
        ValueError, match=f"Received: .*{re.escape(str(value))}"
    ):
        small(**arguments)


def test_unknown_arguments_raise():
    with pytest.raises(TypeError, match="infobox"):
        small(infobox=True)


# === Initial state ===


@pytest.mark.parametrize("training", [False, True])
def test_starts_as_the_identity(training):
    x = picture(33, 70)
    residual = small(residual_modules=True, residual_blocks=(1, 1, 1, 1))
    for model in (fresh(), residual):
        np.testing.assert_array_equal(run(model, x, training=training), x)


def test_the_picture_itself_is_never_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small()
    finally:
        keras.config.set_dtype_policy("float32")
    x = picture(33, 70)
    np.testing.assert_array_equal(run(model, x), x)


def test_fresh_blocks_change_nothing():
    """Not even where the output layer is no longer zero."""
    x = picture(33, 70)
    plain, refined = small(), small(residual_blocks=(1, 2, 0, 1))
    kernel = np.random.default_rng(0).normal(0, 0.05, (3, 3, 4, 3))
    for model in (plain, refined):
        model.get_layer("to_rgb").kernel.assign(kernel)
    restored = run(refined, x)
    assert np.abs(restored - x).mean() > 1e-3
    np.testing.assert_array_equal(restored, run(plain, x))


def test_a_seed_fixes_every_weight_and_another_changes_every_kernel():
    first, again, other = fresh(), small(seed=0), small(seed=1)
    for a, b in zip(first.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    a, b = kernels(first), kernels(other)
    same = [name for name in a if np.array_equal(a[name], b[name])]
    assert same == ["to_rgb"]
    assert not a["to_rgb"].any()


def test_large_seeds_are_as_tensorflow_takes_them(monkeypatch):
    """In 31 bits, which is all that JAX takes."""
    seeds = []
    made = keras.initializers.HeNormal.__init__

    def note(self, seed=None):
        seeds.append(seed)
        made(self, seed)

    monkeypatch.setattr(keras.initializers.HeNormal, "__init__", note)
    small(seed=7)
    few, count = seeds[:], len(seeds)
    small(seed=4_000_000)
    assert count > 50 and max(seeds) < 2**31
    by_tensorflow = 10_000 * (4_000_000 - 7) % (2**31 - 2)
    differences = np.subtract(seeds[count:], few) % (2**31 - 2)
    assert set(differences) == {by_tensorflow}


def test_no_two_kernels_start_from_the_same_draws():
    everything = {**ALL_ON, "fusion": "concat", "residual_modules": True}
    initial = kernels(shaken(**everything, residual_blocks=(2, 2, 2, 2)))
    # Zeros, some of them before they were shaken.
    zeros = {"to_rgb"}
    zeros |= {name for name in initial if name.endswith("_second")}
    zeros |= {f"trunk_residual_{n:02d}" for n in range(9)}
    for name in zeros:
        del initial[name]
    draws = {}
    for name, kernel in initial.items():
        start = kernel.ravel()[:8]
        start = start / np.linalg.norm(start)
        close = [x for x, y in draws.items() if np.allclose(start, y, 1e-4)]
        assert not close, f"{name} repeats {close}"
        draws[name] = start
    assert len(draws) > 100


def test_info_box_of_a_fresh_model_repeats_pixels():
    model = fresh()
    names = ("info_1", "info_2", "info_3", "info_4")
    infos = keras.Model(model.input, [model.get_layer(x).output for x in names])
    for k, info in enumerate(infos(picture(64, 64)), start=1):
        scale, info = 2**k, np.asarray(info)
        assert info.shape == (1, 2 * scale, 2 * scale, 8)
        nearest = info[:, ::scale, ::scale]
        nearest = nearest.repeat(scale, axis=1).repeat(scale, axis=2)
        np.testing.assert_array_equal(info, nearest)
        assert info.std() > 0


# === Output ===


def test_clips_outside_training_only(generator):
    x = picture(32, 32)
    change = np.array([9.0, -9.0, 0.0], np.float32) + 0 * x
    expected = x + np.array([0.5, -0.5, 0.0], np.float32)
    layer = RestoredImage()
    trained = run(layer, [x, change], training=True)
    np.testing.assert_allclose(trained, expected, rtol=0, atol=1e-6)
    clipped = np.clip(expected, 0, 1)
    np.testing.assert_allclose(run(layer, [x, change]), clipped, atol=1e-6)

    ends = np.stack([np.zeros((40, 40, 3)), np.ones((40, 40, 3))])
    trained = run(generator, np.float32(ends), training=True)
    assert trained.min() < 0 and trained.max() > 1
    restored = run(generator, np.float32(ends))
    np.testing.assert_allclose(restored, np.clip(trained, 0, 1), atol=1e-6)
