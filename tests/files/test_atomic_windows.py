"""What Windows refuses, and that it has no fcntl."""

import contextlib
import errno
import fcntl
import os
import pathlib
import subprocess
import sys

import pytest
from left_over import leave, made_old, writing
from places import ROOT

from sis_keras.files import atomic
from sis_keras.files.atomic import atomic_folder, atomic_path

# === Windows ===


def is_open(path):
    """Whether a process has that file, or one below it, open."""
    for link in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        with contextlib.suppress(OSError):
            target = pathlib.Path(os.readlink(link))
            if target.is_relative_to(os.path.realpath(path)):
                return True
    return False


@pytest.fixture
def windows(monkeypatch):
    """What Windows refuses, and that it has no `fcntl`."""

    def refusing(function, refused):
        def call(first, *rest, **named):
            if refused(first, *rest):
                raise PermissionError(errno.EACCES, "Access is denied", first)
            return function(first, *rest, **named)

        return call

    def read_only(descriptor):
        flags = fcntl.fcntl(descriptor, fcntl.F_GETFL)
        return flags & os.O_ACCMODE == os.O_RDONLY

    for name, refused in (
        ("fsync", read_only),
        ("open", lambda path, *_: os.path.isdir(path)),
        ("unlink", is_open),
        (
            "replace",
            lambda source, target: is_open(source) or os.path.isdir(target),
        ),
        ("kill", lambda _, number: number == 0),  # It would end it.
    ):
        monkeypatch.setattr(os, name, refusing(getattr(os, name), refused))
    monkeypatch.setattr(atomic, "fcntl", None)


def test_windows_writes_files_and_folders(tmp_path, windows):
    for content in ("first", "second"):
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text(content)
    assert (tmp_path / "a.txt").read_text() == "second"
    (tmp_path / "b").mkdir()
    with atomic_folder(tmp_path / "b") as temporary:
        (temporary / "c.txt").write_text("whole")
    assert (tmp_path / "b" / "c.txt").read_text() == "whole"
    assert {x.name for x in tmp_path.iterdir()} == {"a.txt", "b"}


def test_windows_knows_the_living(tmp_path, windows):
    left = leave("atomic_path", tmp_path / "a.txt")
    with writing("atomic_path", tmp_path / "b.txt") as process:
        made_old(tmp_path, 100)
        with atomic_path(tmp_path / "c.txt") as temporary:
            temporary.write_text("whole")
        assert not any(path.exists() for path in left)
        process.communicate()
        assert process.returncode == 0
    assert {x.name for x in tmp_path.iterdir()} == {"b.txt", "c.txt"}


def test_the_package_loads_without_fcntl():
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "from sis_keras.files import atomic; assert atomic.fcntl is None"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
