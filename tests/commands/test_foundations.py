"""Without Python, packages or libraries of the system: one line."""

import ast
import os
import re
import subprocess
import sys
import tomllib

import pytest
from places import ROOT

from sis_keras.commands import foundations

PROGRAMS = ["deblur.py", "train.py", "evaluate.py", "export.py"]
# What runs before a program's own imports.
FIRST = [
    *PROGRAMS,
    "sis_keras/__init__.py",
    "sis_keras/commands/__init__.py",
    "sis_keras/commands/foundations.py",
]
FLAGS = {
    "deblur.py": ["a.png"],
    "train.py": ["--output=run"],
    "evaluate.py": ["--identity", "--test_data=pairs"],
    "export.py": ["--format=tflite", "--output=a.tflite"],
}
OLD_PYTHON = """
import runpy, sys
sys.version_info = (3, 8, 18, "final", 0)
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def line_of(program, *before, **environment):
    """What a program says in its one line; it ends with status 2."""
    name = str(ROOT / program)
    done = subprocess.run(
        [sys.executable, *before, name, *FLAGS[program]],
        capture_output=True,
        text=True,
        env=os.environ | environment,
    )
    assert done.returncode == 2, done.stderr[-2000:]
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{program}: Expected ")
    return line


@pytest.mark.parametrize(
    "program, module",
    [
        *((program, "numpy") for program in PROGRAMS[1:]),
        ("deblur.py", "PIL"),
        # Imported late, and muted.
        ("export.py", "tensorflow"),
    ],
)
def test_a_package_that_is_missing(tmp_path, program, module):
    text = f"raise ModuleNotFoundError('No {module}', name='{module}')"
    (tmp_path / f"{module}.py").write_text(text)
    line = line_of(program, PYTHONPATH=str(tmp_path))
    assert f"module {module}. Received: none in {sys.executable}" in line
    assert ".venv/bin/activate" in line and "requirements.txt" in line


def test_a_library_of_the_system_that_is_missing(tmp_path):
    for library, package in (("libGL.so.1", "libgl1"), ("libodd.so.2", None)):
        (tmp_path / "cv2.py").write_text(
            f"raise ImportError('{library}: cannot open shared object file: "
            "No such file or directory', name='cv2')"
        )
        line = line_of("evaluate.py", PYTHONPATH=str(tmp_path))
        assert library in line and "opencv-python-headless" in line
        assert (f"apt-get install {package}" in line) is bool(package)


@pytest.mark.parametrize("program", PROGRAMS)
def test_an_old_python(program):
    line = line_of(program, "-c", OLD_PYTHON)
    assert "Python 3.11 or newer. Received: 3.8.18" in line


def test_what_comes_first_runs_on_an_old_python():
    for name in FIRST:
        tree = ast.parse((ROOT / name).read_text(), feature_version=(3, 8))
        modules = {
            module
            for node in tree.body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for module in (
                [node.module]
                if isinstance(node, ast.ImportFrom)
                else [alias.name for alias in node.names]
            )
        }
        ours = {x for x in modules if x.startswith("sis_keras.commands")}
        known = {"pathlib", "re", "sys", "typing"}
        assert modules - ours <= known, name


def test_the_oldest_python_is_that_of_the_package():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    found = re.match(r">=(\d+)\.(\d+)", project["requires-python"])
    assert tuple(map(int, found.groups())) == foundations.OLDEST


@pytest.mark.parametrize(
    "error",
    [
        ModuleNotFoundError(
            "No module named 'sis_keras.x'", name="sis_keras.x"
        ),
        ImportError("cannot import name 'x' from 'keras'", name="keras"),
    ],
)
def test_defects_keep_their_trace(error):
    assert foundations.what_is_missing(error) == ""


def test_ctrl_c_while_a_program_is_imported(tmp_path):
    (tmp_path / "PIL.py").write_text("raise KeyboardInterrupt")
    done = subprocess.run(
        [sys.executable, str(ROOT / "deblur.py"), "a.png"],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(tmp_path)},
    )
    assert done.returncode == 130
    (line,) = done.stderr.splitlines()
    assert line.startswith("deblur.py: Stopped by a signal")
