import contextlib
import errno
import fcntl
import io
import os
import pathlib
import signal
import struct
import subprocess
import sys
import time
import zlib

import numpy as np
import pytest
from PIL import Image
from places import ROOT

from sis_keras.errors import UserError
from sis_keras.files import atomic, pictures
from sis_keras.files.atomic import atomic_folder, atomic_path

RED = np.array([255, 0, 0], np.uint8)


def scene(height=48, width=64):
    """A smooth picture with three different channels, uint8."""
    rows, columns = np.mgrid[:height, :width].astype(np.float64)
    channels = [rows / height, columns / width, (rows + columns) % 32 / 32]
    return np.rint(np.stack(channels, -1) * 255).astype(np.uint8)


def encoded(kind, **options):
    file = io.BytesIO()
    Image.fromarray(scene()).save(file, kind, **options)
    return file.getvalue()


def png_16_bit(pixels):
    """A PNG file by its specification: 16 bits, grey or RGB."""
    height, width = pixels.shape[:2]
    colour_type = 2 if pixels.ndim == 3 else 0
    rows = pixels.astype(">u2").reshape(height, -1)
    chunks = {
        b"IHDR": struct.pack(
            ">IIBBBBB", width, height, 16, colour_type, *[0] * 3
        ),
        b"IDAT": zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)),
        b"IEND": b"",
    }
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data))
        + kind
        + data
        + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks.items()
    )


# === Pictures ===


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_red_is_the_first_channel(tmp_path, suffix):
    path = tmp_path / f"red{suffix}"
    Image.new("RGB", (8, 6), (255, 0, 0)).save(path)
    read = pictures.read_rgb(path)
    assert read.shape == (6, 8, 3) and read.dtype == np.uint8
    assert np.abs(read.astype(int) - RED).max() <= 2

    written = tmp_path / f"written{suffix}"
    pictures.write_rgb(written, np.tile(RED, (6, 8, 1)))
    read = np.asarray(Image.open(written).convert("RGB"), int)
    assert np.abs(read - RED).max() <= 2


def test_png_keeps_every_value(tmp_path):
    pictures.write_rgb(tmp_path / "a.png", scene())
    np.testing.assert_array_equal(Image.open(tmp_path / "a.png"), scene())
    np.testing.assert_array_equal(
        pictures.read_rgb(tmp_path / "a.png"), scene()
    )


def test_grey_and_16_bit_become_8_bit_rgb(tmp_path):
    path = tmp_path / "a.png"
    grey = scene()[:, :, 0]
    every_rgb = np.repeat(grey[:, :, None], 3, 2)
    Image.fromarray(grey).save(path)
    np.testing.assert_array_equal(pictures.read_rgb(path), every_rgb)
    path.write_bytes(png_16_bit(grey.astype(np.uint16) * 257))
    np.testing.assert_array_equal(pictures.read_rgb(path), every_rgb)
    path.write_bytes(png_16_bit(scene().astype(np.uint16) * 257))
    np.testing.assert_array_equal(pictures.read_rgb(path), scene())


@pytest.mark.parametrize(
    "kind, options",
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("BMP", {}),
        ("TIFF", {}),
        ("WEBP", {}),
    ],
)
def test_truncated_pictures_are_refused(tmp_path, kind, options):
    """A decoder that fills the rest with grey would train on that."""
    path, data = tmp_path / "a.png", encoded(kind, **options)
    path.write_bytes(data)
    assert pictures.read_rgb(path).shape == (48, 64, 3)
    for length in (3, len(data) // 3, len(data) * 9 // 10, len(data) - 3):
        path.write_bytes(data[:length])
        with pytest.raises(UserError, match=f"a.png, {length} bytes that do"):
            pictures.read_rgb(path)


def test_a_damaged_png_is_refused(tmp_path):
    data = bytearray(encoded("PNG"))
    data[len(data) // 2] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="do not decode"):
        pictures.read_rgb(tmp_path / "a.png")


@pytest.mark.parametrize("data", [b"", b"not a picture\n" * 9])
def test_no_pictures_are_refused(tmp_path, data):
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match=f"a.png, {len(data)} bytes"):
        pictures.read_rgb(tmp_path / "a.png")


def test_missing_pictures_and_folders_are_refused(tmp_path):
    with pytest.raises(UserError, match="none.png: No such file"):
        pictures.read_rgb(tmp_path / "none.png")
    with pytest.raises(UserError, match="Is a directory"):
        pictures.read_rgb(tmp_path)


def test_unknown_formats_are_not_written(tmp_path):
    for name in ("a.txt", "a"):
        with pytest.raises(UserError, match=rf"\.png.*Received: .*/{name}"):
            pictures.write_rgb(tmp_path / name, scene())
    assert not list(tmp_path.iterdir())


def test_pictures_are_listed_by_name_without_hidden_ones(tmp_path):
    for name in ("b.png", "a.JPG", "._b.png", "notes.txt", "c.tif"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    names = [path.name for path in pictures.list_pictures(tmp_path)]
    assert names == ["a.JPG", "b.png", "c.tif"]


def test_floats_are_rounded_and_clipped():
    values = np.array([-0.1, 0.0, 0.4, 0.6, 127.4, 127.6, 254.6, 255.0, 300.0])
    expected = [0, 0, 0, 1, 127, 128, 255, 255, 255]
    for dtype in (np.float32, np.float64):
        result = pictures.to_uint8((values / 255.0).astype(dtype))
        assert result.dtype == np.uint8
        np.testing.assert_array_equal(result, expected)
    every = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(
        pictures.to_uint8(every / np.float32(255)), every
    )


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

WRITING = """
import os, sys, time
from sis_keras.files import atomic

os.getpid = lambda: int(sys.argv[3])
with getattr(atomic, sys.argv[1])(sys.argv[2]) as temporary:
    file = temporary / "b.txt" if temporary.is_dir() else temporary
    file.write_text("half")
    print(flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def writing(kind, path):
    """A process that writes `path`; it ends when its input is closed.

    It takes its number for one that is none here: containers have their own.
    """
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, kind, str(path), str(ended.pid)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


def leave(kind, path):
    """What a killed process leaves of `path`."""
    before = set(path.parent.iterdir())
    with writing(kind, path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return set(path.parent.iterdir()) - before


def made_old(folder, seconds):
    for path in folder.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)


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
