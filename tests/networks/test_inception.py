"""The extracting path against keras.applications.InceptionV3."""

import h5py
import keras
import numpy as np
import pytest

from sis_keras.errors import UserError
from sis_keras.networks import imagenet
from sis_keras.networks.generator import build_generator
from sis_keras.networks.imagenet import IMAGENET_FILE, load_imagenet_weights
from sis_keras.networks.inception import (
    extracting_path,
    freeze_batch_norm,
    scaled,
    trunk_layers,
)
from sis_keras.networks.presets import preset_arguments

# Of each module: the number of its first convolution.
FIRST_OF_MODULES = (5, 12, 19, 30, 40, 50, 60, 76, 85)


def trunk(**arguments):
    """The extracting path alone; the loader asks for no more."""
    image = keras.Input((None, None, 3))
    return keras.Model(image, extracting_path(image, **arguments))


def picture(height=64, width=96, seed=0):
    shape = (2, height, width, 3)
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def run(model, x, **arguments):
    return [y.numpy() for y in model(x, **arguments)]


def in_order(model, kind):
    """InceptionV3's layers in the order of its source code: by number."""
    found = [x for x in model.layers if type(x) is kind]
    numbers = {x: x.name.rpartition("_")[2] for x in found}
    return sorted(
        found, key=lambda x: int(numbers[x]) if numbers[x].isdigit() else -1
    )


def randomize(model, seed=0):
    """Batch-norm values that differ from layer to layer."""
    random = np.random.default_rng(seed)
    for norm in in_order(model, keras.layers.BatchNormalization):
        size = norm.beta.shape
        norm.beta.assign(random.normal(0, 0.3, size))
        norm.moving_mean.assign(random.normal(0, 0.3, size))
        norm.moving_variance.assign(random.uniform(0.3, 3, size))
    return model


@pytest.fixture(scope="module")
def inception_v3():
    keras.utils.set_random_seed(0)
    model = keras.applications.InceptionV3(include_top=False, weights=None)
    return randomize(model)


@pytest.fixture(scope="module")
def weights_file(inception_v3, tmp_path_factory):
    path = tmp_path_factory.mktemp("inception") / "inception.weights.h5"
    inception_v3.save_weights(path)
    return path


@pytest.fixture(scope="module")
def loaded(weights_file):
    model = trunk()
    load_imagenet_weights(model, weights_file)
    return model


@pytest.fixture(scope="module")
def same_padded(inception_v3):
    """InceptionV3 itself, every 'valid' of its configuration made 'same'."""
    config = inception_v3.get_config()
    for layer in config["layers"]:
        if "padding" in layer["config"]:
            layer["config"]["padding"] = "same"
    model = keras.Model.from_config(config)
    model.set_weights(inception_v3.get_weights())
    after_relu = in_order(model, keras.layers.Activation)
    outputs = [after_relu[2].output, after_relu[4].output]
    outputs += [model.get_layer(f"mixed{n}").output for n in (2, 7, 10)]
    return keras.Model(model.input, outputs)


# === Architecture ===


def test_kernels_have_inception_v3s_shapes_in_order(loaded, inception_v3):
    ours = [x.kernel.shape for x in trunk_layers(loaded, "conv")]
    convolutions = in_order(inception_v3, keras.layers.Conv2D)
    assert ours == [x.kernel.shape for x in convolutions]
    assert len(ours) == 94
    assert loaded.count_params() == inception_v3.count_params()


def test_computes_inception_v3_with_same_padding(loaded, same_padded):
    x = picture()
    scales = run(loaded, x)
    assert [y.shape for y in scales] == [
        (2, 32, 48, 64),
        (2, 16, 24, 192),
        (2, 8, 12, 288),
        (2, 4, 6, 768),
        (2, 2, 3, 2048),
    ]
    for y, expected in zip(scales, run(same_padded, x), strict=True):
        assert expected.std() > 1e-3
        np.testing.assert_allclose(y, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "channels, width, expected",
    [(64, 1, 64), (80, 0.5, 40), (80, 0.25, 24), (32, 0.1, 16), (448, 2, 896)],
)
def test_channels_are_multiples_of_8_from_16_up(channels, width, expected):
    assert scaled(channels, width) == expected


