"""TIFF's other colours become RGB, and few bits 8 or 16."""

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms
from raw_tiff import raw_tiff, reversed_bits, short
from sample_photographs import GREY, HEIGHT, RANDOM, RGB, WIDTH

from sis_keras.files.photographs import read_photograph


@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
def test_few_bits(tmp_path, bits):
    wide = np.uint8 if bits < 8 else np.uint16
    values = RANDOM.integers(0, 2**bits, (HEIGHT, WIDTH, 3)).astype(wide)
    each = np.unpackbits(values.astype(">u2").view(np.uint8), axis=-1)
    each = each.reshape(HEIGHT, 3 * WIDTH, 16)[..., -bits:]
    data = np.packbits(each.reshape(HEIGHT, -1), axis=1).tobytes()
    tags = {258: short(bits, bits, bits)}
    (tmp_path / "a.tif").write_bytes(raw_tiff(values, tags, data=data))
    found = read_photograph(tmp_path / "a.tif")
    expected = values / (2**bits - 1) * np.iinfo(wide).max
    assert np.abs(found.pixels - expected).max() <= 0.5
    assert f"{bits}-bit samples" in found.notes[0]


@pytest.mark.parametrize("compression", ["raw", "group3", "group4", "tiff_lzw"])
def test_one_bit(tmp_path, compression):
    values = GREY > 99
    Image.fromarray(values).save(tmp_path / "a.tif", compression=compression)
    found = read_photograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.pixels[..., 0], values * 255)
    assert found.grey


def test_one_bit_from_the_right(tmp_path):
    values = GREY > 99
    data = reversed_bits(np.packbits(values, axis=1).tobytes())
    tags = {258: short(1), 262: short(0), 266: short(2)}
    (tmp_path / "a.tif").write_bytes(raw_tiff(GREY, tags, data=data))
    found = read_photograph(tmp_path / "a.tif")
    np.testing.assert_array_equal(found.pixels[..., 0], ~values * 255)


@pytest.mark.parametrize("scale", [257, 256, 1])
def test_palette(tmp_path, scale):
    colors = RANDOM.integers(0, 256, (256, 3)).astype(np.uint16)
    tifffile.imwrite(
        tmp_path / "a.tif",
        GREY,
        photometric="palette",
        colormap=np.ascontiguousarray(colors.T * np.uint16(scale)),
    )
    found = read_photograph(tmp_path / "a.tif")
    assert found.pixels.dtype == np.uint8
    np.testing.assert_array_equal(found.pixels, colors[GREY])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_cmyk(tmp_path, dtype):
    most = np.iinfo(dtype).max
    inks = RANDOM.integers(0, most + 1, (HEIGHT, WIDTH, 4)).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", inks, photometric="separated")
    found = read_photograph(tmp_path / "a.tif")
    light = 1 - inks / most
    expected = light[..., :3] * light[..., 3:] * most
    assert np.abs(found.pixels - expected).max() <= 0.51
    assert found.pixels.dtype == dtype and found.icc is None
    assert found.notes == ("CMYK became sRGB",)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("photometric", [8, 9])
def test_lab(tmp_path, dtype, photometric):
    """Against lcms, from sRGB's colours."""
    srgb = ImageCms.createProfile("sRGB")
    lab = ImageCms.profileToProfile(
        Image.fromarray(RGB),
        srgb,
        ImageCms.createProfile("LAB"),
        outputMode="LAB",
    )
    values = np.asarray(lab).astype(float)  # a and b are signed bytes
    light, signed = values[..., :1] / 255, (values[..., 1:] + 128) % 256 - 128
    deep = dtype == np.uint16
    if photometric == 8:
        stored = np.concatenate(
            [light * np.iinfo(dtype).max, signed * (256 if deep else 1)], 2
        )
        stored = np.rint(stored).astype(np.int64).astype(dtype)
    else:
        scale = 256 if deep else 1
        stored = np.concatenate([light * 255, signed + 128], 2) * scale
        stored = np.rint(stored).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=photometric)
    found = read_photograph(tmp_path / "a.tif")
    assert found.pixels.dtype == dtype
    off = np.abs(found.pixels / np.iinfo(dtype).max - RGB / 255)
    assert off.mean() < 0.02  # 8 bits of Lab are coarse where colours are deep.
    assert found.notes == ("Lab became sRGB",)


@pytest.mark.parametrize("name", ["jpeg", "YCbCr"])
def test_ycbcr(tmp_path, name):
    smooth = np.dstack(
        [np.tile(np.arange(64, dtype=np.uint8) * 4, (48, 1))] * 3
    )
    smooth[..., 1] = 255 - smooth[..., 1]
    image = Image.fromarray(smooth)
    if name == "jpeg":
        image.save(tmp_path / "a.tif", compression="jpeg", quality=95)
    else:
        image.convert("YCbCr").save(tmp_path / "a.tif")
    found = read_photograph(tmp_path / "a.tif")
    assert np.abs(found.pixels.astype(int) - smooth).max() <= 12
    assert np.abs(found.pixels.astype(int) - smooth).mean() <= 3
