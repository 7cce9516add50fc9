"""Files and folders that appear under their final name only when complete."""

import contextlib
import glob
import os
import pathlib
import shutil
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def atomic_path(path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`; renames it there on success.

    On any failure, Ctrl-C included, the temporary file is removed and a file
    that already stood at `path` is untouched. Missing folders are made. What
    a killed process left of the same file is removed.
    """
    with _temporary_beside(path) as temporary:
        yield temporary
        _flush(temporary)
        os.replace(temporary, path)


@contextlib.contextmanager
def atomic_folder(path) -> Iterator[pathlib.Path]:
    """Yields an empty folder beside `path`; renames it there on success.

    The same for a whole folder. What stands at `path` must be an empty
    folder or nothing.
    """
    with _temporary_beside(path) as temporary:
        temporary.mkdir()
        yield temporary
        for written in temporary.rglob("*"):
            if written.is_file():
                _flush(written)
        os.replace(temporary, path)


@contextlib.contextmanager
def _temporary_beside(path):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    stem = f".{path.name}.{socket.gethostname()}-"
    _remove_leftovers(path.parent, stem)
    temporary = path.with_name(f"{stem}{os.getpid()}.part")
    try:
        yield temporary
    except OSError as error:
        # That of a full disk names no file.
        error.filename = error.filename or str(path)
        raise
    finally:
        _remove(temporary)


def _flush(path):
    with open(path, "rb") as written:
        os.fsync(written.fileno())


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _remove_leftovers(folder, stem):
    """Temporary files of this host's processes that live no more."""
    for leftover in folder.glob(f"{glob.escape(stem)}*.part"):
        try:
            os.kill(int(leftover.stem.removeprefix(stem)), 0)
        except ProcessLookupError:
            _remove(leftover)
        except (ValueError, PermissionError):
            pass  # Another's.