def test_max_branch_pooling_replaces_every_average(loaded):
    def count(model, kind):
        return sum(type(x) is kind for x in model.layers)

    average, maximum = keras.layers.AveragePooling2D, keras.layers.MaxPooling2D
    assert (count(loaded, average), count(loaded, maximum)) == (9, 4)
    other = trunk(width_multiplier=0.25, branch_pooling="max")
    assert (count(other, average), count(other, maximum)) == (0, 13)


# === Residual modules ===


def test_residual_modules_add_their_mixed_branches():
    model = trunk(width_multiplier=0.25, residual_modules=True)
    random = np.random.default_rng(0)
    taps = []
    for number, first in enumerate(FIRST_OF_MODULES):
        mixing = model.get_layer(f"trunk_residual_{number:02d}")
        for variable in mixing.variables:
            variable.assign(random.normal(0, 0.1, variable.shape))
        before = model.get_layer(f"trunk_conv_{first:02d}").input
        after = model.get_layer(f"trunk_sum_{number:02d}").output
        assert before.shape == after.shape
        taps += [before, mixing.input, after]
    values = run(keras.Model(model.input, taps), picture())
    for number in range(len(FIRST_OF_MODULES)):
        before, branches, after = values[3 * number : 3 * number + 3]
        mixing = model.get_layer(f"trunk_residual_{number:02d}")
        kernel, bias = (np.float64(x) for x in mixing.get_weights())
        change = branches @ kernel[0, 0] + bias
        assert change.std() > 0.01
        np.testing.assert_allclose(after, before + change, 1e-5, 1e-4)
    # The scales are the sums.
    for scale, number in ((2, 2), (3, 6), (4, 8)):
        np.testing.assert_allclose(
            run(model, picture())[scale], values[3 * number + 2], atol=1e-5
        )


def test_fresh_residual_modules_pass_their_input_on():
    model = trunk(width_multiplier=0.25, residual_modules=True)
    _, quarter, eighth, *_ = run(model, picture())
    # 'same' at stride 2 of an even size: zeros, after a ReLU, at the end.
    height, width = eighth.shape[1:3]
    padded = np.pad(quarter, ((0, 0), (0, 1), (0, 1), (0, 0)))
    windows = [
        padded[:, i : i + 2 * height : 2, j : j + 2 * width : 2]
        for i in range(3)
        for j in range(3)
    ]
    assert eighth.std() > 1e-3
    np.testing.assert_array_equal(eighth, np.max(windows, axis=0))


# === ImageNet weights ===


def assert_holds(model, inception_v3):
    for kind, name in (
        (keras.layers.Conv2D, "conv"),
        (keras.layers.BatchNormalization, "norm"),
    ):
        layers = trunk_layers(model, name)
        sources = in_order(inception_v3, kind)
        for layer, source in zip(layers, sources, strict=True):
            values = zip(layer.weights, source.weights, strict=True)
            for ours, theirs in values:
                assert ours.name == theirs.name
                np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_weights_h5_loads_in_order(loaded, inception_v3):
    assert_holds(loaded, inception_v3)


def test_the_papers_preset_takes_them(weights_file, inception_v3):
    generator = build_generator(**preset_arguments("sisnet"))
    load_imagenet_weights(generator, weights_file)
    assert_holds(generator, inception_v3)


