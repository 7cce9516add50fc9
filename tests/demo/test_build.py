"""The page's build: what it may remove."""

import shutil
import subprocess

import pytest

from benchmarks.page import DEMO


@pytest.mark.skipif(shutil.which("node") is None, reason="wants node")
@pytest.mark.parametrize("name", ["worker.js", "notes.txt"])
def test_no_folder_of_others_is_built_into(tmp_path, name):
    if not (DEMO / "node_modules").is_dir():
        pytest.skip("wants the page's packages: cd demo && npm ci")
    folder, model = tmp_path / "mine", tmp_path / "model.tflite"
    folder.mkdir()
    model.touch()
    for mine in (name, "diary.txt"):
        (folder / mine).write_text("mine")
    command = ["npm", "run", "build", "--", f"--output={folder}"]
    done = subprocess.run(
        [*command, f"--model={model}"],
        cwd=DEMO,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "holds diary.txt" in done.stderr
    assert {path.read_text() for path in folder.iterdir()} == {"mine"}
