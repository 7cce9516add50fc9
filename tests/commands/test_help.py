"""--help: every flag once, in its group, with its default."""

import re
import subprocess
import sys

import pytest
from places import ROOT

import sis_keras
from sis_keras.commands.program import end

PROGRAMS = {
    "train.py": ["train.py"],
    "evaluate.py": ["evaluate.py"],
    "train_jax": ["-m", "sis_keras.commands.train_jax"],
    "release": ["-m", "sis_keras.commands.release"],
    "crop_records": ["-m", "sis_keras.commands.crop_records"],
    "pack": ["-m", "sis_keras.commands.pack"],
    "interpolate": ["-m", "sis_keras.commands.interpolate"],
}


def help_of(program):
    done = subprocess.run(
        [sys.executable, *PROGRAMS[program], "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout


def flags_in(text):
    return re.findall(r"^    --(?:\[no\])?(\w+)", text, re.MULTILINE)


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_explains_every_flag_once(program):
    text = help_of(program)
    found = flags_in(text)
    assert len(found) == len({*found}) > 20
    assert "output" in found
    assert max(map(len, text.splitlines())) <= 80
    # An indented line of words follows each flag.
    assert len(re.findall(r"^    --.*\n        \S", text, re.M)) == len(found)


def test_groups_and_defaults():
    text = help_of("train.py")
    heads = re.findall(r"^([A-Z][a-z]+): ", text, re.MULTILINE)
    assert heads == [
        "Run",
        "Data",
        "Blur",
        "Places",
        "Network",
        "Loss",
        "Game",
        "Steps",
        "Optimizer",
        "Arithmetic",
        "Work",
    ]
    game = text[text.index("\nGame: ") : text.index("\nSteps: ")]
    assert "adversarial" in flags_in(game) and "xla" not in flags_in(game)
    assert "--adversarial=ralsgan|rsgan|lsgan|wgan-gp|none" in game
    assert "<ralsgan" not in game and "[0.01]" in game


def test_evaluate_shows_its_own():
    found = flags_in(help_of("evaluate.py"))
    assert found[:2] == ["weights", "identity"]
    assert not {"learning_rate", "crop_size", "adversarial"} & {*found}


@pytest.mark.parametrize("program", [*PROGRAMS, "deblur.py", "export.py"])
def test_the_version_wants_no_other_argument(program):
    done = subprocess.run(
        [sys.executable, *PROGRAMS.get(program, [program]), "--version"],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    expected = f"SIS-net {sis_keras.__version__}\n"
    assert (done.returncode, done.stdout, done.stderr) == (0, expected, "")


def test_arguments_of_the_library_are_told_as_flags(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["path/of/train.py"])
    with pytest.raises(SystemExit):
        end("Set `perceptual_weight=0` or\n `vgg16_weights`; `git checkout x`.")
    assert capsys.readouterr().err == (
        "train.py: Set --perceptual_weight=0 or --vgg16_weights; "
        "`git checkout x`.\n"
    )
