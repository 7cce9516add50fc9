"""The next picture, read while the network works on this one."""

import concurrent.futures
import pathlib
from collections.abc import Callable
from typing import Generic, TypeVar

from sis_keras.restoring.areas import picture_pixels

Read = TypeVar("Read")

# Pixels of a picture for which others wait: nothing is read or written beside
# its restoration, which needs the memory.
LARGE = 2**25


def is_large(path: pathlib.Path) -> bool:
    """Whether a picture file has more pixels than that, by its head."""
    return picture_pixels(path) > LARGE


class Ahead(Generic[Read]):
    """Reads at most one file ahead, in a thread of its own.

    Args:
        executor: Has that thread.
        read: Reads a file.
    """

    def __init__(
        self,
        executor: concurrent.futures.Executor,
        read: Callable[[pathlib.Path], Read],
    ):
        self._executor, self._read = executor, read
        self._path: pathlib.Path | None = None
        self._future: concurrent.futures.Future[Read] | None = None

    def start(self, path: pathlib.Path) -> None:
        """Begins to read, unless that has begun."""
        if path != self._path or not self._future:
            self._path = path
            self._future = self._executor.submit(self._read, path)

    def take(self, path: pathlib.Path) -> Read:
        """What the file holds; it is not kept here."""
        self.start(path)
        future, self._future = self._future, None
        assert future
        return future.result()
