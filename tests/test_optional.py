"""What is installed for which work, and what is said where it is missing."""

import os
import re
import subprocess
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from places import ROOT

from sis_keras.errors import UserError
from sis_keras.optional import optional_package

FOLDER = ROOT / "requirements"
# Of the extras alone, as they are imported.
EXTRAS = (
    "ai_edge_litert ai_edge_quantizer importlib_resources ray scipy skimage "
    "tensorboard tensorflow_datasets"
)
BLOCK = """
import sys

blocked = sys.argv.pop(1).split()

class Blocker:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in blocked:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)

sys.meta_path.insert(0, Blocker())
"""


def listed(path):
    lines = path.read_text().splitlines()
    return [Requirement(re.sub(r"\s+#.*", "", line)) for line in lines]


def python(code, *arguments, blocked=EXTRAS):
    return subprocess.run(
        [sys.executable, "-c", BLOCK + code, blocked, *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


# === What is installed ===


def test_requirements_are_base_and_all_extras():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    dynamic = project["tool"]["setuptools"]["dynamic"]
    files = {
        "base": dynamic["dependencies"],
        **dynamic["optional-dependencies"],
    }
    for name, named in files.items():
        assert named == {"file": [f"requirements/{name}.txt"]}
    assert {path.stem for path in FOLDER.iterdir()} == set(files)
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert sorted(lines) == sorted(f"-r requirements/{x}.txt" for x in files)


def test_bounds_are_the_same_in_every_extra():
    bounds = {}
    for path in FOLDER.iterdir():
        for requirement in listed(path):
            assert "<" in str(requirement.specifier), requirement
            found = bounds.setdefault(requirement.name, requirement)
            assert str(found) == str(requirement)


def test_base_has_nothing_of_the_extras():
    base = {x.name for x in listed(FOLDER / "base.txt")}
    for path in FOLDER.iterdir():
        assert path.stem == "base" or not base & {x.name for x in listed(path)}


# === What is missing ===


def test_missing_package_names_its_extra():
    with pytest.raises(UserError) as caught:
        optional_package("no_such_package.part", "phones")
    assert str(caught.value) == (
        "Expected the package no_such_package. Received: No module named "
        "'no_such_package'. `pip install \"sis-keras[phones]\"` brings it "
        "where it exists."
    )


@pytest.mark.parametrize(
    "code, extra",
    [
        (
            "from sis_keras.restoring.litert import open_interpreter\n"
            "open_interpreter(b'')",
            "phones",
        ),
        (
            "from sis_keras.data.open_source import open_source\n"
            "open_source('skimage:test')",
            "training",
        ),
        (
            "from datasets.prepare import make_builder\nmake_builder('gopro')",
            "training",
        ),
        (
            "import numpy as np\n"
            "from sis_keras.evaluation.metrics import score\n"
            "grey = np.zeros((16, 16, 3), np.uint8)\n"
            "assert score(grey, grey, ['shift_red'])['shift_red'] == 0\n"
            "score(grey, grey, ['ciede2000'])",
            "training",
        ),
        (
            "from sis_keras.restoring.on_ray import RayRun\n"
            "RayRun(None, 'auto', 1)([None])",
            "ray",
        ),
    ],
)
def test_what_wants_an_extra_says_so(code, extra):
    done = python(code)
    last = done.stderr.splitlines()[-1]
    assert last.startswith("sis_keras.errors.UserError: Expected the package")
    assert f'`pip install "sis-keras[{extra}]"`' in last


def test_kohler_without_scipy(tmp_path):
    (tmp_path / "old.mat").write_bytes(bytes(200))
    done = python(
        "from datasets.kohler.ground_truth import read_mat_frames\n"
        "list(read_mat_frames(sys.argv[1]))",
        tmp_path / "old.mat",
        blocked="scipy",
    )
    assert '`pip install "sis-keras[kohler]"`' in done.stderr


def test_deblurring_wants_no_extra(tmp_path):
    from PIL import Image

    Image.new("RGB", (40, 24), "teal").save(tmp_path / "a.png")
    done = python(
        "from sis_keras.commands.deblur import run\nrun()",
        tmp_path / "a.png",
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a_deblurred.png").exists()
