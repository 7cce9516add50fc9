"""The order of numbered names: `frame2` before `frame10`."""

import pathlib
import re
from collections.abc import Iterable


def in_natural_order(paths: Iterable[pathlib.Path]) -> list[pathlib.Path]:
    """Files that follow each other, by the numbers in their names."""
    return sorted(paths, key=lambda path: (natural(path.stem), path.name))


def natural(name: str) -> list[str | int]:
    """What sorts names: words and numbers by turns, so like meets like."""
    parts = re.split(r"(\d+)", name, flags=re.ASCII)
    return [int(part) if n % 2 else part for n, part in enumerate(parts)]
