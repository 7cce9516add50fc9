"""How every program starts and ends: quietly, and in one line."""

import argparse
import contextlib
import errno
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from typing import NoReturn

from sis_keras.errors import UserError

# A user can mend these; any other OSError is a defect of the program.
MENDABLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
)

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


def guarded(main: Callable[[], None]) -> None:
    """Calls `main`; a user's mistake ends in one line and status 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        main()
    except UserError as error:
        end(error)
    except KeyboardInterrupt:
        end("Stopped by a signal; files under a final name are whole.")
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        where = f": {error.filename}" if error.filename else ""
        end(
            f"Cannot read or write{where}: {error.strerror}. Check its rights "
            "and the free space, or name another folder; files under a final "
            "name are whole."
        )


def end(message) -> NoReturn:
    """One line on the standard error, and status 2."""
    program = pathlib.Path(sys.argv[0]).name
    print(f"{program}: {' '.join(str(message).split())}", file=sys.stderr)
    sys.exit(2)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        end(f"{message} (--help explains every flag)")
