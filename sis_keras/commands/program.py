"""How every program starts and ends: in one line, and quietly."""

import argparse
import errno
import io
import pathlib
import re
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from sis_keras.errors import UserError

# `crop_size`, or `perceptual_weight=0`; `resume` stands for `resume=True`.
ARGUMENT = re.compile(r"`([a-z][a-z0-9_]*(?:=[^`\s]*)?)`")
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
    errno.ENAMETOOLONG,
)


def guarded(main: Callable[[], None]) -> None:
    """Calls `main`; a user's mistake ends in one line and status 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print_any_name()
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
            f"Cannot read or write{where}: {error.strerror}. Check its "
            "rights, the length of its name and the free space, or name "
            "another; files under a final name are whole."
        )


def print_any_name() -> None:
    r"""Names that a terminal cannot show are printed with `\u6771` in them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def line_of(message) -> str:
    """A message in one line, with flags for the arguments that it names.

    The library knows of no flags; they have the arguments' names.
    """
    return ARGUMENT.sub(r"--\1", " ".join(str(message).split()))


def end(message) -> NoReturn:
    """One line on the standard error, and status 2."""
    program = pathlib.Path(sys.argv[0]).name
    print(f"{program}: {line_of(message)}", file=sys.stderr)
    sys.exit(2)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message):
        end(f"{message} (--help explains every flag)")
