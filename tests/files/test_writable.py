"""Where nothing can be written: one line, before the work."""

import os
import tempfile

import pytest

from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_folder, atomic_path
from sis_keras.files.writable import check_file, check_folder, make_folder

NOWHERE = "/proc/sis_keras"  # Not even root makes a folder there.
needs_proc = pytest.mark.skipif(
    not os.path.isdir("/proc/self"), reason="wants Linux"
)


def test_a_folder_that_can_be_made_is_not_made(tmp_path, monkeypatch):
    check_folder(tmp_path)
    check_folder(tmp_path / "a" / "b")
    check_file(tmp_path / "a" / "b.txt")
    monkeypatch.chdir(tmp_path)
    check_folder("a/b")
    check_file("b.txt")
    assert not list(tmp_path.iterdir())
    make_folder("a/b")
    make_folder("a/b")
    check_file("a/b/c.txt")
    assert [x.name for x in tmp_path.rglob("*")] == ["a", "b"]


@pytest.mark.parametrize("name", ["file", "file/below", "file/below/deep"])
def test_a_file_where_a_folder_is_wanted(tmp_path, name):
    (tmp_path / "file").write_text("mine")
    words = f"Received: {tmp_path}/{name}, .*Not a directory.*`write`"
    with pytest.raises(UserError, match=words):
        check_folder(tmp_path / name, "write")
    with pytest.raises(UserError, match="Not a directory"):
        check_file(tmp_path / name / "x")
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.parametrize("name", ["link", "link/below"])
def test_a_link_to_nothing_where_a_folder_is_wanted(tmp_path, name):
    """No folder can be made there, though nothing exists."""
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UserError, match=f"Received: {tmp_path}/{name}, "):
        check_folder(tmp_path / name)
    assert [x.name for x in tmp_path.iterdir()] == ["link"]


def test_a_folder_where_a_file_is_wanted(tmp_path):
    with pytest.raises(UserError, match="which is a folder.*`output`"):
        check_file(tmp_path)


def test_a_folder_without_rights(tmp_path, monkeypatch):
    """Root has them all, so the system's answer is given here."""

    def refuse(dir):
        assert dir == tmp_path
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    words = f"Permission denied: {tmp_path}\\).*rights"
    with pytest.raises(UserError, match=words):
        check_folder(tmp_path / "new")


@needs_proc
def test_a_parent_that_cannot_be_made(tmp_path):
    for folder in (NOWHERE, f"{NOWHERE}/1"):
        with pytest.raises(UserError, match=f"Received: {folder}, .*/proc"):
            check_folder(folder)
        with pytest.raises(UserError, match=f"Received: {folder}, "):
            make_folder(folder)
    for writing in (atomic_path, atomic_folder):
        with (
            pytest.raises(UserError, match=f"Received: {NOWHERE}, "),
            writing(f"{NOWHERE}/a"),
        ):
            raise AssertionError("nothing can be written")
