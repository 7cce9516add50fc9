"""The driver: what lacks something says so; the document's tables."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image
from places import ROOT

from experiments import all as driver
from experiments.command import Settings, parser, settings_of
from experiments.document import write_into
from sis_keras.errors import UserError

MARKS = "# Head\n<!-- one -->\nold\n<!-- end one -->\nafter\n"


def test_what_lacks_its_data_says_so(tmp_path, monkeypatch):
    class Missing:
        @staticmethod
        def run(*_):
            raise UserError("Expected `vgg16_weights`.\nReceived: none.")

    monkeypatch.setattr("importlib.import_module", lambda name: Missing)
    settings = Settings(tmp_path)
    assert driver.row("table4", settings) == "not run: needs --kohler\n"
    words = "not run: Expected --vgg16_weights. Received: none.\n"
    assert driver.row("table2", settings) == words


def test_those_that_take_data_get_them(tmp_path, monkeypatch):
    class Given:
        @staticmethod
        def run(*given):
            return repr(given)

    monkeypatch.setattr("importlib.import_module", lambda name: Given)
    settings = Settings(
        tmp_path, kohler="benchmark", test_data="pairs", limit=2
    )
    for name, data in (("table4", "benchmark"), ("figure8", "pairs")):
        expected = repr((tmp_path, "sisnet_mobile", data, 2))
        assert driver.row(name, settings) == expected


def test_each_row_of_the_document_has_its_marks():
    text = (ROOT / "docs/reproduction.md").read_text(encoding="utf-8")
    for name in ("head", *driver.ROWS):
        start, end = f"<!-- {name} -->", f"<!-- end {name} -->"
        assert text.count(start) == text.count(end) == 1
        assert text.index(start) < text.index(end)


def test_a_part_takes_the_old_ones_place(tmp_path, monkeypatch):
    monkeypatch.setenv("SIS_DATA", "/some/where/data")
    document, output = tmp_path / "docs/page.md", tmp_path / "out"
    document.parent.mkdir()
    output.mkdir()
    document.write_text(MARKS)
    grey = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    grey[..., 1:] = grey[..., :1]
    Image.fromarray(grey).save(output / "plot.png")
    part = f"new, /some/where/data/test, {output}/x\n"
    part += "![words](plot.png)\n"
    for _ in range(2):
        write_into(document, {"one": part}, output)
        assert document.read_text() == (
            "# Head\n<!-- one -->\nnew, $SIS_DATA/test, OUTPUT/x\n"
            "![words](reproduction/plot.png)\n<!-- end one -->\nafter\n"
        )
    copied = Image.open(tmp_path / "docs/reproduction/plot.png").convert("RGB")
    np.testing.assert_array_equal(copied, grey)  # Of 16 greys at most.


def test_a_document_without_the_marks_stays(tmp_path):
    document = tmp_path / "page.md"
    with pytest.raises(UserError, match="does not exist"):
        write_into(document, {"one": "x"}, tmp_path)
    document.write_text(MARKS)
    with pytest.raises(UserError, match="<!-- two -->"):
        write_into(document, {"one": "x", "two": "x"}, tmp_path)
    assert document.read_text() == MARKS


def test_arguments_and_their_defaults():
    given = parser("x").parse_args(["--size=small", "--train_data=pairs"])
    settings = settings_of(given)
    assert settings.output == pathlib.Path("runs/experiments/small")
    assert settings.steps == 2000 and settings.limit is None
    assert settings.train == ("--train_data=pairs",)
    assert settings.validation[0].startswith("--validation_data=half:sample:1:")
    with pytest.raises(UserError, match="--budget above 0. Received: -1"):
        settings_of(parser("x").parse_args(["--budget=-1"]))


def test_an_unknown_row_is_a_users_mistake():
    done = subprocess.run(
        [sys.executable, "-m", "experiments.all", "--only=table9"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "Received: table9" in done.stderr and "Traceback" not in done.stderr


def test_a_row_that_nobody_wrote_says_so(tmp_path):
    said = driver.row("table9", Settings(tmp_path))
    assert said == "not run: there is no experiments/table9.py\n"
