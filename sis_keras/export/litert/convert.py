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

With `dynamic` the first and the last layers stay in float32.
"""

import contextlib
import os

import keras
from keras import ops

from sis_keras.quiet import muted_stderr


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

    with muted_stderr(), muted_stdout():
        return tf.lite.TFLiteConverter.from_keras_model(model).convert()


@contextlib.contextmanager
def muted_stdout():
    """Keeps the converter's listing of its signature off the screen."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        yield
