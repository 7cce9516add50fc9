"""EXIF and profiles of photographs: pictures get turned, the rest is kept."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps
from sample_photographs import DEEP, GREY, HEIGHT, RGB, WIDTH, photograph

from sis_keras.files.photographs import read_photograph, write_photograph

# Any bytes do for those who keep them: 128 of header, then anything.
PROFILE = b"\0" * 16 + b"RGB " + bytes(range(256)) * 300


def camera_exif(orientation):
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    exif[0x0112] = orientation
    exif[0x8769] = {0x9003: "2020:01:01 00:00:00", 0x927C: b"notes" * 30}
    exif[0x8825] = {1: "N", 2: (1.0, 2.0, 3.5)}
    return exif.tobytes()


def assert_camera(exif):
    """What `camera_exif` says is there, with orientation 1 or none."""
    found = Image.Exif()
    found.load(exif)
    assert found[0x010F] == "Maker"
    assert found.get(0x0112, 1) == 1
    assert found.get_ifd(0x8769)[0x9003] == "2020:01:01 00:00:00"
    assert found.get_ifd(0x8825)[2] == (1.0, 2.0, 3.5)
    assert found.get_ifd(0x8769)[0x927C] == b"notes" * 30


# === Orientation ===


def turned_by_pillow(path):
    """Not by name: some TIFF files come out wrong from Pillow's memory map."""
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(tmp_path, name, orientation):
    path = tmp_path / name
    options = {"lossless": True} if name == "a.webp" else {}
    Image.fromarray(RGB).save(path, exif=camera_exif(orientation), **options)
    expected = turned_by_pillow(path)
    assert expected.shape[0] == (HEIGHT if orientation < 5 else WIDTH)
    found = read_photograph(path)
    np.testing.assert_array_equal(found.pixels, expected)
    assert_camera(found.exif)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_of_16_bits(tmp_path, name, orientation):
    """Grey, which Pillow turns at 16 bits."""
    path = tmp_path / name
    exif = camera_exif(orientation)
    Image.fromarray(DEEP[..., 0]).save(path, exif=exif)
    expected = turned_by_pillow(path)
    found = read_photograph(path)
    np.testing.assert_array_equal(found.pixels[..., 1], expected)
    assert_camera(found.exif)


# === What is kept ===


@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp", "b.tif"])
@pytest.mark.parametrize("source", ["a.jpg", "a.png", "a.webp", "a.tif"])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_exif_and_profile_are_kept(tmp_path, source, target, dtype):
    Image.fromarray(RGB).save(
        tmp_path / source, exif=camera_exif(6), icc_profile=PROFILE
    )
    like = read_photograph(tmp_path / source)
    write_photograph(tmp_path / target, like.pixels.astype(dtype), like)
    with Image.open(tmp_path / target) as image:
        assert image.info["icc_profile"] == PROFILE
        assert image.size == (HEIGHT, WIDTH)  # turned
        assert_camera(image.getexif().tobytes())
    again = read_photograph(tmp_path / target)
    assert again.icc == PROFILE
    assert_camera(again.exif)


def test_exif_keeps_its_places(tmp_path):
    """Only orientation and the thumbnail's link differ."""
    exif = camera_exif(8)
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
    kept = read_photograph(tmp_path / "a.jpg").exif
    assert len(kept) == len(exif)
    changed = [(a, b) for a, b in zip(exif, kept, strict=True) if a != b]
    assert changed == [(8, 1)]


def test_exif_without_sense_is_left_out(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\0\0\0")
    found = read_photograph(tmp_path / "a.jpg")
    assert found.exif is None


def test_grey_profile_stays_with_grey(tmp_path):
    profile = PROFILE[:16] + b"GRAY" + PROFILE[20:]
    like = photograph(np.stack([GREY] * 3, 2), grey=True, icc=profile)
    write_photograph(tmp_path / "a.jpg", like.pixels, like)
    write_photograph(tmp_path / "a.webp", like.pixels, like)
    assert read_photograph(tmp_path / "a.jpg").icc == profile
    assert read_photograph(tmp_path / "a.webp").icc is None
