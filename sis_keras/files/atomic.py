"""Files and folders that appear under their final name only when complete.

Until then `a.png` is `.sis-TOKEN.part` in the same folder, and beside that
lies `.sis-TOKEN.lock`, which its writer holds locked. What a killed process
left has a lock that nobody holds.
"""

import contextlib
import contextvars
import errno
import os
import pathlib
import re
import secrets
import shutil
import time
from collections.abc import Iterator

from sis_keras.files.writable import make_folder

try:
    import fcntl
except ImportError:  # Windows, which removes no file that is open.
    fcntl = None  # type: ignore[assignment]  # A module or none.

OURS = re.compile(r"\.sis-[0-9a-f]{16}\.(lock|part)")
# Seconds. A lock is made before it is held, and some disks share none between
# machines; others have no locks at all.
QUIET = 60
QUIET_WITHOUT_LOCKS = 24 * 3600
CANNOT_FLUSH = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)

_like: contextvars.ContextVar = contextvars.ContextVar("like", default=None)

# Listing a large folder takes longer than to write a small file.
_searched: set[str] = set()


@contextlib.contextmanager
def atomic_path(path) -> Iterator[pathlib.Path]:
    """Yields a temporary path beside `path`; renames it there on success.

    On any failure, Ctrl-C included, the temporary file is removed and a file
    that already stood at `path` is untouched. Missing folders are made. What
    killed processes left in the folder is removed when this process first
    writes there.

    Raises:
        UserError: A folder can be made nowhere near.
        OSError: The file cannot be written, or `path` cannot be a name: the
            latter before anything is yielded.
    """
    with _temporary_beside(path) as temporary:
        yield temporary
        _flush(temporary)
        _take_after(_like.get(), temporary)
        os.replace(temporary, path)


@contextlib.contextmanager
def taking_after(source) -> Iterator[None]:
    """Files of `atomic_path` meanwhile get the rights and times of `source`.

    Extended attributes, too, such as the tags of file managers; all of it
    where the disk keeps it.
    """
    token = _like.set(source)
    try:
        yield
    finally:
        _like.reset(token)


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
        # Windows replaces not even an empty folder.
        with contextlib.suppress(OSError):
            os.rmdir(path)
        os.replace(temporary, path)


@contextlib.contextmanager
def held_file(folder) -> Iterator[pathlib.Path]:
    """Yields a hidden, empty file in a folder; it is there meanwhile.

    Who sees it shares the folder with this process. Missing folders are made.
    """
    make_folder(folder)
    lock = pathlib.Path(folder, f".sis-{secrets.token_hex(8)}.lock")
    with _held(lock):
        yield lock


@contextlib.contextmanager
def _temporary_beside(path):
    path = pathlib.Path(path)
    make_folder(path.parent)
    _remove_leftovers(path.parent)
    # Of any length that `path` may have; its own is found out before the work.
    temporary = path.with_name(f".sis-{secrets.token_hex(8)}.part")
    lock = temporary.with_suffix(".lock")
    with contextlib.suppress(FileNotFoundError):
        path.lstat()
    try:
        with _held(lock):
            try:
                yield temporary
            finally:
                _remove(temporary)
    except OSError as error:
        # That of a full disk names no file.
        named = pathlib.Path(str(error.filename or lock))
        if named == lock or named.is_relative_to(temporary):
            error.filename = str(path)
        raise
    _flush_folder(path.parent)


@contextlib.contextmanager
def _held(lock):
    """A new file that says, as long as it is there, that its maker lives."""
    file = open(lock, "xb")  # noqa: SIM115, its holder closes it
    try:
        if fcntl:
            with contextlib.suppress(OSError):  # A disk without locks.
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        file.close()
        lock.unlink(missing_ok=True)


def _take_after(source, path):
    if source is not None:
        with contextlib.suppress(OSError):
            shutil.copymode(source, path)
            shutil.copystat(source, path)


def _flush(path):
    # Windows flushes no file that is open to be read alone.
    with open(path, "r+b") as written:
        os.fsync(written.fileno())


def _flush_folder(folder):
    """Makes a new name outlive a power cut, where the system can."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return  # Windows opens no folder.
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in CANNOT_FLUSH:
            raise
    finally:
        os.close(descriptor)


def _remove(path):
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


# === What killed processes left ===


def _remove_leftovers(folder):
    """Removes it, when a process first writes to a folder."""
    folder = os.path.realpath(folder)
    if folder in _searched:
        return
    _searched.add(folder)
    with contextlib.suppress(OSError):  # A folder that cannot be listed.
        names = [name for name in os.listdir(folder) if OURS.fullmatch(name)]
        paths = [pathlib.Path(folder, name) for name in names]
        for lock in (path for path in paths if path.suffix == ".lock"):
            _remove_if_left(lock)
        for part in (path for path in paths if path.suffix == ".part"):
            # The lock is made before and removed after.
            if not part.with_suffix(".lock").exists():
                _remove(part)


def _remove_if_left(lock):
    with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
        quiet = time.time() - _last_written(lock)
        if quiet < QUIET:
            return
        if fcntl:
            file = stack.enter_context(open(lock, "r+b"))
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return  # Its writer lives.
            except OSError:
                if quiet < QUIET_WITHOUT_LOCKS:
                    return
        lock.unlink()


def _last_written(lock):
    both = [path for path in (lock, lock.with_suffix(".part")) if path.exists()]
    return max(path.stat().st_mtime for path in both)
