"""Every command of every page: its program, flags, files and names exist."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pages
import pytest
from places import ROOT, SUPPORT

from sis_keras.weights import released

COMMANDS = pages.commands()
# Words that stand for what a reader puts there.
PLACEHOLDER = re.compile(r"…|\$|\*|\b[A-Z][A-Z_]+\b")
# What pip installs, as programs of this folder.
ENTRIES = {
    f"sis-{name}": f"{name}.py"
    for name in ("deblur", "evaluate", "export", "train")
}
# Flags that name what a program writes.
WRITTEN = ("output", "write", "keep_trunk", "pack_to", "report", "directory")
# Written by the pack, on the machine that it goes to.
ELSEWHERE = {"run.flags"}


def is_ours(command):
    program = command.program
    if not command.words[0].startswith("python"):
        return program in ENTRIES
    top = program.partition(".")[0]
    return program.endswith(".py") or top in pages.FOLDERS


OURS = [command for command in COMMANDS if is_ours(command)]


def ids(command):
    return command.where


def program_of(command):
    return ENTRIES.get(command.program, command.program)


@pytest.fixture(scope="module")
def flags():
    """Of each program that a page names, as its --help lists them."""
    if not hasattr(os, "fork"):
        pytest.skip("wants fork")
    names = sorted({program_of(command) for command in OURS})
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "flags_script.py"), *names],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return {
        name: (found["status"], found["said"])
        for name, found in json.loads(done.stdout).items()
    }


def test_there_are_commands():
    assert len(OURS) > 80
    assert {"train.py", "evaluate.py", "deblur.py", "export.py"} <= {
        command.program for command in OURS
    }


def test_every_program_says_what_it_does(flags):
    wrong = {
        name: said[-300:]
        for name, (status, said) in flags.items()
        # Which is how absl's own --help ends.
        if status and not said.endswith("get a list of all flags.\n")
    }
    assert not wrong


def test_every_flag_is_one_of_its_program(flags):
    wrong = []
    for command in OURS:
        _, said = flags[program_of(command)]
        known = re.findall(r"^ {2,4}(?:-\w, )?--(?:\[no\])?(\w+)", said, re.M)
        negated = re.findall(r"^ {2,4}--\[no\](\w+)", said, re.M)
        known += [f"no{name}" for name in negated]
        known += ["any_flag", "help", "flagfile"]
        for word in command.arguments:
            name = re.match(r"--(\w+)", word)
            if name and name[1] not in known:
                wrong.append(f"{command.where}: {command.program} {word}")
    assert not wrong


def test_every_file_is_there():
    wrong = []
    for command in COMMANDS:
        program = command.program
        paths = [program] if program.endswith(".py") else []
        for word in command.arguments:
            flag, _, value = word.rpartition("=")
            if flag.lstrip("-") not in WRITTEN:
                paths += [x.rpartition(":")[2] for x in value.split(",")]
        wrong += [f"{command.where}: {x}" for x in paths if is_missing(x)]
    assert not wrong


def is_missing(path):
    """It is named as a file of the repository and is not there."""
    if PLACEHOLDER.search(path) or path in ELSEWHERE:
        return False
    named = path.endswith((".flags", ".txt", ".py"))
    below = "/" in path and path.partition("/")[0] in pages.FOLDERS
    return (named or below) and not (ROOT / path).exists()


def test_weights_with_a_name_are_released_ones():
    wrong = []
    for command in OURS:
        for word in command.arguments:
            flag, _, value = word.partition("=")
            if flag in ("--weights", "--between", "--initial_weights"):
                name = re.fullmatch(r"[a-z]\w*", value)
                if name and value not in released.manifest():
                    wrong.append(f"{command.where}: {word}")
    assert not wrong


def test_extras_and_scripts_are_there():
    """What pip, npm and sis-… take from the repository."""
    made = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = made["tool"]["setuptools"]["dynamic"]["optional-dependencies"]
    scripts = json.loads((ROOT / "demo/package.json").read_text())["scripts"]
    assert {*made["project"]["scripts"]} == {*ENTRIES}
    for command in COMMANDS:
        if command.program == "pip":
            for word in command.arguments:
                match = re.fullmatch(r"(?:\.|sis-keras)\[(.*)\]", word)
                if match:
                    assert {*match[1].split(",")} <= {*extras}, command.where
        if command.words[:2] == ("npm", "run"):
            assert command.words[2] in scripts, command.where


# === Flagfiles ===


@pytest.mark.parametrize("path", pages.FLAGFILES, ids=lambda path: path.name)
def test_a_flagfile_has_flags_of_train(path, flags):
    known = re.findall(r"^    --(?:\[no\])?(\w+)", flags["train.py"][1], re.M)
    lines = path.read_text(encoding="utf-8").splitlines()
    named = [
        re.match(r"--(\w+)", line)[1] for line in lines if line[:2] == "--"
    ]
    assert named
    assert {*named} <= {*known, "flagfile"}
