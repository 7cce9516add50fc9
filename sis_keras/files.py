"""Files that appear under their final name only when they are complete."""

import contextlib
import glob
import os
import pathlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def atomic_path(path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`; renames it there on success.

    On any failure, Ctrl-C included, the temporary file is removed and a file
    that already stood at `path` is untouched. Missing folders are made. What
    a killed process left of the same file is removed.
    """
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = f".{path.name}.{socket.gethostname()}-"
    _remove_leftovers(path.parent, stem)
    temporary = path.with_name(f"{stem}{os.getpid()}.part")
    try:
        yield temporary
        with open(temporary, "rb") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
    except OSError as error:
        # That of a full disk names no file.
        error.filename = error.filename or str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _remove_leftovers(folder, stem):
    """Temporary files of this host's processes that live no more."""
    for leftover in folder.glob(f"{glob.escape(stem)}*.part"):
        try:
            os.kill(int(leftover.stem.removeprefix(stem)), 0)
        except ProcessLookupError:
            leftover.unlink(missing_ok=True)
        except (ValueError, PermissionError):
            pass  # Another's.
