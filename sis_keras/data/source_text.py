"""The grammar of a source's text, such as `half:photographs:FOLDER`."""

from typing import NamedTuple

# What may stand before another source, and those of them with a value.
WRAPPERS = ("grey", "half", "matched", "sample", "without")
WITH_VALUE = ("sample", "without")
# Of a source's text; what else has a colon is a path.
KINDS = (
    "photographs",
    "sharp",
    "flow",
    "frames",
    "skimage",
    "flat",
    "tfds",
)


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
    if not colon or kind not in KINDS:
        kind, rest = "", text
    return Leaf(before, left_out, kind, rest)
