"""The commands and links of the pages, and of the heads of the flagfiles."""

import pathlib
import re
import shlex
from typing import NamedTuple

from places import ROOT

PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "datasets").glob("*/README.md"),
        ROOT / "demo/README.md",
    ]
)
FLAGFILES = sorted([*ROOT.glob("*.flags"), *(ROOT / "recipes").glob("*.flags")])
# Where a path begins that is one of the repository's.
FOLDERS = (
    "benchmarks datasets demo docs experiments recipes requirements sis_keras "
    "tests tools training"
).split()
# What a line of a block begins with, variables aside, where it is a command.
PROGRAMS = (
    "apt-get bash cd coverage curl docker export hey litert-benchmark mypy npm "
    r"pip pre-commit python python3 ray ruff saved_model_cli sis-\w+ "
    "tensorboard tensorflow_model_server"
).split()
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*=\S*")
BEGINNING = re.compile(
    rf"\(?(printf\b|({VARIABLE.pattern} )*({'|'.join(PROGRAMS)}) )"
)
OPERATORS = re.compile(r"[();<>|&]+")


class Command(NamedTuple):
    """One program and its arguments.

    Attributes:
        where: Page and line.
        line: As it stands there, continued lines joined, comment taken off.
        words: Of this program alone, quotes taken off, variables left out.
        variables: `NAME=value`, before the program.
    """

    where: str
    line: str
    words: tuple[str, ...]
    variables: tuple[str, ...] = ()

    @property
    def program(self) -> str:
        """`train.py`, `sis_keras.commands.pack`, or what is no Python."""
        if self.words[0] not in ("python", "python3"):
            return self.words[0]
        if self.words[1:2] == ("-m",):
            return self.words[2]
        return self.words[1] if len(self.words) > 1 else ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """What follows the program."""
        first = 1
        if self.words[0].startswith("python"):
            first = 3 if self.words[1:2] == ("-m",) else 2
        return self.words[first:]


def commands() -> list[Command]:
    """Of all pages and flagfiles; the changelog's are of older versions."""
    return [
        command
        for path in [*PAGES, *FLAGFILES]
        if path.name != "CHANGELOG.md"
        for where, line in lines_of(path)
        for command in parts_of(where, line)
    ]


def lines_of(path: pathlib.Path):
    """`(where, line)` of each whole command line."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT)
    if path.suffix == ".flags":
        found = head_lines(text)
    else:
        found = [*block_lines(text), *quoted_lines(text)]
    for number, line in found:
        yield f"{name}:{number}", line


def head_lines(text):
    """Of the comments: every line that begins with a program."""
    lines = [
        re.sub(r"^#\s*", "", line) if line.startswith("#") else ""
        for line in text.splitlines()
    ]
    return _joined(lines)


def block_lines(text):
    """Of what is indented by four, or fenced."""
    fenced, lines = False, []
    for line in text.splitlines():
        if line.lstrip().startswith("```"):
            fenced = not fenced
            lines.append("")
        elif fenced:
            lines.append(line)
        else:
            lines.append(line[4:] if line.startswith("    ") else "")
    inside = [
        (number, match[1])  # of YAML
        for number, line in enumerate(lines, 1)
        for match in re.finditer(r"'(sis-\w+ [^']*)'", line)
    ]
    return _joined(lines) + inside


def _joined(lines):
    """Numbers from 1 and lines of commands; `\\` and `|` at an end go on."""
    found, before = [], None
    for number, line in enumerate(lines, 1):
        if before is not None:
            start, text = before
            text += " " + line.strip()
        elif BEGINNING.match(line):
            start, text = number, line
        else:
            continue
        if text.endswith(("\\", "|")):
            before = (start, text.removesuffix("\\").rstrip())
            continue
        before = None
        found.append((start, _without_comment(text)))
    assert before is None, before
    return found


def _without_comment(line):
    return re.sub(r"\s+#(\s.*)?$", "", line).strip()


def quoted_lines(text):
    """Of `code` in sentences and tables."""
    plain = re.sub(r"^(    .*|```.*)$", "", text, flags=re.MULTILINE)
    for match in re.finditer(r"(?<!`)`([^`]+)`(?!`)", plain):
        line = " ".join(match[1].split()).replace("\\|", "|")
        if BEGINNING.match(line) or re.match(r"TF_CONFIG=", line):
            yield plain.count("\n", 0, match.start()) + 1, line


def parts_of(where: str, line: str) -> list[Command]:
    """The programs of a line that a shell would part."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    found, words = [], []
    for word in [*lexer, ";"]:
        if OPERATORS.fullmatch(word):
            if words:
                found.append(words)
            words = [] if not set(word) <= {"<", ">"} else ["<"]
        else:
            words.append(word)
    made = []
    for words in found:
        if words[0] == "<":  # A file that goes in or comes out.
            continue
        count = 0
        while count < len(words) and VARIABLE.match(words[count]):
            count += 1
        # [--resume] is a flag that may be there.
        rest = tuple(re.sub(r"^\[(.*)\]$", r"\1", x) for x in words[count:])
        if rest:
            made.append(Command(where, line, rest, tuple(words[:count])))
    return made
