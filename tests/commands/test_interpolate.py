"""Weights between two, as a program."""

import subprocess
import sys

from places import ROOT

from sis_keras.weights import released
from sis_keras.weights.generators import load_generator

PROGRAM = [sys.executable, "-m", "sis_keras.commands.interpolate"]


def interpolate(*flags):
    return subprocess.run(
        [*PROGRAM, *flags], capture_output=True, text=True, cwd=ROOT
    )


def test_it_writes_a_weight_file(tmp_path):
    path = tmp_path / "same.safetensors"
    done = interpolate(
        "--between=sisnet_mobile", "--between=sisnet_mobile", f"--write={path}"
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"Wrote {path}.\n"
    card = load_generator(path)[1]["card"]
    assert card["interpolated"]["from"] == "sisnet_mobile"
    assert card["interpolated"]["share"] == 0.5
    of_both = set(released.manifest()["sisnet_mobile"]["card"]["train_data"])
    assert of_both <= set(card["interpolated"]["train_data"])


def test_a_mistake_is_one_line(tmp_path):
    path = tmp_path / "none.safetensors"
    done = interpolate("--between=sisnet_mobile", f"--write={path}")
    assert done.returncode == 2
    assert done.stderr == (
        "interpolate.py: Expected --between twice: what to begin from, and "
        "what to go to. Received: 1.\n"
    )
    assert not path.exists()
