"""Files that cannot be read or written get an error in one line."""

import os
import re
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image
from places import ROOT
from sample_photographs import DEEP, HEIGHT, RGB, WIDTH, photograph

from sis_keras.errors import UserError
from sis_keras.files.photographs import (
    SUFFIXES,
    read_photograph,
    write_photograph,
)

# === Kinds that are refused ===


def test_named_mistakes(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "nothing.png").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.png")
    for name, message in {
        "missing.jpg": "No such file",
        "text.jpg": "10 bytes that do not decode",
        "nothing.png": "0 bytes that do not decode",
        "pipe.png": "which is none",
        ".": "which is none",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            read_photograph(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_unwritable(tmp_path):
    with pytest.raises(UserError, match="with one of"):
        write_photograph(tmp_path / "a.txt", RGB, photograph())
    wide = np.zeros((1, 16384, 3), np.uint8)
    with pytest.raises(UserError, match="at most 16383 pixels a side"):
        write_photograph(tmp_path / "a.webp", wide, photograph(wide))
    assert not list(tmp_path.iterdir())


# === Too many pixels ===


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("width", [13_001, 20_000])
def test_too_many_pixels(tmp_path, width):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = struct.pack(">II", width, 10_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="at most 130 megapixels"):
        read_photograph(tmp_path / "a.png")


def test_limit_of_pixels(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    read_photograph(tmp_path / "a.png", most_pixels=HEIGHT * WIDTH)
    with pytest.raises(UserError, match="megapixels"):
        read_photograph(tmp_path / "a.png", most_pixels=HEIGHT * WIDTH - 1)


def test_small_file_that_claims_much(tmp_path):
    Image.new("L", (20, 20)).save(tmp_path / "a.bmp")
    data = bytearray((tmp_path / "a.bmp").read_bytes())
    data[18:26] = (9000).to_bytes(4, "little") * 2
    (tmp_path / "a.bmp").write_bytes(data)
    with pytest.raises(UserError, match="claim to be 9000x9000"):
        read_photograph(tmp_path / "a.bmp")


# === Damaged files ===


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@pytest.mark.parametrize("deep", [False, True])
def test_truncated(tmp_path, suffix, deep):
    path = tmp_path / f"a{suffix}"
    pixels = DEEP[..., :3] if deep else RGB
    write_photograph(path, pixels, photograph(pixels))
    whole = path.read_bytes()
    read_photograph(path)
    for part in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(UserError):
            read_photograph(path, strict=True)


def test_threads_leave_the_standard_error(tmp_path, capfd):
    """What libpng says of damaged data is not seen, what others say is."""
    _, data = cv2.imencode(".png", DEEP)
    data = bytearray(data.tobytes())
    start = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, start - 4)
    end = start + 4 + length
    data[end - 1] ^= 1  # of zlib's checksum
    data[end : end + 4] = struct.pack(">I", zlib.crc32(data[start:end]))
    path = tmp_path / "a.png"
    path.write_bytes(data)
    cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert "libpng" in capfd.readouterr().err

    def refused(_):
        with pytest.raises(UserError):
            read_photograph(path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refused, range(64)))
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_fuzz():
    """In a process of its own: its memory, and what C code prints."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.fuzz", "--files=500"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    found = re.search(
        r"500 files: (\d+) read, (\d+) refused, 0 crashes", done.stdout
    )
    read, refused = map(int, found.groups())
    assert read + refused == 500
    assert read > 50 and refused > 200
