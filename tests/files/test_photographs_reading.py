"""Photographs in, against what Pillow, OpenCV and tifffile write."""

import subprocess
import sys

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from places import ROOT
from sample_photographs import (
    DEEP,
    GREY,
    HEIGHT,
    LA,
    RANDOM,
    RGB,
    RGBA,
    WIDTH,
    photograph,
)

from sis_keras.files.photographs import (
    SUFFIXES,
    read_photograph,
    write_photograph,
)
from sis_keras.files.pictures import PICTURE_SUFFIXES

# === Kinds of channels ===


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.bmp"])
def test_reads_color(tmp_path, name):
    path = tmp_path / name
    options = {"lossless": True} if name == "a.webp" else {}
    Image.fromarray(RGB).save(path, **options)
    found = read_photograph(path)
    np.testing.assert_array_equal(found.pixels, RGB)
    assert found.pixels.flags.c_contiguous
    assert found[1:5] == (None, False, None, None)
    form = {".tif": "TIFF"}.get(path.suffix, path.suffix[1:].upper())
    assert found.format == form


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_reads_jpeg(tmp_path, options):
    path = tmp_path / "a.jpeg"
    Image.fromarray(RGB).save(path, **options)
    found = read_photograph(path)
    assert found.format == "JPEG" and not found.grey
    expected = cv2.imread(str(path))[..., ::-1]
    close = np.abs(found.pixels.astype(int) - expected)
    assert close.max() <= 4  # Decoders round differently.


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.bmp"])
def test_reads_grey(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(GREY).save(path)
    found = read_photograph(path)
    expected = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert expected.shape == (HEIGHT, WIDTH)
    assert found.grey and found.alpha is None
    for channel in range(3):
        np.testing.assert_array_equal(found.pixels[..., channel], expected)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [LA, RGBA], ids=["LA", "RGBA"])
def test_reads_alpha(tmp_path, name, channels):
    Image.fromarray(channels).save(tmp_path / name)
    found = read_photograph(tmp_path / name)
    assert found.grey == (channels.shape[2] == 2)
    np.testing.assert_array_equal(found.alpha, channels[..., -1])
    expected = np.broadcast_to(channels[..., :-1], RGB.shape)
    np.testing.assert_array_equal(found.pixels, expected)


def test_reads_bits(tmp_path):
    Image.fromarray(GREY > 99).save(tmp_path / "a.png")
    found = read_photograph(tmp_path / "a.png")
    assert found.grey
    expected = np.repeat((GREY[..., None] > 99) * 255, 3, axis=2)
    np.testing.assert_array_equal(found.pixels, expected)


@pytest.mark.parametrize("transparency", [None, 1, b"\x00\x80\xff"])
def test_reads_palette(tmp_path, transparency):
    indices = RANDOM.integers(0, 4, (HEIGHT, WIDTH), np.uint8)
    colors = RANDOM.integers(0, 256, (4, 3), np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(colors.tobytes())
    kept = {} if transparency is None else {"transparency": transparency}
    image.save(tmp_path / "a.png", **kept)
    found = read_photograph(tmp_path / "a.png")
    np.testing.assert_array_equal(found.pixels, colors[indices])
    if transparency is None:
        assert found.alpha is None
    else:
        clear = [255, 0, 255, 255] if transparency == 1 else [0, 128, 255, 255]
        np.testing.assert_array_equal(found.alpha, np.array(clear)[indices])


def test_reads_cmyk(tmp_path):
    color = Image.new("CMYK", (64, 32), (200, 30, 40, 20))
    color.save(tmp_path / "a.jpg", quality=100)
    found = read_photograph(tmp_path / "a.jpg")
    assert found.icc is None and not found.grey
    # (255 - ink) * (255 - black) / 255
    expected = [(255 - ink) * (255 - 20) / 255 for ink in (200, 30, 40)]
    assert np.abs(found.pixels - expected).max() <= 2


def test_lab_becomes_srgb(tmp_path):
    """Under D50, L 54.29, a 80.81, b 69.89 is pure red."""
    lab = np.tile(np.uint8([138, 81, 70]), (8, 8, 1))
    tifffile.imwrite(tmp_path / "a.tif", lab, photometric="cielab")
    found = read_photograph(tmp_path / "a.tif")
    assert np.abs(found.pixels - [255.0, 0, 0]).max() <= 6


# === 16 bits ===


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_reads_16_bits(tmp_path, name, channels):
    written = DEEP[..., 0] if channels == 1 else DEEP[..., :channels]
    order = [2, 1, 0, 3][:channels]
    bgr = written if channels == 1 else written[..., order]
    cv2.imwrite(str(tmp_path / name), np.ascontiguousarray(bgr))
    assert_deep(read_photograph(tmp_path / name), channels)


def assert_deep(found, channels):
    assert found.pixels.dtype == np.uint16
    color = DEEP[..., :1] if channels == 1 else DEEP[..., :3]
    expected = np.broadcast_to(color, (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.grey == (channels == 1)
    if channels == 4:
        assert found.alpha.dtype == np.uint16
        np.testing.assert_array_equal(found.alpha, DEEP[..., 3])
    else:
        assert found.alpha is None


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"compression": "zlib", "predictor": True},
        {"tile": (16, 16)},
        {"bigtiff": True},
    ],
    ids=str,
)
def test_reads_16_bits_of_tifffile(tmp_path, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, DEEP[..., :3], photometric="rgb", **options)
    assert_deep(read_photograph(path), 3)


def test_reads_white_as_zero(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, 65535 - DEEP[..., 0], photometric="miniswhite")
    assert_deep(read_photograph(path), 1)


# === Sizes and names ===


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.jpg", "a.webp"])
def test_one_pixel(tmp_path, name):
    path = tmp_path / name
    one = np.full((1, 1, 3), 77, np.uint8)
    write_photograph(path, one, photograph(one))
    np.testing.assert_array_equal(read_photograph(path).pixels, one)
    with Image.open(path) as image:
        np.testing.assert_array_equal(image.convert("RGB"), one)


@pytest.mark.parametrize("channels", [GREY, RGB, LA, RGBA])
def test_bands_fit(tmp_path, channels):
    tall = np.concatenate([channels] * 60)
    assert len(tall) % 256
    Image.fromarray(tall).save(tmp_path / "a.png")
    found = read_photograph(tmp_path / "a.png")
    colors = channels[..., None] if channels.ndim == 2 else channels
    colors = colors[..., : 3 if colors.shape[2] > 2 else 1]
    np.testing.assert_array_equal(
        found.pixels, np.concatenate([np.broadcast_to(colors, RGB.shape)] * 60)
    )


def test_suffix_does_not_matter(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", "png")
    found = read_photograph(tmp_path / "a.jpg")
    assert found.format == "PNG"
    np.testing.assert_array_equal(found.pixels, RGB)


def test_one_list_of_suffixes():
    assert set(PICTURE_SUFFIXES) < SUFFIXES


def test_no_tensorflow():
    code = "import sis_keras.files.photographs, sys; "
    code += "print('tensorflow' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False"], done.stderr
