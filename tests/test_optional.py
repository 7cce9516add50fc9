"""What is installed for which work, and what is said where it is missing."""

import os
import re
import subprocess
import sys
import tomllib

import cv2
import numpy as np
import pytest
import skimage.data
from packaging.requirements import Requirement
from PIL import Image
from places import ROOT

from sis_keras.errors import UserError
from sis_keras.optional import optional_package
from sis_keras.weights import released

FOLDER = ROOT / "requirements"
# Of the extras alone, as they are imported.
EXTRAS = (
    "ai_edge_litert ai_edge_quantizer importlib_resources ray scipy skimage "
    "tensorboard tensorflow_datasets"
)
# What restoring pictures does without; LiteRT itself wants ml_dtypes.
HEAVY = f"{EXTRAS} absl av cv2 keras safetensors tensorflow".replace(
    "ai_edge_litert ", ""
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
        # Its programs read pictures and videos.
        more = ["requirements/video.txt"] if name == "tensorflow" else []
        assert named == {"file": [f"requirements/{name}.txt", *more]}
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


# === Without TensorFlow ===

DEBLUR = "from sis_keras.commands.deblur import run\nrun()\n"


@pytest.fixture
def photograph(tmp_path):
    blurry = cv2.blur(skimage.data.astronaut()[:120, 100:301], (7, 1))
    Image.fromarray(blurry).save(tmp_path / "a.png")
    return tmp_path / "a.png"


def read(path):
    return np.asarray(Image.open(path))


@pytest.mark.parametrize(
    "end", ["a.png", "a.jpg", "a.webp", "a.tif", "a.gif", "a.bmp", "a.avif"]
)
def test_pictures_are_deblurred_without_tensorflow(photograph, end):
    blurry = Image.open(photograph)
    source = photograph.with_name(end)
    blurry.save(source)
    output = photograph.with_name(f"b{source.suffix}")
    done = python(
        DEBLUR, source, f"--output={output}", "--compare", blocked=HEAVY
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [str(output)]
    assert np.abs(read(output) - read(source).astype(float)).mean() > 0.1


def test_deep_pictures_with_hidden_colours_without_tensorflow(tmp_path):
    picture = np.full((40, 50, 4), 30000, np.uint16)
    picture[5:9, :, 3] = 0
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    done = python(DEBLUR, tmp_path / "a.png", blocked=HEAVY)
    assert done.returncode == 0, done.stderr
    found = cv2.imread(str(tmp_path / "a_deblurred.png"), cv2.IMREAD_UNCHANGED)
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found[..., 3], picture[..., 3])


def test_a_litert_file_does_not_import_tensorflow(photograph):
    """Where it is, either; and the picture is that of where it is not."""
    part = released.manifest()[released.DEFAULT_WEIGHTS]["litert"]
    file = released.FOLDER / part["file"]
    with_it, without = (photograph.with_name(x) for x in ("1.png", "2.png"))
    done = python(
        DEBLUR + "assert not {'tensorflow', 'keras'} & {*sys.modules}",
        photograph,
        f"--output={with_it}",
        f"--weights={file}",
        blocked="",
    )
    assert done.returncode == 0, done.stderr
    done = python(DEBLUR, photograph, f"--output={without}", blocked=HEAVY)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read(with_it), read(without))


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--weights=sisnet_small"], "sis-keras[tensorflow]"),
        (["--precision=bfloat16"], "an export has its own"),
    ],
)
def test_what_wants_tensorflow_says_so(photograph, arguments, words):
    done = python(DEBLUR, photograph, *arguments, blocked=HEAVY)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert words in line
    assert not photograph.with_name("a_deblurred.png").exists()


def test_videos_want_an_extra(tmp_path):
    (tmp_path / "a.mp4").touch()
    done = python(DEBLUR, tmp_path / "a.mp4", blocked=HEAVY)
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert '`pip install "sis-keras[video]"`' in line


@pytest.mark.parametrize("name", ["train", "evaluate", "export"])
def test_programs_that_want_tensorflow_say_so(name):
    code = f"from sis_keras.commands.installed import {name}\n{name}()"
    done = python(code, "--help", blocked=HEAVY)
    assert done.returncode == 2 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert '`pip install "sis-keras[tensorflow]"`' in line


def test_help_imports_neither_numpy_nor_pillow():
    done = python(DEBLUR, "--help", blocked="numpy PIL cv2 av tensorflow keras")
    assert done.returncode == 0 and "--strength" in done.stdout


def test_what_no_wheel_holds_is_said_so():
    done = python(
        "from sis_keras.commands.opening import of_repository\n"
        "of_repository('datasets.prepare')",
        blocked="datasets",
    )
    last = done.stderr.splitlines()[-1]
    assert "UserError: Expected the folder datasets/ of the repo" in last
