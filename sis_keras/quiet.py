"""Keeps what libraries print off the screen."""

import contextlib
import os
import threading
from collections.abc import Iterator

_muting = threading.Lock()


def import_tensorflow() -> None:
    """Imports TensorFlow without its greeting.

    Its C++ side greets on the standard error before any setting can stop it,
    where a user's mistake is to be one line alone.
    """
    with muted_stderr():
        import tensorflow  # noqa: F401


@contextlib.contextmanager
def muted_stderr() -> Iterator[None]:
    """Nothing reaches the standard error, not even what C code writes.

    One thread at a time: of two, the later would restore the other's silence.
    """
    with _muting:
        kept = os.dup(2)
        try:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
