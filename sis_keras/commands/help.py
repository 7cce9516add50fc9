"""What --help prints: flags in groups, each with its default."""

import re
import textwrap
from collections.abc import Collection, Iterable
from typing import NamedTuple

from absl import flags

WIDTH = 79
INDENT = " " * 8
KINDS = {
    "string": "TEXT",
    "int": "N",
    "float": "NUMBER",
    "comma separated list of strings": "A,B,…",
    "multi string": "TEXT",
}


class Group(NamedTuple):
    """Flags that belong together.

    Attributes:
        title: Such as "Loss".
        sentence: What they are about.
        first: How many flags were declared before.
    """

    title: str
    sentence: str
    first: int


def text(
    head: str,
    groups: Iterable[Group],
    shared: list[flags.Flag],
    own: list[flags.Flag],
    taken: Collection[str] | None = None,
) -> str:
    """The whole help of a program.

    Args:
        head: What it does.
        groups: Of the shared flags, in the order of their declaration.
        shared: Flags that several programs take.
        own: Those that only this one takes.
        taken: Names of the shared ones that mean something to it; None: all.
    """
    parts = [head.strip()]
    if own:
        parts.append("\n".join(["This program", *map(_flag, own)]))
    groups = list(groups)
    ends = [group.first for group in groups[1:]] + [len(shared)]
    for group, end in zip(groups, ends, strict=True):
        shown = [
            _flag(flag)
            for flag in shared[group.first : end]
            if taken is None or flag.name in taken
        ]
        if shown:
            line = f"{group.title}: {group.sentence}"
            parts.append("\n".join([textwrap.fill(line, WIDTH), *shown]))
    if taken is not None:
        parts.append("The other flags of train.py are taken and not used.")
    parts.append("--version prints the version.")
    return "\n\n".join(parts)


def _flag(flag):
    name = f"--{flag.name}"
    if flag.boolean:
        name = f"--[no]{flag.name}"
    elif isinstance(flag, flags.EnumFlag):
        name += f"={'|'.join(flag.parser.enum_values)}"
    else:
        name += f"={KINDS[flag.flag_type()]}"
    # absl puts the choices before the words.
    words = re.sub(r"^<[^>]*>: ", "", flag.help)
    if flag.default not in (None, [], "", False):
        default = flag.default_as_str.strip("'").replace("true", "on")
        words = f"{words} [{default}]"
    words = textwrap.fill(
        words, WIDTH, initial_indent=INDENT, subsequent_indent=INDENT
    )
    return f"    {name}\n{words}"
