"""Values that are empty: most often a shell's variable that is not set.

To one library an empty path is the working folder, to another no path.
"""

import itertools
from collections.abc import Sequence
from typing import Any

from sis_keras.errors import UserError

RECEIVED = "Received: an empty one (an unset shell variable?)."


def refuse_empty_arguments(arguments: Sequence[str]) -> None:
    """Of a command line for argparse, before it is parsed.

    Raises:
        UserError: One is empty; which, and what to do.
    """
    for before, argument in zip(["", *arguments], arguments, strict=False):
        name, equals, value = argument.partition("=")
        if not argument:
            raise _empty(before if before.startswith("--") else "each path")
        if name.startswith("--") and equals and not value:
            raise _empty(name)


def refuse_empty_flags(values: Any, argv: Sequence[str]) -> None:
    """Of absl's flags, those of text, flagfiles' too; a list may be empty.

    Args:
        values: A `flags.FlagValues` that has parsed `argv`.
        argv: The command line.

    Raises:
        UserError: One is empty; which, and what to do.
    """
    # absl passes over a flagfile without a name.
    pairs = (f"{x}={y}" for x, y in itertools.pairwise(argv))
    if not {"--flagfile=", "-flagfile="}.isdisjoint([*argv, *pairs]):
        raise _empty("--flagfile")
    for name in values:
        flag = values[name]
        texts = flag.value if flag.flag_type().startswith("multi") else ()
        if "" in (texts or ()) or (flag.present and flag.value == ""):
            raise _empty(f"--{name}")


def _empty(name):
    return UserError(
        f"Expected a value for {name}. {RECEIVED} Give one, or leave it out."
    )
