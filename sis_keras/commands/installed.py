"""The programs that want TensorFlow, of this folder or as pip installs them.

What is missing is said in one line before anything of it is imported.
"""

import importlib

from sis_keras.commands.program import guarded
from sis_keras.optional import require

PACKAGES = ("tensorflow", "keras", "absl", "av", "cv2", "safetensors")


def train() -> None:
    """train.py, or sis-train."""
    _run("train")


def evaluate() -> None:
    """evaluate.py, or sis-evaluate."""
    _run("evaluate")


def export() -> None:
    """export.py, or sis-export."""
    _run("export")


def _run(name):
    guarded(_check)
    importlib.import_module(f"sis_keras.commands.{name}").run()


def _check():
    for package in PACKAGES:
        require(package, "tensorflow")
