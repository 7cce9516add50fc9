"""Generators to weight files and back."""

import inspect
import json

import keras
import numpy as np

from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.weights.tensors import read_tensors, write_tensors

GENERATOR = "generator/"
_DEFAULTS = {
    name: parameter.default
    for name, parameter in inspect.signature(build_generator).parameters.items()
}


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


def _in_full(arguments):
    """With the default of each that is not named, which files of before lack.

    Without what changes no function of the weights.
    """
    arguments = as_read(_DEFAULTS | arguments)
    without = {"seed", "name", "synchronized"}
    return {k: v for k, v in arguments.items() if k not in without}


def check_arguments(found: dict, expected: dict, source) -> None:
    """Makes sure that weights belong to the network that the user named.

    Args:
        found, expected: Of `build_generator`; what is left out is its default.
        source: Of the weights, for the message.

    Raises:
        UserError: They do not.
    """
    expected, found = (_in_full(x) for x in (expected, found))
    for key in sorted(expected.keys() | found.keys()):
        if found.get(key) != expected.get(key):
            raise UserError(
                f"Expected weights with {key}={expected.get(key)!r}. "
                f"Received: {source}, with {key}={found.get(key)!r}. "
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
