"""What every network has to do, whatever it computes.

Each check raises where a network fails it. Networks are compared where their
weights are random, zeros and averages included, so that no part is without
effect.
"""

import dataclasses
import functools
import json
import os
import subprocess
import sys
from collections.abc import Callable

import keras
import numpy as np
from places import ROOT, SUPPORT

from sis_keras.export.litert.convert import fixed_model, float32_file
from sis_keras.networks.passes import network_of
from sis_keras.restoring.litert import open_interpreter
from sis_keras.weights.generators import model_tensors, set_model_tensors
from sis_keras.weights.tensors import read_tensors, write_tensors

PREFIX = "network/"
# Both sides are odd, padded, and cut by each pool.
ODD = (33, 70)
# The largest error, as a part of a network's effect. A rounding of bfloat16
# errs by 1/512 at most, of float16 by 1/4096.
PRECISIONS = {"mixed_bfloat16": 0.03, "mixed_float16": 0.004}


@dataclasses.dataclass(frozen=True)
class Network:
    """One to check.

    Attributes:
        build: Makes it of keyword arguments.
        arguments: The keyword arguments.
        sizes: Of pictures that it has to take; the first is the smallest.
        multiple: What it pads pictures to, where it makes a picture.
    """

    build: Callable[..., keras.Model]
    arguments: dict
    sizes: tuple = ((1, 1), (64, 2), ODD)
    multiple: int | None = None

    @functools.cached_property
    def model(self):
        """With random weights; no check may change it."""
        return randomized(self.build(**self.arguments))

    def made_of(self, x):
        return run(self.model, x)

    @functools.cached_property
    def expected(self):
        """What it makes of `pictures(*ODD)`."""
        return self.made_of(pictures(*ODD))


def randomized(model, seed=0):
    """Puts random numbers where a fresh model has equal ones."""
    random = np.random.default_rng(seed)
    for variable in model.variables:
        if np.ptp(variable.numpy()):
            continue
        if "moving_variance" in variable.path:
            variable.assign(random.uniform(0.5, 2, variable.shape))
        else:
            # So small that the picture is not all black and white.
            size = 0.007 if variable.name == "kernel" else 0.03
            variable.assign(random.normal(0, size, variable.shape))
    return model


def pictures(height, width, count=2):
    random = np.random.default_rng(0)
    return random.random((count, height, width, 3), dtype=np.float32)


def run(model, x):
    return np.asarray(keras.ops.convert_to_numpy(model(x)))


# === Files ===


def check_keras_file(network, folder):
    """A `.keras` file holds function and weights."""
    path = folder / "network.keras"
    network.model.save(path)
    loaded = keras.saving.load_model(path)
    found = run(loaded, pictures(*ODD))
    np.testing.assert_allclose(found, network.expected, rtol=0, atol=1e-6)


def write_weights(network, path):
    tensors = model_tensors(network.model, PREFIX)
    write_tensors(path, tensors, {"arguments": network.arguments})


def read_weights(network, path, policy="float32"):
    """Another model, from the arguments that are in the file."""
    tensors, metadata = read_tensors(path, PREFIX)
    keras.config.set_dtype_policy(policy)
    try:
        model = network.build(**metadata["arguments"])
    finally:
        keras.config.set_dtype_policy("float32")
    set_model_tensors(model, PREFIX, tensors)
    return model


def check_weight_file(network, loaded):
    """Weights came back bit for bit, into the network that the file names."""
    ours, theirs = (model_tensors(x, "") for x in (network.model, loaded))
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        np.testing.assert_array_equal(theirs[name], value, strict=True)


# === Names ===


def check_names(network, later):
    """Equal in a model made later: Keras numbers layers that have none by how
    many were made before."""
    for names in (
        lambda model: [layer.name for layer in model.layers],
        lambda model: [variable.path for variable in model.variables],
    ):
        assert names(network.model) == names(later)
        assert len(set(names(later))) == len(names(later))


# === Pictures ===


def check_sizes(network):
    """Any from the smallest; a picture is what reflecting and cutting give."""
    for height, width in network.sizes:
        x = pictures(height, width, count=1)
        found = network.made_of(x)
        assert found.dtype == np.float32 and np.isfinite(found).all()
        if network.multiple is None:
            assert found.shape == (1, 1)
            continue
        after = [(0, -size % network.multiple) for size in (height, width)]
        padded = np.pad(x, ((0, 0), *after, (0, 0)), mode="reflect")
        whole = network.made_of(padded)
        np.testing.assert_allclose(
            found, whole[:, :height, :width], rtol=0, atol=1e-5, strict=True
        )
        assert np.abs(found - x).max() > 1e-3


def check_batch(network):
    """Pictures of a batch know nothing of each other."""
    x = pictures(*ODD)
    alone = np.concatenate([network.made_of(x[:1]), network.made_of(x[1:])])
    np.testing.assert_allclose(network.expected, alone, rtol=0, atol=1e-5)
    assert np.ptp(alone, axis=0).max() > 1e-4


# === Arithmetic ===


def check_precision(network, model, policy):
    """float32 comes out, near what float32 gives; within, it is 16 bits.

    Args:
        network: In float32.
        model: The same under the policy.
        policy: Of PRECISIONS.
    """
    layers = network_of(model).layers
    computing = {x.compute_dtype for x in layers if hasattr(x, "kernel")}
    assert computing == {policy.removeprefix("mixed_")}
    x = pictures(*ODD)
    found = run(model, x)
    assert found.dtype == np.float32
    expected = network.expected
    # Without the pictures themselves, to which most networks add.
    effect = expected - (x if network.multiple else 0.0)
    error = np.sqrt(np.mean((found - expected) ** 2) / np.mean(effect**2))
    assert 0 < error < PRECISIONS[policy]


def jax_values(networks, folder):
    """By name, what each network makes of a picture, on Keras's JAX backend
    in a process without TensorFlow."""
    builders = {}
    for name, network in networks.items():
        write_weights(network, folder / f"{name}.safetensors")
        builders[name] = [network.build.__module__, network.build.__name__]
    (folder / "builders.json").write_text(json.dumps(builders))
    np.save(folder / "pictures.npy", pictures(*ODD))
    done = subprocess.run(
        [sys.executable, SUPPORT / "conformance_script.py", folder],
        env={
            **os.environ,
            "KERAS_BACKEND": "jax",
            "PYTHONPATH": str(ROOT),
            # It compiles each operator, and runs it once.
            "XLA_FLAGS": "--xla_backend_optimization_level=0",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return np.load(folder / "values.npz")


def check_jax(network, value):
    np.testing.assert_allclose(
        value, network.expected, rtol=0, atol=1e-4, strict=True
    )


def check_litert(network):
    """A LiteRT file of one size computes what Keras does."""
    x = pictures(*ODD)[:1]
    interpreter = open_interpreter(
        float32_file(fixed_model(network.model, *ODD))
    )
    runner = interpreter.get_signature_runner()
    (found,) = runner(blurry=x).values()
    np.testing.assert_allclose(
        found, network.expected[:1], rtol=0, atol=2e-5, strict=True
    )
