"""Generators as LiteRT (TFLite) files: one size, for phones and browsers.

TensorFlow's converter writes float32; AI Edge Quantizer makes the others of
it. The last steps of the network, which add its correction to the input, stay
in float32 always: there int8 would quantise the picture itself.

| `quantize` | weights | arithmetic |
|---|---|---|
| `none` | float32 | float32 |
| `float16` | float16 | float32 |
| `dynamic` | int8, a scale a channel | int8, ranges found at run time |
| `int8` | int8, a scale a channel | int8, ranges found beforehand |
"""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

from sis_keras.command_line import muted_stderr
from sis_keras.errors import UserError

QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
IO_TYPES = ("float32", "uint8")
SIDES = (32, 4096)
# Of an int8 tensor; a layer that is used has several times as much.
LEAST_RANGE = 0.02
# Of the converter's names: what stays in float32, whatever the rest.
IN_FLOAT = r"restored\w*/(Relu|add|sub)|border_|StatefulPartitionedCall"


def fixed_model(
    generator: keras.Model, height: int, width: int, io: str = "float32"
) -> keras.Model:
    """The same function for one picture of one size.

    Args:
        generator: Of any size.
        height, width: Of the picture.
        io: Type of input and output: "float32", in [0, 1], or
            "uint8".

    Returns:
        A model from `blurry` to `{"restored": …}`, both `(1, height, width,
        3)`.
    """
    shape = (height, width, 3)
    if io == "float32":
        blurry = keras.Input(shape, 1, dtype="float32", name="blurry")
        return keras.Model(blurry, {"restored": generator(blurry)})
    blurry = keras.Input(shape, 1, dtype="uint8", name="blurry")
    rescaled = keras.layers.Rescaling
    x = rescaled(1 / 255, name="border_in")(ops.cast(blurry, "float32"))
    # Never negative, so that a cast after adding a half rounds.
    x = rescaled(255.0, 0.5, name="border_out")(generator(x))
    return keras.Model(blurry, {"restored": ops.cast(x, "uint8")})


def float32_file(model: keras.Model) -> bytes:
    """The content of a LiteRT file of a model of `fixed_model`."""
    import tensorflow as tf

    with muted_stderr(), _muted_stdout():
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()


def quantized(
    content: bytes, quantize: str, pictures: Iterable[np.ndarray] = ()
) -> bytes:
    """Another file of the same network.

    Args:
        content: Of a file of `float32_file`.
        quantize: One of `QUANTIZATIONS`.
        pictures: For int8, what ranges are found on: inputs of the file.

    Raises:
        UserError: AI Edge Quantizer is not installed.
    """
    if quantize == "none":
        return content
    quantizer = _package("ai_edge_quantizer.quantizer")
    with (
        tempfile.TemporaryDirectory() as folder,
        muted_stderr(),
        _muted_stdout(),
    ):
        path = pathlib.Path(folder, "float32.tflite")
        path.write_bytes(content)
        work = quantizer.Quantizer(str(path))
        work.load_quantization_recipe(_recipe(quantize))
        ranges = None
        if work.need_calibration:
            ranges = _extremes(
                work.calibrate({"serving_default": [{"blurry": picture}]})
                for picture in pictures
            )
        return bytes(work.quantize(ranges).quantized_model)


def _extremes(ranges):
    """Of each tensor, the least and the largest value in any picture.

    The quantizer itself takes a running mean of them, which cuts off what is
    high in half of the pictures. A tensor that is always zero, or nearly, gets
    a range: XNNPACK aborts without, and leaves out changes of scale by 256
    and more.
    """
    merged, *others = ranges
    for other in others:
        for name, found in other.items():
            if "max" in found:
                extreme = merged[name]
                extreme["min"] = np.minimum(extreme["min"], found["min"])
                extreme["max"] = np.maximum(extreme["max"], found["max"])
    for found in merged.values():
        if "max" in found:
            least = found["min"] + np.float32(LEAST_RANGE)
            found["max"] = np.maximum(found["max"], least)
    return merged


def _recipe(quantize):
    names = _package("ai_edge_quantizer.qtyping").TFLOperationName
    algorithms = _package("ai_edge_quantizer.algorithm_manager").AlgorithmName
    manager = _package("ai_edge_quantizer.recipe_manager").RecipeManager()
    every = (".*", names.ALL_SUPPORTED)
    if quantize == "float16":
        for name in (names.CONV_2D, names.CONV_2D_TRANSPOSE):
            manager.add_weight_only_config(
                ".*", name, 16, algorithm_key=algorithms.FLOAT_CASTING
            )
    elif quantize == "dynamic":
        manager.add_dynamic_config(*every, num_bits=8)
    else:
        manager.add_static_config(
            *every, activation_num_bits=8, weight_num_bits=8
        )
        for pattern, name in (
            (".*", names.INPUT),
            (".*", names.OUTPUT),
            (IN_FLOAT, names.ALL_SUPPORTED),
        ):
            manager.add_quantization_config(
                pattern, name, algorithm_key=algorithms.NO_QUANTIZE
            )
    return manager.get_quantization_recipe()


def delegation(content: bytes) -> tuple[list[str], list[str]]:
    """Kinds of the operators that XNNPACK takes, and of those that it leaves.

    Args:
        content: Of a file.
    """
    # A delegate stands in the list beside the steps that it replaces: those
    # between its inputs and its outputs.
    steps = open_interpreter(content)._get_ops_details()
    maker = {
        output: step
        for step in steps
        if step["op_name"] != "DELEGATE"
        for output in step["outputs"]
    }
    taken = set()
    for delegate in steps:
        if delegate["op_name"] != "DELEGATE":
            continue
        inputs, wanted = set(delegate["inputs"]), list(delegate["outputs"])
        while wanted:
            tensor = wanted.pop()
            step = maker.get(tensor)
            if tensor in inputs or not step or step["index"] in taken:
                continue
            taken.add(step["index"])
            wanted.extend(step["inputs"])
    delegated, left = [], []
    for step in maker.values():
        where = delegated if step["index"] in taken else left
        where.append(step["op_name"])
    return delegated, left


def open_interpreter(content: bytes, threads: int = 2):
    """LiteRT's interpreter of a file's content, its tensors allocated.

    Raises:
        UserError: The runtime is not installed, or it refuses the file.
    """
    runtime = _package("ai_edge_litert.interpreter")
    try:
        with muted_stderr():
            interpreter = runtime.Interpreter(
                model_content=content, num_threads=threads
            )
            interpreter.allocate_tensors()
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"Expected a LiteRT file that this machine runs. Received: {error}"
        ) from error
    return interpreter


def _package(name):
    """A module that is not on every platform."""
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0].replace("_", "-")
        raise UserError(
            f"Expected the package {package} for LiteRT files. Received: "
            f"{error}. `pip install {package}` brings it where it exists."
        ) from error


@contextlib.contextmanager
def _muted_stdout():
    """Keeps the converter's listing of its signature off the screen."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