def test_legacy_h5_of_the_public_kind_loads_in_order(
    loaded, inception_v3, tmp_path
):
    """The layout of Keras 1 and 2: a group for each layer, names as bytes."""
    path = tmp_path / IMAGENET_FILE
    layers = inception_v3.layers
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [x.name.encode() for x in layers]
        file.attrs["backend"] = b"tensorflow"
        file.attrs["keras_version"] = b"2.0.8"
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{x.name}:0" for x in layer.weights]
            group.attrs["weight_names"] = [x.encode() for x in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()
    for layer in trunk_layers(loaded, "conv") + trunk_layers(loaded, "norm"):
        layer.set_weights([0 * x for x in layer.get_weights()])
    load_imagenet_weights(loaded, path)
    assert_holds(loaded, inception_v3)


def test_without_normalization_the_averages_are_folded(
    inception_v3, same_padded, monkeypatch
):
    monkeypatch.setattr(imagenet, "_read_inception", lambda path: inception_v3)
    model = trunk(normalization="none")
    assert not trunk_layers(model, "norm")
    load_imagenet_weights(model, "its file")
    random = np.random.default_rng(1)
    layers = zip(
        trunk_layers(model, "conv"),
        in_order(inception_v3, keras.layers.Conv2D),
        in_order(inception_v3, keras.layers.BatchNormalization),
        strict=True,
    )
    for layer, conv, norm in layers:
        kernel = np.float64(conv.kernel.numpy())
        patch = random.normal(size=kernel.shape[:-1])
        beta, mean, variance = (np.float64(x) for x in norm.get_weights())
        expected = np.einsum("ijc,ijco", patch, kernel)
        expected = (expected - mean) / np.sqrt(variance + 1e-3) + beta
        folded, bias = layer.get_weights()
        computed = np.einsum("ijc,ijco", patch, np.float64(folded)) + bias
        np.testing.assert_allclose(computed, expected, rtol=1e-4, atol=1e-5)
    x = picture()
    for y, expected in zip(run(model, x), run(same_padded, x), strict=True):
        np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-4)


def test_another_width_is_refused(inception_v3, monkeypatch):
    monkeypatch.setattr(imagenet, "_read_inception", lambda path: inception_v3)
    with pytest.raises(UserError, match="width_multiplier=1.*Received: .*16"):
        load_imagenet_weights(trunk(width_multiplier=0.25), "its file")
    with pytest.raises(UserError, match="no residual_modules"):
        load_imagenet_weights(trunk(residual_modules=True), "its file")


def test_missing_file_is_named(tmp_path):
    missing = tmp_path / "missing.h5"
    with pytest.raises(UserError, match="imagenet_weights.*missing.h5"):
        load_imagenet_weights(None, missing)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize(
    "name", ["text.h5", "text.weights.h5", "text.txt", "other.weights.h5"]
)
def test_file_of_another_kind_is_refused(
    name, inception_v3, tmp_path, monkeypatch
):
    monkeypatch.setattr(
        keras.applications, "InceptionV3", lambda **arguments: inception_v3
    )
    path = tmp_path / name
    if name.startswith("other"):
        other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        other.save_weights(path)
    else:
        path.write_text("not weights")
    with pytest.raises(UserError, match="InceptionV3.*does not fit") as error:
        load_imagenet_weights(None, path)
    assert name in str(error.value) and "\n" not in str(error.value)


# === Batch normalisation that uses its averages ===


def averages(model):
    return np.concatenate([x.numpy() for x in model.non_trainable_variables])


def test_freezing_makes_training_equal_inference():
    model = trunk(width_multiplier=0.25)
    x = picture(32, 32)
    before = averages(model)
    trained = run(model, x, training=True)
    moved = averages(model)
    assert np.abs(moved - before).max() > 1e-3
    inference = run(model, x)
    assert np.abs(trained[4] - inference[4]).max() > 1e-3

    freeze_batch_norm(model)
    trained = run(model, x, training=True)
    for ours, expected in zip(trained, inference, strict=True):
        np.testing.assert_array_equal(ours, expected)
    np.testing.assert_array_equal(averages(model), moved)
    # beta still learns
    assert len(model.trainable_variables) == 2 * 94
    copy = keras.Model.from_config(model.get_config())
    assert all(x.use_averages for x in trunk_layers(copy, "norm"))


def test_frozen_normalization_uses_its_averages_from_the_start():
    model = randomize_norms(
        trunk(width_multiplier=0.25, normalization="frozen")
    )
    x = picture(32, 32)
    before = averages(model)
    trained = run(model, x, training=True)
    for ours, expected in zip(trained, run(model, x), strict=True):
        np.testing.assert_array_equal(ours, expected)
    np.testing.assert_array_equal(averages(model), before)


def randomize_norms(model):
    random = np.random.default_rng(2)
    for norm in trunk_layers(model, "norm"):
        norm.moving_mean.assign(random.normal(0, 0.1, norm.beta.shape))
    return model
