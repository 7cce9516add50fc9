"""The first lines in docs/troubleshooting.md are those of the programs."""

import ast
import re

import pytest
from places import ROOT

from sis_keras.commands.program import line_of

PAGE = ROOT / "docs/troubleshooting.md"
# Of Python, the dynamic linker and absl.
OTHERS = ("ImportError: libGL.so.1", "Unknown command line flag")


def said():
    """Every text in the library, with flags for the arguments it names."""
    for path in (ROOT / "sis_keras").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield line_of(node.value)


def first_lines():
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)
    return [x for x in found if not x.startswith(OTHERS)]


TEXTS = [*said()]
LINES = first_lines()


def test_there_are_lines():
    assert len(LINES) > 20


@pytest.mark.parametrize("line", LINES)
def test_a_program_says_it(line):
    """What stands between the dots, each in some text of the library."""
    for part in line.split("…"):
        # What is expected may be a text of its own.
        words = part.strip().removeprefix("Expected ")
        assert any(words in text for text in TEXTS), words
