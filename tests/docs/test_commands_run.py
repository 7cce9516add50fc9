"""Every command of every page runs, on small data.

`support/small_runs.py` says how, or why not. With all tests those run that a
reader meets first; `SIS_EVERY_COMMAND=1` runs the others, too (minutes).
"""

import os
import re
import shlex
import subprocess
import sys

import pages
import pytest
from checkout import environment, make_checkout
from places import ROOT
from small_runs import TABLE, Called, InTest, NotHere, Run

EVERY = bool(os.environ.get("SIS_EVERY_COMMAND"))


def text_of(command):
    """Without `python` and `-m`."""
    return " ".join([command.program, *command.arguments]).strip()


def row_of(text):
    """The first pattern that fits, or None."""
    return next((x for x in TABLE if re.match(x, text)), None)


COMMANDS = pages.commands()
# Each text once, at the first place where it stands.
DISTINCT = {text_of(command): command for command in reversed(COMMANDS)}
RUNS = [
    pytest.param(
        text,
        TABLE[row_of(text)],
        id=f"{command.where} {text}",
        marks=[]
        if EVERY or TABLE[row_of(text)].often
        else pytest.mark.skip("SIS_EVERY_COMMAND=1 runs it"),
    )
    for text, command in reversed(DISTINCT.items())
    if row_of(text) and isinstance(TABLE[row_of(text)], Run)
]


def test_every_command_has_a_row():
    unknown = [
        f"{command.where}: {text}"
        for text, command in DISTINCT.items()
        if row_of(text) is None
    ]
    assert not unknown


def test_every_row_has_a_command():
    used = {row_of(text) for text in DISTINCT}
    assert not set(TABLE) - used


def test_the_tests_and_steps_that_rows_name_are_there():
    steps = [".ci/run", ".github/workflows/ci.yml"]
    called = "".join((ROOT / x).read_text(encoding="utf-8") for x in steps)
    for how in TABLE.values():
        if isinstance(how, InTest):
            path, _, name = how.test.partition("::")
            assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")
        elif isinstance(how, Called):
            assert how.words in called
        elif isinstance(how, NotHere):
            assert how.why
    assert "SIS_EVERY_COMMAND" in called


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    return make_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def done_before():
    """Commands that ran because another wants them."""
    return set()


def run(words, checkout, variables=()):
    if words[0].startswith("python"):
        words = [sys.executable, *words[1:]]
    else:
        words = [os.path.join(os.path.dirname(sys.executable), words[0])] + [
            *words[1:]
        ]
    done = subprocess.run(
        words,
        capture_output=True,
        text=True,
        cwd=checkout,
        env=environment(checkout, variables),
        timeout=1800,  # Where others use the machine, too.
    )
    said = f"{shlex.join(words)}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
    assert done.returncode == 0 and "Traceback" not in done.stderr, said


@pytest.mark.parametrize("text, how", RUNS)
def test_it_runs(text, how, checkout, done_before):
    command = DISTINCT[text]
    for before in how.wants:
        if before not in done_before:
            run(shlex.split(before), checkout)
            done_before.add(before)
    number = list(DISTINCT).index(text)
    words = list(command.words)
    for old, new in how.replaced:
        words = [new if word == old else word for word in words]
    words += [flag.format(number=number) for flag in how.flags]
    run(words, checkout, command.variables)
    for name in how.makes:
        path = checkout / name.format(number=number)
        assert path.exists(), f"{path} is not there"
