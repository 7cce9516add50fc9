import errno
import os
import pathlib

import pytest
from left_over import leave, made_old, writing

from sis_keras.files import atomic
from sis_keras.files.atomic import atomic_folder, atomic_path

# === Files that appear when they are complete ===


def test_a_file_appears_only_when_it_is_complete(tmp_path):
    path = tmp_path / "new" / "folders" / "a.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert path.read_text() == "whole"
    assert [x.name for x in path.parent.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("before", [None, "old"])
def test_a_failure_leaves_what_was_there(tmp_path, error, before):
    path = tmp_path / "a.txt"
    if before:
        path.write_text(before)
    with pytest.raises(error), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise error
    assert [x.read_text() for x in tmp_path.iterdir()] == [before] * bool(
        before
    )


def test_a_full_disk_leaves_the_old_file_and_is_named(small_disk):
    path = small_disk / "a.bin"
    path.write_bytes(b"old")
    with pytest.raises(OSError) as caught, atomic_path(path) as temporary:
        temporary.write_bytes(bytes(100_000))
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert [x.name for x in small_disk.iterdir()] == ["a.bin"]


def test_the_error_of_a_full_device_names_the_file(tmp_path):
    with pytest.raises(OSError) as caught, atomic_path(tmp_path / "a.bin"):
        pathlib.Path("/dev/full").write_bytes(b"some")
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "a.bin")


def test_a_folder_appears_when_it_is_whole(tmp_path):
    path = tmp_path / "made" / "a"
    with atomic_folder(path) as temporary:
        (temporary / "b").mkdir()
        (temporary / "b" / "c.txt").write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent
    assert (path / "b" / "c.txt").read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_no_folder(tmp_path, error):
    with pytest.raises(error), atomic_folder(tmp_path / "a") as temporary:
        (temporary / "b.txt").write_text("half")
        raise error
    assert not any(tmp_path.iterdir())


def test_a_folder_replaces_none_but_an_empty_one(tmp_path):
    path = tmp_path / "a"
    path.mkdir()
    for content in ("first", "second"):
        try:
            with atomic_folder(path) as temporary:
                (temporary / "b.txt").write_text(content)
        except OSError as error:
            assert error.errno == errno.ENOTEMPTY
            assert content == "second"
        assert (path / "b.txt").read_text() == "first"
        assert list(tmp_path.iterdir()) == [path]


def test_names_as_long_as_the_system_has(tmp_path):
    """255 bytes on Linux; a name that is longer is refused before the work."""
    for name in ("a" * 255, "\u00e4" * 127):
        with atomic_path(tmp_path / name) as temporary:
            temporary.write_text("whole")
        assert (tmp_path / name).read_text() == "whole"
    with atomic_folder(tmp_path / ("b" * 255)):
        pass
    with (
        pytest.raises(OSError) as caught,
        atomic_path(tmp_path / ("c" * 256)),
    ):
        pytest.fail("the work was done")
    assert caught.value.errno == errno.ENAMETOOLONG
    assert len(list(tmp_path.iterdir())) == 3


def test_a_folder_is_listed_once(tmp_path, monkeypatch):
    listed = []
    for name in ("listdir", "scandir"):
        function = getattr(os, name)

        def counting(path=".", function=function):
            listed.append(os.fspath(path))
            return function(path)

        monkeypatch.setattr(os, name, counting)
    for number in range(5):
        with atomic_path(tmp_path / f"{number}.txt") as temporary:
            temporary.write_text("whole")
    assert listed == [str(tmp_path)]


def test_names_are_on_disk_when_it_is_done(tmp_path, monkeypatch):
    """The file before it takes its name, its folder afterwards."""
    flushed, flush = [], os.fsync

    def noting(descriptor):
        there = (tmp_path / "a.txt").exists()
        flushed.append((os.readlink(f"/proc/self/fd/{descriptor}"), there))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", noting)
    with atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("whole")
    assert flushed == [(str(temporary), False), (str(tmp_path), True)]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_disk_that_flushes_no_folder(tmp_path, monkeypatch, number):
    def refuse(descriptor):
        if os.path.isdir(f"/proc/self/fd/{descriptor}"):
            raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", refuse)
    if number == errno.EIO:
        with pytest.raises(OSError), atomic_path(tmp_path / "a.txt") as file:
            file.write_text("whole")
    else:
        with atomic_path(tmp_path / "a.txt") as temporary:
            temporary.write_text("whole")
    assert [x.name for x in tmp_path.iterdir()] == ["a.txt"]


def test_an_error_names_the_file_and_not_the_temporary_one(tmp_path):
    path = tmp_path / "a.txt"
    with (
        pytest.raises(IsADirectoryError) as caught,
        atomic_path(path) as temporary,
    ):
        temporary.mkdir()
        temporary.write_text("half")
    assert caught.value.filename == str(path)
    assert not any(tmp_path.iterdir())


# === What killed processes left ===


@pytest.mark.parametrize("kind", ["atomic_path", "atomic_folder"])
def test_what_killed_processes_left_is_removed(tmp_path, kind):
    """Of any file of the folder, once; other programs' files are theirs."""
    others = {tmp_path / ".a.bin.part", tmp_path / ".sis-notes.part"}
    for path in others:
        path.write_text("another's")
    left = leave(kind, tmp_path / "a.bin")
    assert len(left) == 2
    made_old(tmp_path, 100)
    with atomic_path(tmp_path / "b.bin") as temporary:
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) == others | {tmp_path / "b.bin"}


def test_what_was_left_this_minute_may_be_another_machines(tmp_path):
    left = leave("atomic_path", tmp_path / "a.bin")
    with atomic_path(tmp_path / "a.bin") as temporary:
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) == left | {tmp_path / "a.bin"}


@pytest.mark.parametrize("kind", ["atomic_path", "atomic_folder"])
def test_what_a_living_process_writes_stays(tmp_path, kind):
    with writing(kind, tmp_path / "a") as process:
        made_old(tmp_path, 10 * 24 * 3600)
        with getattr(atomic, kind)(tmp_path / "a") as temporary:
            if kind == "atomic_path":
                temporary.write_text("first")
        process.communicate()
        assert process.returncode == 0
    whole = tmp_path / "a" / "b.txt" if kind[7:] == "folder" else tmp_path / "a"
    assert whole.read_text() == "half"
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]


@pytest.mark.parametrize("days, stays", [(0.5, True), (2, False)])
def test_a_disk_without_locks(tmp_path, monkeypatch, days, stays):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    left = leave("atomic_path", tmp_path / "a.bin")
    made_old(tmp_path, days * 24 * 3600)
    monkeypatch.setattr(atomic.fcntl, "flock", refuse)
    with atomic_path(tmp_path / "b.bin") as temporary:
        temporary.write_text("whole")
    assert set(tmp_path.iterdir()) - left == {tmp_path / "b.bin"}
    assert {path.exists() for path in left} == {stays}
