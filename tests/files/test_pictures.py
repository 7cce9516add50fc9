import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.files import pictures

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
