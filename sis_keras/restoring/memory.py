"""How much memory there is to take, where a container limits it too."""

import pathlib
from collections.abc import Iterator
from typing import NamedTuple

import psutil

# Libraries and weights; measured by `python -m benchmarks.tiles`.
PROCESS_BYTES = 900 * 2**20
# Of the memory that the machine has free when no limit is given; of what a
# container allows, which no other program takes.
SHARE_OF_FREE_MEMORY = 0.5
SHARE_OF_A_CONTAINER = 0.9
# 100 megapixels pass in it; twice as much makes them faster by a tenth, and
# smaller pictures not at all.
MOST_BYTES = 2 * 2**30
# What version 1 says where there is no limit.
UNLIMITED = 2**60


def default_limit() -> int:
    """Bytes that this process may take in all when nobody says."""
    free = psutil.virtual_memory().available
    limit = PROCESS_BYTES + SHARE_OF_FREE_MEMORY * free
    room = container_room()
    if room is not None:
        taken = psutil.Process().memory_info().rss
        limit = min(limit, SHARE_OF_A_CONTAINER * (room + taken))
    return int(min(limit, MOST_BYTES))


def container_room(root: str = "/") -> int | None:
    """Bytes that control groups leave to this process; None is no limit.

    Args:
        root: Where `proc` and `sys` are mounted.
    """
    rooms = []
    for folder, names in _groups(pathlib.Path(root)):
        limits = [_number(folder / name) for name in names.limits]
        used = _number(folder / names.used)
        if used is None:
            continue
        used -= _reclaimable(folder / "memory.stat", names.reclaimable)
        rooms += [
            max(limit - used, 0)
            for limit in limits
            if limit is not None and limit < UNLIMITED
        ]
    return min(rooms, default=None)


class Names(NamedTuple):
    """How a version of control groups calls its files."""

    place: str
    limits: tuple[str, ...]
    used: str
    reclaimable: str


VERSION_1 = Names(
    "sys/fs/cgroup/memory",
    ("memory.limit_in_bytes",),
    "memory.usage_in_bytes",
    "total_inactive_file",
)
VERSION_2 = Names(
    "sys/fs/cgroup",
    ("memory.max", "memory.high"),
    "memory.current",
    "inactive_file",
)


def _groups(root: pathlib.Path) -> Iterator[tuple[pathlib.Path, Names]]:
    """The folders of this process's group and of those that it is in."""
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if "memory" in controllers.split(","):
            names = VERSION_1
        elif number == "0" and not controllers:
            names = VERSION_2
        else:
            continue
        top = root / names.place
        # Inside a container its own group may be mounted as the top.
        folder = top / path.lstrip("/")
        while folder != top and top in folder.parents:
            yield folder, names
            folder = folder.parent
        yield top, names


def _number(path):
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # No such file, or "max".
        return None


def _reclaimable(path, name):
    """What of the used memory is a copy of files, and goes when asked for."""
    try:
        words = path.read_text().split()
    except OSError:
        return 0
    if name not in words[:-1]:
        return 0
    return int(words[words.index(name) + 1])
