"""What does without TensorFlow: imports, and equal losses."""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest
from places import ROOT, SUPPORT

from sis_keras.training import losses

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
CONTENT = ("mse", "charbonnier", "negative_psnr", "ssim_loss", "frequency")

BLOCK = "import importlib, sys, no_tensorflow\n"

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

folder = sys.argv[1]
blurry, sharp = np.load(folder + "/pictures.npy")
values = {
    name: np.asarray(getattr(losses, name)(sharp, blurry))
    for name in sys.argv[2].split()
}
assert "tensorflow" not in sys.modules
np.savez(folder + "/values.npz", **values)
"""


def run(code, backend, *arguments):
    """Runs `code` in a fresh Python whose Keras has another backend."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(SUPPORT)]),
    }
    result = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_our_modules_import_no_tensorflow():
    code = KERAS_FIRST + BLOCK + IMPORT
    printed = run(code, "tensorflow", " ".join(MODULES))
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
    printed = run(BLOCK + IMPORT, backend, " ".join(MODULES))
    assert printed.split()[-1] == "imported"


@needs_jax
def test_losses_on_numpy_are_the_same(tmp_path):
    random = np.random.default_rng(0)
    pictures = random.random((2, 1, 33, 40, 3), dtype=np.float32)
    blurry, sharp = pictures
    np.save(tmp_path / "pictures.npy", pictures)
    run(BLOCK + COMPUTE, "numpy", str(tmp_path), " ".join(CONTENT))
    computed = np.load(tmp_path / "values.npz")
    for name in CONTENT:
        loss = getattr(losses, name)(sharp, blurry).numpy()
        np.testing.assert_allclose(computed[name], loss, rtol=1e-4)
