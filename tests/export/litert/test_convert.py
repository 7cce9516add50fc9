"""LiteRT files: what they compute, and where; the runtime's own verdict."""

import functools

import keras
import numpy as np
import pytest

from benchmarks import litert as benchmark
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError
from sis_keras.export.litert import convert
from sis_keras.export.litert.choices import QUANTIZATIONS
from sis_keras.export.litert.convert import fixed_model
from sis_keras.export.litert.delegation import delegation
from sis_keras.export.litert.quantize import quantized
from sis_keras.export.litert.write import inputs, write_litert
from sis_keras.networks.generator import RestoredImage, build_generator
from sis_keras.networks.presets import preset_arguments
from sis_keras.restoring.litert import open_interpreter
from sis_keras.restoring.precision import policy_of
from sis_keras.weights.generators import save_weights

# Both sides are padded; small, because the operators are the same.
SIZE = (40, 72)


@functools.cache
def mobile():
    """Biases and output are not zero: a bias of zero is left out of a file,
    and with it the addition that a ReLU is fused to."""
    generator = build_generator(**preset_arguments("sisnet_mobile"))
    random = np.random.default_rng(0)
    for variable in generator.trainable_variables:
        if not variable.numpy().any():
            variable.assign(random.normal(0, 0.02, variable.shape))
    return generator


@functools.cache
def float32_file(io):
    model = fixed_model(mobile(), *SIZE, io)
    return convert.float32_file(model)


def file_of(quantize, io="float32"):
    pictures = inputs(open_source("skimage:test"), *SIZE, io)
    return quantized(float32_file(io), quantize, pictures)


def picture(io):
    return next(inputs(open_source("skimage:train"), *SIZE, io))


def run(content, x):
    interpreter = open_interpreter(content)
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], x)
    interpreter.invoke()
    output = interpreter.get_output_details()[0]
    return interpreter.get_tensor(output["index"])


@pytest.mark.parametrize("quantize", QUANTIZATIONS)
def test_sisnet_mobile_is_fully_delegated(quantize, tmp_path):
    content = file_of(quantize)
    path = tmp_path / "mobile.tflite"
    path.write_bytes(content)
    assert benchmark.delegation(path, runs=1)[0]
    delegated, left = delegation(content)
    assert not left
    # The trunk's and those that mix its modules; four lateral ones and the
    # deepest; the info-box; two in each of ten blocks; the last two.
    assert delegated.count("CONV_2D") == 94 + 9 + 5 + 4 + 2 * 10 + 2


@pytest.mark.parametrize(
    "quantize, least", [("none", 110), ("float16", 60), ("dynamic", 33)]
)
def test_a_file_computes_what_keras_computes(quantize, least):
    """Random weights make corrections of 0.2 and more: errors are large."""
    x = picture("float32")
    expected = mobile()(x).numpy()
    assert np.std(expected - x) > 0.05
    error = run(file_of(quantize), x) - expected
    assert -10 * np.log10(np.mean(error**2)) > least


def test_int8_follows_keras():
    x = picture("float32")
    correction = mobile()(x).numpy() - x
    found = run(file_of("int8"), x) - x
    correlation = np.corrcoef(found.ravel(), correction.ravel())[0, 1]
    assert correlation > 0.9


def test_int8_ranges_are_those_of_every_picture():
    """One bright picture among dark ones comes back bright."""
    blurry = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(3, 1, use_bias=False)(blurry)
    x = keras.layers.Conv2D(3, 1, use_bias=False)(x)
    model = keras.Model(blurry, RestoredImage(residual=False)([blurry, x]))
    model.set_weights([np.eye(3)[None, None]] * 2)
    whole = convert.float32_file(fixed_model(model, *SIZE))
    bright = np.full((1, *SIZE, 3), 0.9, np.float32)
    pictures = [bright, *[bright / 10] * 20]
    found = run(quantized(whole, "int8", pictures), bright)
    np.testing.assert_allclose(found, (np.tanh(0.9) + 1) / 2, atol=0.01)


def test_int8_of_a_dead_layer():
    """Always zero, so that it has no range of its own."""
    blurry = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(
        8,
        3,
        padding="same",
        activation="relu",
        bias_initializer=keras.initializers.Constant(-100),
    )(blurry)
    x = keras.layers.Conv2D(3, 3, padding="same", name="to_rgb")(x)
    dead = keras.Model(blurry, RestoredImage()([blurry, x]))
    whole = convert.float32_file(fixed_model(dead, *SIZE))
    pictures = inputs(open_source("skimage:test"), *SIZE, "float32")
    x = picture("float32")
    found = run(quantized(whole, "int8", pictures), x)
    np.testing.assert_allclose(found, x, atol=1e-4)


def test_uint8_in_and_out_is_rounded_and_leaves_only_casts():
    x = picture("uint8")
    content = file_of("none", "uint8")
    expected = mobile()(x / np.float32(255)).numpy() * 255
    found = run(content, x)
    assert found.dtype == np.uint8
    # A half apart at most, but for the last digits of float32.
    assert np.abs(found - expected.astype(np.float64)).max() < 0.5 + 1e-3
    assert delegation(content)[1] == ["CAST", "CAST"]


def test_names_of_the_tensors():
    interpreter = open_interpreter(float32_file("float32"))
    assert interpreter.get_signature_list() == {
        "serving_default": {"inputs": ["blurry"], "outputs": ["restored"]}
    }


def test_what_is_not_a_file_is_refused():
    with pytest.raises(UserError, match="a LiteRT file"):
        open_interpreter(b"\0" * 100)


def test_what_stays_in_float():
    """The picture itself is never int8, only the correction."""
    steps = open_interpreter(file_of("int8"))._get_ops_details()
    last = [x for x in steps if x["op_name"] != "DELEGATE"][-3:]
    assert [x["op_name"] for x in last] == ["ADD", "SUB", "SUB"]
    assert all(x["result_types"] == [np.float32] for x in last)


def test_the_policy_of_the_run_does_not_count(tmp_path):
    """As where a recipe's flagfile sets bfloat16 for a release."""
    weights = tmp_path / "tiny.safetensors"
    arguments = {"width_multiplier": 0.125, "fusion_channels": 8}
    save_weights(weights, build_generator(**arguments), arguments, {})
    pairs = open_source("flat:2")
    with policy_of("bfloat16"):
        output = tmp_path / "tiny.tflite"
        write_litert(weights, output, 64, 64, "none", "float32", pairs, pairs)
    assert output.is_file()
