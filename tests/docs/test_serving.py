"""The clients in docs/serving.md run as they stand there."""

import io
import os
import pathlib
import re
import shutil
import subprocess
import sys
import textwrap

import numpy as np
import pytest
from PIL import Image
from places import ROOT
from small_network import decoded, encoded, pictures, restored_pictures

from benchmarks.serving.parameters import parsed
from benchmarks.serving.stand_in import serve_rest
from sis_keras.export.saved_model import batching


def commands_of_the_docs():
    """Its indented blocks that hold code or commands."""
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in blocks]


@pytest.fixture
def blurry(small_saved_model, tmp_path, monkeypatch):
    """A picture in the working folder, where the SavedModel is, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export" / "sisnet").mkdir(parents=True)
    (tmp_path / "export" / "sisnet" / "1").symlink_to(small_saved_model)
    file = encoded(pictures((1, 40, 50))[0], "JPEG")
    pathlib.Path("blurry.jpg").write_bytes(file)
    return np.asarray(Image.open(io.BytesIO(file)))[np.newaxis]


def test_python_clients(blurry, small_restorer, served_model, grpc_address):
    clients = [x for x in commands_of_the_docs() if x.startswith("import")]
    assert len(clients) == 4
    names = {}
    with serve_rest(served_model, "sisnet") as rest:
        for client in clients:
            client = client.replace("localhost:8500", grpc_address)
            exec(client.replace("localhost:8501", rest), names)
            if "restored.png" not in client:
                continue
            path = pathlib.Path("restored.png")
            (expected,) = restored_pictures(small_restorer, blurry)
            np.testing.assert_array_equal(decoded(path.read_bytes()), expected)
            path.unlink()
    expected = restored_pictures(small_restorer, names["frames"])
    np.testing.assert_array_equal(names["restored"], expected, strict=True)


@pytest.mark.parametrize("words", ["curl -s", "saved_model_cli run"])
def test_shell_clients(blurry, small_restorer, served_model, words):
    programs = pathlib.Path(sys.executable).parent
    path = f"{programs}{os.pathsep}{os.environ['PATH']}"
    program = words.partition(" ")[0]
    if not shutil.which(program, path=path):
        pytest.skip(f"{program} is not installed")
    np.save("images.npy", blurry)
    (command,) = [x for x in commands_of_the_docs() if words in x]
    with serve_rest(served_model, "sisnet") as rest:
        subprocess.run(
            command.replace("localhost:8501", rest),
            shell=True,
            check=True,
            capture_output=True,
            env={**os.environ, "PATH": path},
        )
    if program == "curl":
        found = decoded(pathlib.Path("restored.png").read_bytes())[np.newaxis]
    else:
        found = np.load("restored.npy")
    expected = restored_pictures(small_restorer, blurry)
    np.testing.assert_array_equal(found, expected, strict=True)


def test_the_table_of_the_batching_file(small_saved_model):
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z_]+)` \| (\d+|true) \|", text, re.MULTILINE)
    assert len(rows) == 6
    settings = parsed((small_saved_model / batching.FILE).read_text())
    told = "".join(f"{name} {{ value: {value} }}\n" for name, value in rows)
    assert parsed(told) == settings
