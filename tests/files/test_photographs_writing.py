"""Photographs out, against what Pillow, OpenCV and tifffile read."""

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image
from sample_photographs import DEEP, RGB, RGBA, WIDTH, photograph

from sis_keras.files.channels import to_8_bits
from sis_keras.files.photographs import read_photograph, write_photograph


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("grey", [False, True], ids=["color", "grey"])
@pytest.mark.parametrize("deep", [False, True], ids=["8", "16"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_lossless_writing(tmp_path, name, deep, grey, alpha):
    data = DEEP if deep else RGBA
    colors = np.repeat(data[..., :1], 3, 2) if grey else data[..., :3]
    like = photograph(colors, grey=grey, alpha=data[..., 3] if alpha else None)
    path = tmp_path / name
    write_photograph(path, colors, like)
    expected = colors[..., :1] if grey else colors
    if alpha:
        expected = np.concatenate([expected, data[..., 3:]], 2)
    np.testing.assert_array_equal(independently(path, expected), expected)
    again = read_photograph(path)
    np.testing.assert_array_equal(again.pixels, colors)
    np.testing.assert_array_equal(again.alpha, like.alpha)


def independently(path, expected):
    """The file's own channels, `(height, width, channels)`."""
    if expected.dtype == np.uint8:
        return np.asarray(Image.open(path)).reshape(expected.shape)
    if expected.shape[2] == 2 and path.suffix == ".tif":  # OpenCV reads none.
        return tifffile.imread(path)
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found.ndim == 2:
        return found[..., None]
    found = found[..., [2, 1, 0, 3][: found.shape[2]]]
    # OpenCV makes a PNG file's grey and alpha four channels.
    return found[..., 2:] if expected.shape[2] == 2 else found


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_blocks_of_rows_fit(tmp_path, suffix, monkeypatch):
    for name in ("png.rows.BLOCK", "tiff.writing.STRIP"):
        place = f"sis_keras.files.{name}"
        monkeypatch.setattr(place, 3 * WIDTH * 6)
    path = tmp_path / f"a{suffix}"
    deep = DEEP[..., :3]
    write_photograph(path, deep, photograph(deep))
    np.testing.assert_array_equal(independently(path, deep), deep)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_many_strips(tmp_path, suffix):
    """TIFF's directory, moved for EXIF, finds all of them."""
    path = tmp_path / f"a{suffix}"
    tall = np.tile(DEEP[..., :3], (500, 3, 1))
    exif = Image.Exif()
    exif[0x8769] = {0x9003: "2020:01:01 00:00:00"}
    write_photograph(path, tall, photograph(tall, exif=exif.tobytes()))
    np.testing.assert_array_equal(independently(path, tall), tall)
    if suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            assert len(file.pages) == 1
            assert len(file.pages[0].dataoffsets) > 2
            kept = file.pages[0].tags["ExifTag"].value
            assert kept["DateTimeOriginal"] == "2020:01:01 00:00:00"


def test_resolution(tmp_path):
    """Without a unit it is in inches; what the picture lacks is not made up."""
    exif = Image.Exif()
    exif[0x011A], exif[0x011B] = 300.0, 240.0
    deep = DEEP[..., :3]
    path = tmp_path / "a.tif"
    write_photograph(path, deep, photograph(deep, exif=exif.tobytes()))
    with tifffile.TiffFile(path) as file:
        tags = file.pages[0].tags
        assert tags["XResolution"].value == (300, 1)
        assert tags["YResolution"].value == (240, 1)
        assert "ResolutionUnit" not in tags
    write_photograph(path, deep, photograph(deep))
    assert read_photograph(path).exif is None


def test_lossy_writing(tmp_path):
    smooth = cv2.resize(RGB[:3, :4], (64, 48), interpolation=cv2.INTER_CUBIC)
    for name in ("a.jpg", "a.webp"):
        write_photograph(tmp_path / name, smooth, photograph(smooth))
        found = np.asarray(Image.open(tmp_path / name)).astype(int)
        assert np.abs(found - smooth).mean() < 3
    sizes = []
    for quality in (30, 89, 90, 98):
        path = tmp_path / f"{quality}.jpg"
        write_photograph(path, smooth, photograph(smooth), quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes == sorted(sizes) and sizes[0] < sizes[1]


def test_webp_keeps_alpha(tmp_path):
    like = photograph(alpha=RGBA[..., 3])
    write_photograph(tmp_path / "a.webp", RGB, like)
    found = np.asarray(Image.open(tmp_path / "a.webp"))
    np.testing.assert_array_equal(found[..., 3], RGBA[..., 3])


@pytest.mark.parametrize("grey", [False, True])
def test_without_alpha_on_white(tmp_path, grey):
    colors = np.repeat(RGB[..., :1], 3, 2) if grey else RGB
    like = photograph(colors, alpha=RGBA[..., 3], grey=grey)
    write_photograph(tmp_path / "a.bmp", colors, like)
    with Image.open(tmp_path / "a.bmp") as image:
        assert image.mode == ("L" if grey else "RGB")
        found = np.asarray(image.convert("RGB"))
    opacity = RGBA[..., 3:] / 255
    expected = colors * opacity + 255 * (1 - opacity)
    assert np.abs(found - expected).max() <= 1


def test_16_bits_become_8(tmp_path):
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = (every.astype(int) * 255 * 2 + 65535) // (65535 * 2)
    np.testing.assert_array_equal(to_8_bits(every), expected)
    deep = np.stack([every] * 3, 2)
    write_photograph(tmp_path / "a.bmp", deep, photograph(deep))
    found = np.asarray(Image.open(tmp_path / "a.bmp"))
    np.testing.assert_array_equal(found[..., 0], expected)
