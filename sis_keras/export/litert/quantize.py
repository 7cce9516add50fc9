"""Quantised LiteRT files, by AI Edge Quantizer."""

import pathlib
import tempfile
from collections.abc import Iterable

import numpy as np

from sis_keras.export.litert.convert import muted_stdout
from sis_keras.optional import optional_package
from sis_keras.quiet import muted_stderr

# Of an int8 tensor; a layer that is used has several times as much.
LEAST_RANGE = 0.02
# Of the converter's names: what stays in float32, whatever the rest.
IN_FLOAT = (
    r"restored\w*/(Relu|add|sub)|border_|StatefulPartitionedCall"
    # Of several passes: what joins their changes, and the smaller pictures.
    r"|change_|picture_"
)
# With dynamic ranges, the first and the last layers: 8 bits of the picture
# itself, and of what is added to it, are most of the error.
OUTERMOST = r"trunk_conv_0|expanded|to_rgb"


def quantized(
    content: bytes, quantize: str, pictures: Iterable[np.ndarray] = ()
) -> bytes:
    """Another file of the same network.

    Args:
        content: Of a file of `float32_file`.
        quantize: One of `choices.QUANTIZATIONS`.
        pictures: For int8, what ranges are found on: inputs of the file.

    Raises:
        UserError: AI Edge Quantizer is not installed.
    """
    if quantize == "none":
        return content
    quantizer = _of_quantizer("quantizer")
    with (
        tempfile.TemporaryDirectory() as folder,
        muted_stderr(),
        muted_stdout(),
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


def _of_quantizer(name):
    return optional_package(f"ai_edge_quantizer.{name}", "phones")


def _recipe(quantize):
    names = _of_quantizer("qtyping").TFLOperationName
    algorithms = _of_quantizer("algorithm_manager").AlgorithmName
    manager = _of_quantizer("recipe_manager").RecipeManager()
    every = (".*", names.ALL_SUPPORTED)
    if quantize == "float16":
        for name in (names.CONV_2D, names.CONV_2D_TRANSPOSE):
            manager.add_weight_only_config(
                ".*", name, 16, algorithm_key=algorithms.FLOAT_CASTING
            )
    elif quantize == "dynamic":
        manager.add_dynamic_config(*every, num_bits=8)
        manager.add_quantization_config(
            OUTERMOST, names.ALL_SUPPORTED, algorithm_key=algorithms.NO_QUANTIZE
        )
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
