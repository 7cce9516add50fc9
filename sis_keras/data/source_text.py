"""The grammar of a source's text, such as `half:photographs:FOLDER`."""

import os
import re
from collections.abc import Sequence
from typing import NamedTuple

from sis_keras.errors import UserError

# What may stand before another source, and those of them with a value.
WRAPPERS = ("grey", "half", "matched", "sample", "without")
WITH_VALUE = ("sample", "without")
WITHOUT_PATH = ("skimage", "flat", "tfds")
# Of a source's text; what else has a colon is a path.
KINDS = ("photographs", "sharp", "shallow", "flow", "frames", *WITHOUT_PATH)
# Folders of the Köhler benchmark, which are no pairs; evaluate.py scores them.
BENCHMARKS = ("kohler", "single-gt")


class Leaf(NamedTuple):
    """What a source's text names when all before its path is taken off.

    Attributes:
        before: Such as `half:` or `sample:24:`, without `without:`.
        left_out: Sequences and files that `without:` names.
        kind: Such as `photographs`; empty for pairs.
        path: The rest.
    """

    before: str
    left_out: frozenset[str]
    kind: str
    path: str

    @property
    def prefix(self) -> str:
        return f"{self.before}{self.kind}:" if self.kind else self.before


def read_text(text: str) -> Leaf:
    """A source's text, taken apart; see `open_source`."""
    before, left_out = "", frozenset[str]()
    kind, colon, rest = text.partition(":")
    while colon and kind in WRAPPERS:
        if kind in WITH_VALUE:
            value, _, rest = rest.partition(":")
            if kind == "without":
                left_out |= frozenset(value.split("+"))
            else:
                before += f"{kind}:{value}:"
        else:
            before += f"{kind}:"
        text = rest
        kind, colon, rest = text.partition(":")
    if not colon or kind not in (*KINDS, *BENCHMARKS):
        kind, rest = "", text
    return Leaf(before, left_out, kind, rest)


def expanded(text: str) -> str:
    """The text with a `~` at its head and every `$VARIABLE` expanded.

    Raises:
        UserError: There is no such variable; or no path is there.
    """
    text = os.path.expanduser(os.path.expandvars(text))
    unset = re.search(r"\$\{?(\w+)", text)
    if unset and not os.path.exists(text.rpartition(":")[2]):
        raise UserError(
            f"Expected ${unset[1]} to name a folder, as {text} wants. "
            f"Received: no such environment variable. Set it, as in "
            f"`{unset[1]}=FOLDER python …`, or name the folder itself."
        )
    if not read_text(text).path:
        raise UserError(
            "Expected a source that ends with a path or a name. Received: "
            f"{text!r} (an unset shell variable?). Give it one."
        )
    return text


def is_benchmark(text: str) -> bool:
    """Whether a source's text names the Köhler benchmark."""
    leaf = read_text(text)
    prepared = leaf.kind == "tfds" and re.match(r"kohler\b", leaf.path)
    return leaf.kind in BENCHMARKS or bool(prepared)


def rejoined(parts: Sequence[str]) -> list[str]:
    """Sources' texts from a list that was parted at every comma.

    A path may have commas of its own. Of the ways to join neighbours so that
    each text names something that is there, the one that joins the least is
    taken; where there is none, nothing is joined.
    """
    found = _joined(list(parts))
    return [part.strip() for part in parts] if found is None else found


def _joined(parts):
    if not parts:
        return []
    for count in range(1, len(parts) + 1):
        text = ",".join(parts[:count]).strip()
        if _is_there(text):
            rest = _joined(parts[count:])
            if rest is not None:
                return [text, *rest]
    return None


def _is_there(text):
    """Whether a source's path exists, behind a group's name or without."""
    text = os.path.expanduser(os.path.expandvars(text))
    for ungrouped in (text, re.sub(r"^\w+=", "", text)):
        leaf = read_text(ungrouped)
        if leaf.kind in WITHOUT_PATH:
            return True
        if os.path.exists(os.path.expanduser(leaf.path)):
            return True
    return False
