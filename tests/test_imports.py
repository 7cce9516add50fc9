"""Networks and losses without TensorFlow: imports, and equal numbers."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import numpy as np
import pytest

import sis_keras
from sis_keras.networks.discriminator import build_discriminator
from sis_keras.networks.generator import build_generator
from sis_keras.training import losses

ROOT = pathlib.Path(sis_keras.__file__).parents[1]
MODULES = [
    "sis_keras",
    "sis_keras.networks.inception",
    "sis_keras.networks.generator",
    "sis_keras.networks.discriminator",
    "sis_keras.training.losses",
    "sis_keras.networks.presets",
    "sis_keras.training.schedules",
    "sis_keras.training.muon",
    "sis_keras.training.validation",
    "sis_keras.training.checkpoint",
    "sis_keras.training.throughput",
    "sis_keras.data.parallel_cache",
    "sis_keras.evaluation.metrics",
    "sis_keras.data.blur.synthetic",
    "sis_keras.files.video.frame_by_frame",
]
CONTENT = ("mse", "charbonnier", "ssim_loss", "frequency")

BLOCK = """
import importlib, sys

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ModuleNotFoundError(f"{name} is blocked")

sys.meta_path.insert(0, Blocker())
"""

IMPORT = """
for name in sys.argv[1].split():
    importlib.import_module(name)
try:
    import tensorflow
except ImportError:
    print("imported")
"""

# Keras keeps its own references; whoever imports TensorFlow now fails.
KERAS_FIRST = """
import keras, sys
for name in [x for x in sys.modules if x.partition(".")[0] == "tensorflow"]:
    del sys.modules[name]
"""

COMPUTE = """
import numpy as np
from sis_keras.training import losses
from sis_keras.networks.discriminator import build_discriminator
from sis_keras.networks.generator import build_generator

folder = sys.argv[1]
blurry, sharp = np.load(folder + "/pictures.npy")
generator = build_generator(
    width_multiplier=0.25,
    fusion_channels=8,
    residual_modules=True,
    residual_blocks=(1, 0, 0, 1),
)
generator.load_weights(folder + "/generator.weights.h5")
discriminator = build_discriminator()
discriminator.load_weights(folder + "/discriminator.weights.h5")
assert "tensorflow" not in sys.modules
values = {
    name: np.asarray(getattr(losses, name)(sharp, blurry))
    for name in ("mse", "charbonnier", "ssim_loss", "frequency")
}
values["restored"] = np.asarray(generator(blurry))
values["score"] = np.asarray(discriminator(blurry))
np.savez(folder + "/values.npz", **values)
"""


def run(code, argument, backend):
    """Runs `code` in a fresh Python whose Keras has another backend."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": str(ROOT),
    }
    result = subprocess.run(
        [sys.executable, "-c", code, argument],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_our_modules_import_no_tensorflow():
    printed = run(KERAS_FIRST + BLOCK + IMPORT, " ".join(MODULES), "tensorflow")
    assert printed.split()[-1] == "imported"


# Keras cannot be imported at all with neither TensorFlow nor one of these;
# its NumPy backend borrows the convolutions of JAX.
needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None,
    reason="Keras without TensorFlow needs JAX, which is not installed",
)


@needs_jax
@pytest.mark.parametrize("backend", ["numpy", "jax"])
def test_imports_without_tensorflow(backend):
    printed = run(BLOCK + IMPORT, " ".join(MODULES), backend)
    assert printed.split()[-1] == "imported"


@needs_jax
def test_numpy_backend_computes_the_same(tmp_path):
    random = np.random.default_rng(0)
    pictures = random.random((2, 1, 33, 40, 3), dtype=np.float32)
    blurry, sharp = pictures
    generator = build_generator(
        width_multiplier=0.25,
        fusion_channels=8,
        residual_modules=True,
        residual_blocks=(1, 0, 0, 1),
    )
    for layer in generator.layers:
        # Those that start at zero.
        if hasattr(layer, "kernel") and not np.any(layer.get_weights()[0]):
            shape = layer.kernel.shape
            size = 0.2 if layer.name == "to_rgb" else 0.03
            layer.kernel.assign(random.normal(0, size, shape))
    discriminator = build_discriminator()
    np.save(tmp_path / "pictures.npy", pictures)
    generator.save_weights(tmp_path / "generator.weights.h5")
    discriminator.save_weights(tmp_path / "discriminator.weights.h5")
    run(BLOCK + COMPUTE, str(tmp_path), "numpy")
    computed = np.load(tmp_path / "values.npz")
    restored = generator(blurry).numpy()
    assert np.abs(restored - blurry).mean() > 0.01
    np.testing.assert_allclose(computed["restored"], restored, atol=1e-4)
    score = discriminator(blurry).numpy()
    np.testing.assert_allclose(computed["score"], score, atol=1e-5)
    for name in CONTENT:
        loss = getattr(losses, name)(sharp, blurry).numpy()
        np.testing.assert_allclose(computed[name], loss, rtol=1e-4)
