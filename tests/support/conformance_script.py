"""What conformance.py runs in a Python without TensorFlow."""

import importlib
import json
import pathlib
import sys

import no_tensorflow  # noqa: F401

# isort: split
import keras
import numpy as np

from sis_keras.weights.generators import set_model_tensors
from sis_keras.weights.tensors import read_tensors

# Weights come from files; compiling each draw would take most of the time.
keras.initializers.VarianceScaling.__call__ = lambda self, shape, dtype=None: (
    np.zeros(shape, dtype)
)


def main(folder):
    blurry = np.load(folder / "pictures.npy")
    builders = json.loads((folder / "builders.json").read_text())
    values = {}
    for name, (module, function) in builders.items():
        tensors, metadata = read_tensors(folder / f"{name}.safetensors")
        build = getattr(importlib.import_module(module), function)
        model = build(**metadata["arguments"])
        set_model_tensors(model, "network/", tensors)
        values[name] = np.asarray(model(blurry))
    assert "tensorflow" not in sys.modules
    np.savez(folder / "values.npz", **values)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
