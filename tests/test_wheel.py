"""What `pip install .` installs, by the wheel that it makes."""

import configparser
import email
import importlib
import shutil
import subprocess
import sys
import zipfile

import pytest
from packaging.requirements import Requirement
from places import ROOT

from sis_keras.weights import released

# pytest alone has them on the path.
FOLDERS = (
    "benchmarks datasets experiments requirements sis_keras tests tools".split()
)
COMMANDS = {"sis-deblur", "sis-evaluate", "sis-export", "sis-train"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Made of a copy, as setuptools leaves folders behind."""
    copy = tmp_path_factory.mktemp("source")
    for name in FOLDERS:
        hidden = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, copy / name, ignore=hidden)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    out = copy / "wheel"
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", ".", "--no-deps"]
        + ["--no-build-isolation", f"--wheel-dir={out}"],
        cwd=copy,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (path,) = out.iterdir()
    with zipfile.ZipFile(path) as opened:
        yield opened


def read(wheel, name):
    (path,) = (x for x in wheel.namelist() if x.endswith(f".dist-info/{name}"))
    return wheel.read(path).decode()


def test_it_holds_the_package_and_nothing_else(wheel):
    found = {x for x in wheel.namelist() if ".dist-info/" not in x}
    package = ROOT / "sis_keras"
    assert found == {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert not any("test" in x.rpartition("/")[2] for x in found)


def test_it_holds_the_released_weights(wheel):
    entries = released.manifest()
    assert entries
    for entry in released.listed(entries):
        data = wheel.read(f"sis_keras/weights/files/{entry['file']}")
        assert released.fingerprint(data)["sha256"] == entry["sha256"]


def test_its_commands_exist(wheel):
    parser = configparser.ConfigParser()
    parser.read_string(read(wheel, "entry_points.txt"))
    scripts = dict(parser["console_scripts"])
    assert set(scripts) == COMMANDS
    for place in scripts.values():
        module, _, name = place.partition(":")
        assert callable(getattr(importlib.import_module(module), name))


def test_tensorflow_comes_with_its_extra_alone(wheel):
    lines = email.message_from_string(read(wheel, "METADATA"))
    every = [Requirement(x) for x in lines.get_all("Requires-Dist")]

    def brought(extra):
        return {
            x.name
            for x in every
            if x.marker is None or x.marker.evaluate({"extra": extra})
        }

    heavy = {"tensorflow", "keras", "opencv-python", "av"}
    assert not heavy & brought("")
    assert {"ai-edge-litert", "numpy", "pillow"} <= brought("")
    assert heavy <= brought("tensorflow")
