import errno
import io
import pathlib
import signal
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image
from places import ROOT

from sis_keras.errors import UserError
from sis_keras.files import pictures
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


def test_what_a_killed_process_left_is_removed(tmp_path):
    path = tmp_path / "a.bin"
    code = (
        "import sys, time; from sis_keras.files.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half'); print(flush=True); time.sleep(60)"
    )
    root = ROOT
    process = subprocess.Popen(
        [sys.executable, "-c", code, path], cwd=root, stdout=subprocess.PIPE
    )
    process.stdout.readline()
    (leftover,) = tmp_path.iterdir()
    with atomic_path(path) as temporary:
        temporary.write_text("meanwhile")
    assert leftover.exists()  # Its process is alive.
    process.send_signal(signal.SIGKILL)
    process.communicate()
    other = tmp_path / leftover.name.replace("a.bin", "b.bin")
    other.touch()
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
    assert sorted(tmp_path.iterdir()) == sorted([path, other])
    assert path.read_text() == "whole"


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


def test_what_a_killed_process_left_of_a_folder_is_removed(tmp_path):
    code = "import os; print(os.getpid())"
    dead = subprocess.check_output([sys.executable, "-c", code], text=True)
    with atomic_folder(tmp_path / "a") as temporary:
        stem = temporary.stem.rpartition("-")[0]
    leftover = tmp_path / f"{stem}-{dead.strip()}.part"
    leftover.mkdir()
    (leftover / "b.txt").touch()
    (tmp_path / "a").rmdir()
    with atomic_folder(tmp_path / "a"):
        pass
    assert list(tmp_path.iterdir()) == [tmp_path / "a"]
