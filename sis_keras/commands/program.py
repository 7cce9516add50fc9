"""How every program starts and ends: in one line, and quietly."""

import argparse
import errno
import io
import os
import pathlib
import re
import signal
import sys
from collections.abc import Callable
from typing import NoReturn

from sis_keras import __version__
from sis_keras.commands.empty import refuse_empty_arguments
from sis_keras.commands.foundations import STOPPED, STOPPED_STATUS
from sis_keras.errors import StoppedError, UserError

VERSION = f"SIS-net {__version__}"
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
    """Calls `main`; a user's mistake ends in one line and status 2.

    A signal ends it in one line and status 130; a closed pipe, as of
    `| head`, without a word and with status 141, as it ends other programs.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print_any_name()
    try:
        try:
            main()
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not _nobody_reads():
            raise  # A pipe of the program's own.
        sys.exit(128 + signal.SIGPIPE)
    except StoppedError as error:
        end(error, STOPPED_STATUS)
    except UserError as error:
        end(error)
    except KeyboardInterrupt:
        end(STOPPED, STOPPED_STATUS)
    except OSError as error:
        if error.errno not in MENDABLE:
            raise
        where = f": {error.filename}" if error.filename else ""
        end(
            f"Cannot read or write{where}: {error.strerror}. Check its "
            "rights, the length of its name and the free space, or name "
            "another; files under a final name are whole."
        )


def _nobody_reads() -> bool:
    """Whether the standard output is closed; nothing goes there any more."""
    try:
        print(flush=True)
    except BrokenPipeError:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, sys.stdout.fileno())
        return True
    return False


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


def end(message, status: int = 2) -> NoReturn:
    """One line on the standard error, and a status."""
    program = pathlib.Path(sys.argv[0]).name
    print(f"{program}: {line_of(message)}", file=sys.stderr)
    sys.exit(status)


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and which version this is."""

    def __init__(self, **options):
        super().__init__(**options)
        self.add_argument(
            "--version",
            action="version",
            version=VERSION,
            help="print the version and end",
        )

    def parse_known_args(self, args=None, namespace=None):
        """As of the class above; an empty value is a mistake."""
        try:
            refuse_empty_arguments(sys.argv[1:] if args is None else args)
        except UserError as error:
            end(error)
        return super().parse_known_args(args, namespace)

    def error(self, message):
        end(f"{message} (--help explains every flag)")
