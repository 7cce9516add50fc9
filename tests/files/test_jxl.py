"""JPEG XL: all depths, profiles of 16 bits, packed metadata."""

import imagecodecs
import numpy as np
import pytest
from picture_bytes import date_exif, gradient
from PIL import Image, ImageCms
from sample_photographs import photograph

from sis_keras.files.photographs import read_photograph, write_photograph
from sis_keras.files.profiles import D65, REC709, matrix_profile

pytest.importorskip("pillow_jxl")
PICTURE = gradient()


def test_packed_metadata_of_jpeg_xl(tmp_path):
    exif = date_exif()
    Image.fromarray(PICTURE).save(
        tmp_path / "a.jxl", exif=exif, xmp=b"<x/>" * 99, compress_metadata=True
    )
    assert b"brob" in (tmp_path / "a.jxl").read_bytes()
    read = read_photograph(tmp_path / "a.jxl")
    assert read.exif == b"Exif\0\0" + exif and read.xmp == b"<x/>" * 99


@pytest.mark.parametrize("bits", [9, 10, 12, 14, 15, 16])
@pytest.mark.parametrize("boxed", [False, True])
def test_jpeg_xl_of_all_depths(tmp_path, bits, boxed):
    """What is stored from 0 to 2^bits - 1 is read from 0 to 65535."""
    deep = gradient(dtype=np.uint16) >> (16 - bits)
    deep[0, 0] = 2**bits - 1
    for name, stored in (("a", deep), ("grey", deep[..., 0])):
        packed = imagecodecs.jpegxl_encode(
            np.ascontiguousarray(stored),
            lossless=True,
            bitspersample=bits,
            usecontainer=boxed,
        )
        (tmp_path / f"{name}.jxl").write_bytes(packed)
        found = read_photograph(tmp_path / f"{name}.jxl").pixels
        assert found.dtype == np.uint16
        expected = np.broadcast_to(stored.reshape(48, 64, -1), (48, 64, 3))
        np.testing.assert_array_equal(
            found, np.rint(expected * (65535 / (2**bits - 1)))
        )


def test_grey_of_16_bits_in_jpeg_xl(tmp_path):
    grey = np.repeat(gradient(dtype=np.uint16)[..., :1], 3, axis=2)
    path = tmp_path / "a.jxl"
    assert not write_photograph(path, grey, photograph(grey, grey=True))
    found = read_photograph(path)
    assert found.grey
    np.testing.assert_array_equal(found.pixels, grey)


def test_16_bits_with_a_profile_stay_16_bits_in_jpeg_xl(tmp_path):
    linear = matrix_profile(REC709, D65, b"curv" + bytes(8))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    deep = gradient(dtype=np.uint16)
    light = deep / 65535
    low, high = 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    shown = 65535 * np.where(light <= 0.0031308, low, high)
    for icc, expected, most in ((linear, shown, 150), (srgb, deep, 0)):
        path = tmp_path / "a.jxl"
        assert not write_photograph(path, deep, photograph(deep, icc=icc))
        found = read_photograph(path).pixels
        assert found.dtype == np.uint16
        assert np.abs(found - expected.astype(float)).max() <= most
