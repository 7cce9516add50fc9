"""Weight files: safetensors that say which generator they belong to.

A file holds the product's variables under `generator/…`; a training
checkpoint holds more beside them (`sis_keras.checkpoint`). The metadata
carries the generator's arguments, so that a file needs no flags to be read.
"""

import json
import pathlib
from collections.abc import Callable

import keras
import numpy as np
import safetensors
import safetensors.numpy

from sis_keras.errors import UserError
from sis_keras.files import atomic_path
from sis_keras.generator import build_generator
from sis_keras.released import weight_file

FORMAT = "sis-keras-1"
GENERATOR = "generator/"


def write_tensors(path, tensors: dict, metadata: dict) -> None:
    """Writes arrays by name, and JSON metadata, all or nothing."""
    parts = encode_tensors(tensors, metadata)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.writelines(parts)


def encode_tensors(tensors: dict, metadata: dict) -> tuple:
    """Header and body of a weight file; equal for equal arguments."""
    texts = {key: json.dumps(value) for key, value in metadata.items()}
    data = safetensors.numpy.save(tensors, {"format": FORMAT, **texts})
    return _in_order(memoryview(data))


def _in_order(data):
    """Header and body of a safetensors file, the metadata sorted.

    The library writes them in random order, where equal weights are to make
    equal files.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(bytes(data[8:end]))
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, data[end:]


def read_tensors(path, prefix="") -> tuple[dict[str, np.ndarray], dict]:
    """Arrays by name, those that begin with `prefix`, and the metadata.

    Args:
        path: Of the file, or the name of released weights.
        prefix: Of the arrays wanted.

    Raises:
        UserError: The file is missing, damaged, or not of this project.
    """
    path = weight_file(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if header.pop("format", None) != FORMAT:
                raise UserError(
                    f"Expected weights of SIS-net ({FORMAT}). Received: "
                    f"{path}, which another program wrote."
                )
            tensors = {
                name: file.get_tensor(name)
                for name in file.keys()
                if name.startswith(prefix)
            }
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(
            f"Expected a whole weight file (safetensors). Received: {path}, "
            f"which does not read: {error}"
        ) from error
    return tensors, {key: json.loads(value) for key, value in header.items()}


def model_tensors(model: keras.Model, prefix: str) -> dict[str, np.ndarray]:
    """A model's variables as arrays by `prefix` and path."""
    # NumPy's own conversion of a Keras variable warns.
    return {prefix + v.path: np.asarray(v.numpy()) for v in model.variables}


def set_model_tensors(model: keras.Model, prefix: str, tensors: dict) -> None:
    """Puts arrays back into a model.

    Raises:
        UserError: Names or shapes are another model's.
    """
    expected = {prefix + v.path: v for v in model.variables}
    given = {name for name in tensors if name.startswith(prefix)}
    odd = sorted(given ^ expected.keys())
    odd += [
        name
        for name in sorted(given & expected.keys())
        if tensors[name].shape != tuple(expected[name].shape)
    ]
    if odd:
        raise UserError(
            f"Expected weights of this {model.name} ({len(expected)} "
            f"tensors). Received those of another preset or other arguments: "
            f"{len(odd)} do not fit, such as {odd[0]}."
        )
    for name, variable in expected.items():
        variable.assign(tensors[name].astype(variable.dtype))


def as_read(arguments: dict) -> dict:
    """What comes back from a file's metadata: lists where tuples were."""
    return json.loads(json.dumps(arguments))


def check_arguments(found: dict, expected: dict, source) -> None:
    """Makes sure that weights belong to the network that the user named.

    Raises:
        UserError: They do not.
    """
    expected = as_read(expected)
    for key in sorted(expected.keys() - {"seed"}):
        if found.get(key) != expected[key]:
            raise UserError(
                f"Expected weights with {key}={expected[key]!r}, as the flags "
                f"say. Received: {source}, with {key}={found.get(key)!r}. "
                "Name the preset that the file was trained as, or another "
                "file."
            )


def save_weights(path, generator, arguments: dict, card: dict) -> None:
    """Writes a generator.

    Args:
        path: Of the `.safetensors` file.
        generator: The model.
        arguments: Of `build_generator`, which rebuild it.
        card: What is to be known of it: steps, scores, preset.
    """
    tensors = model_tensors(generator, GENERATOR)
    write_tensors(path, tensors, {"arguments": arguments, "card": card})


def load_generator(path) -> tuple[keras.Model, dict]:
    """The generator of a file or released name, and the metadata."""
    tensors, metadata = read_tensors(path, GENERATOR)
    generator = build_generator(**metadata["arguments"])
    set_model_tensors(generator, GENERATOR, tensors)
    return generator, metadata


class Restorer:
    """A generator as one callable, traced once for all sizes.

    Args:
        generator: The model; its later weights are followed.
        name: What to call it in a report.
        metadata: Its file's arguments and card.
    """

    def __init__(
        self,
        generator: keras.Model,
        name: str = "",
        metadata: dict | None = None,
    ):
        import tensorflow as tf

        self.name, self.metadata = name, metadata or {}

        @tf.function(
            input_signature=[tf.TensorSpec((None, None, None, 3))],
            autograph=False,
        )
        def call(image):
            return generator(image, training=False)

        self._call = call

    def __call__(self, blurry: np.ndarray) -> np.ndarray:
        """float32 `(n, h, w, 3)` in [0, 1] to the same, clipped."""
        return self._call(blurry).numpy()


def load_restorer(source) -> Callable:
    """A restorer from released weights, a weight file, checkpoint or export.

    Args:
        source: The name of released weights, such as "sisnet_mobile", or the
            path of a file, or of a folder that `export.py` wrote.

    Returns:
        A `Restorer`, or one like it: `LiteRTRestorer`, `SavedModelRestorer`.

    Raises:
        UserError: The file is missing, damaged, or not of this project.
    """
    path = weight_file(source)
    if path.is_dir():
        from sis_keras.saved_model_restorer import SavedModelRestorer

        return SavedModelRestorer(path)
    if path.suffix == ".tflite":
        from sis_keras.litert_file import LiteRTRestorer

        return LiteRTRestorer(path)
    generator, metadata = load_generator(source)
    return Restorer(generator, pathlib.Path(source).name, metadata)
