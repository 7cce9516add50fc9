"""Formats beside JPEG, PNG and TIFF, and the packages that some want."""

import io
import os
import subprocess
import sys

import numpy as np
import pytest
from picture_bytes import date_exif, gradient, jpeg, png
from PIL import Image, ImageCms, features
from places import ROOT
from sample_photographs import DEEP, RGB, RGBA, photograph

from sis_keras.files import formats
from sis_keras.files.photographs import read_photograph, write_photograph
from sis_keras.files.profiles import D65, REC709, matrix_profile

PICTURE = gradient()
NEWER = [".avif", ".heic", ".jxl"]


def importorskip(suffix):
    if suffix == ".avif" and not features.check("avif"):
        pytest.skip("a Pillow without AVIF")
    form = formats.FORMATS[suffix]
    if form in formats.PACKAGES:
        pytest.importorskip(formats.PACKAGES[form])


# === What a file is ===


@pytest.mark.parametrize(
    "head, suffix, form",
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", ".jpg", "HEIF"),
        (b"\0\0\0\x20ftypmif1\0\0\0\0mif1avifmiaf", ".heic", "AVIF"),
        (b"\xff\x0a\xfa", ".png", "JXL"),
        (b"II*\0\x10\0\0\0CR\2", ".cr2", "RAW"),
        (b"II*\0\x10\0\0\0", ".tif", "TIFF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1", ".cr3", "RAW"),
        (b"FUJIFILMCCD-RAW 0201", ".raf", "RAW"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", ".jpg", None),
        (b"", ".jpg", None),
    ],
)
def test_known_by_its_beginning(head, suffix, form):
    assert formats.format_of(head, suffix) == form


@pytest.mark.parametrize("suffix", [".jfif", ".jpe"])
def test_suffixes_of_jpeg(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write_photograph(path, PICTURE, photograph(PICTURE))
    assert path.read_bytes().startswith(b"\xff\xd8\xff")
    assert read_photograph(path).format == "JPEG"


def test_avif_of_another_name(tmp_path):
    importorskip(".avif")
    Image.fromarray(PICTURE).save(tmp_path / "a.avif", quality=95)
    (tmp_path / "a.avif").rename(tmp_path / "a.jpg")
    read = read_photograph(tmp_path / "a.jpg")
    assert read.format == "AVIF"
    write_photograph(tmp_path / "b.jpg", read.pixels, read)
    assert read_photograph(tmp_path / "b.jpg").format == "JPEG"


BLOCKED = """
import sys, pathlib
for name in ("pillow_heif", "pillow_jxl", "rawpy"):
    sys.modules[name] = None
from sis_keras.errors import UserError
from sis_keras.files.photographs import read_photograph
for path in sys.argv[1:]:
    try:
        read_photograph(path)
    except UserError as error:
        print(error)
"""


def test_names_the_extra(tmp_path):
    heads = {
        "a.heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        "b.jpg": b"\xff\x0a\xfa",
        "c.dng": b"II*\0\x10\0\0\0",
    }
    for name, head in heads.items():
        (tmp_path / name).write_bytes(head)
    done = subprocess.run(
        [sys.executable, "-c", BLOCKED, *(tmp_path / x for x in heads)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 3, done.stderr
    for line, name in zip(lines, ("HEIF", "JPEG XL", "raw"), strict=True):
        assert f"{name}. Expected the package" in line
        assert "sis-keras[formats]" in line


# === In and out ===


@pytest.mark.parametrize("suffix", NEWER)
@pytest.mark.parametrize("alpha", [None, RGBA[..., 3]], ids=["opaque", "alpha"])
def test_lossless_stays_lossless(tmp_path, suffix, alpha):
    importorskip(suffix)
    path = tmp_path / f"a{suffix}"
    assert not write_photograph(path, RGB, photograph(alpha=alpha))
    found = read_photograph(path)
    # AVIF's are rounded once, from brightness and colours back.
    tolerance = 3 if suffix == ".avif" else 0
    assert np.abs(found.pixels - RGB.astype(int)).max() <= tolerance
    if alpha is not None:
        np.testing.assert_array_equal(found.alpha, alpha)


@pytest.mark.parametrize("suffix", NEWER)
def test_metadata(tmp_path, suffix):
    importorskip(suffix)
    exif = b"Exif\0\0" + date_exif(orientation=6)
    Image.fromarray(PICTURE).save(tmp_path / "a.png", exif=exif)
    like = read_photograph(tmp_path / "a.png")._replace(xmp=b"<x/>")
    for _ in range(2):
        path = tmp_path / f"b{suffix}"
        assert not write_photograph(path, like.pixels, like)
        like = read_photograph(path)
        assert like.pixels.shape == (64, 48, 3)
        assert b"2001:02:03 04:05:06" in like.exif
        assert like.xmp == b"<x/>"


@pytest.mark.parametrize("suffix", [".heic", ".jxl"])
def test_deep(tmp_path, suffix):
    importorskip(suffix)
    deep = gradient(dtype=np.uint16)
    path = tmp_path / f"a{suffix}"
    notes = write_photograph(path, deep, photograph(deep))
    found = read_photograph(path)
    assert found.pixels.dtype == np.uint16
    most = {".heic": 64, ".jxl": 0}[suffix]
    assert np.abs(found.pixels.astype(int) - deep).max() <= most
    expected = {".heic": ("its 16 bits a channel become 10",), ".jxl": ()}
    assert notes == expected[suffix]


def test_deep_avif(tmp_path):
    codecs = pytest.importorskip("imagecodecs")
    importorskip(".avif")
    deep = gradient(dtype=np.uint16)
    packed = codecs.avif_encode(deep >> 6, level=99, bitspersample=10)
    (tmp_path / "a.avif").write_bytes(packed)
    found = read_photograph(tmp_path / "a.avif")
    assert found.pixels.dtype == np.uint16
    assert np.abs(found.pixels.astype(int) - deep).mean() < 400


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".jxl", ".webp", ".avif"])
def test_profile_is_kept_or_gone_by(tmp_path, suffix):
    importorskip(suffix) if suffix in NEWER else None
    linear = matrix_profile(REC709, D65, b"curv" + bytes(8))
    flat = np.full((32, 32, 3), 55, np.uint8)
    path = tmp_path / f"a{suffix}"
    write_photograph(path, flat, photograph(flat, icc=linear))
    found = read_photograph(path)
    if found.icc and suffix != ".jxl":  # Its decoder says sRGB.
        assert found.icc == linear and found.pixels[0, 0, 0] in (54, 55, 56)
    else:
        assert np.abs(found.pixels.astype(int) - 128).max() <= 2


def grey_profile():
    """Of gamma 1.0."""
    curve = b"curv\0\0\0\0\0\0\0\1\1\0"  # 1.0
    start = 144
    icc = bytearray(start + len(curve))
    icc[16:20] = b"GRAY"
    icc[128:144] = b"\0\0\0\1kTRC\0\0\0\x90\0\0\0\x0e"
    icc[start:] = curve
    return bytes(icc)


@pytest.mark.parametrize("suffix", [".bmp", ".gif", ".jxl"])
def test_grey_profile_of_what_holds_no_profile(tmp_path, suffix):
    """The grey of linear light 100 of 255 is 168 in sRGB."""
    importorskip(suffix) if suffix in NEWER else None
    grey = np.full((32, 32, 3), 100, np.uint8)
    path = tmp_path / f"a{suffix}"
    like = photograph(grey, grey=True, icc=grey_profile())
    write_photograph(path, grey, like)
    found = read_photograph(path)
    assert np.abs(found.pixels.astype(int) - 168).max() <= 1


@pytest.mark.parametrize("name", ["a.webp", "a.avif"])
def test_grey_profile_of_what_holds_no_grey(tmp_path, name):
    """One of the same curve for three equal channels."""
    importorskip(".avif") if name == "a.avif" else None
    grey = np.repeat(PICTURE[..., :1], 3, axis=2)
    like = photograph(grey, grey=True, icc=grey_profile(), format="JPEG")
    write_photograph(tmp_path / name, grey, like)
    found = read_photograph(tmp_path / name)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(found.icc))
    shown = ImageCms.profileToProfile(
        Image.fromarray(found.pixels), profile, ImageCms.createProfile("sRGB")
    )
    light = grey / 255
    low, high = 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    expected = 255 * np.where(light <= 0.0031308, low, high)
    assert np.abs(np.asarray(shown) - expected).mean() < 2


# === WebP, BMP, GIF ===


def test_lossless_webp(tmp_path):
    hidden = RGBA.copy()
    hidden[:5, :, 3] = 0
    Image.fromarray(hidden).save(tmp_path / "a.webp", lossless=True, exact=True)
    read = read_photograph(tmp_path / "a.webp")
    assert not write_photograph(tmp_path / "b.webp", read.pixels, read)
    found = np.asarray(Image.open(tmp_path / "b.webp"))
    np.testing.assert_array_equal(found, hidden)
    write_photograph(tmp_path / "c.webp", read.pixels, read, quality=50)
    assert b"VP8L" not in (tmp_path / "c.webp").read_bytes()


def test_lossy_webp_stays_lossy(tmp_path):
    (tmp_path / "a.jpg").write_bytes(jpeg(PICTURE))
    read = read_photograph(tmp_path / "a.jpg")
    write_photograph(tmp_path / "b.webp", read.pixels, read)
    assert b"VP8L" not in (tmp_path / "b.webp").read_bytes()


@pytest.mark.parametrize("header", [56, 108, 124])
@pytest.mark.parametrize("alpha", [0, 9])
def test_alpha_of_a_bitmap(tmp_path, header, alpha):
    """0 everywhere is none: the program that wrote it meant none."""
    height, width = RGB.shape[:2]
    fill = np.full((height, width, 1), alpha, np.uint8)
    data = np.dstack([RGB[::-1, :, ::-1], fill[::-1]]).tobytes()
    head = np.array([header, width, height], "<u4").tobytes()
    head += b"\1\0\x20\0\3\0\0\0" + len(data).to_bytes(4, "little") + bytes(16)
    masks = np.array([0xFF0000, 0xFF00, 0xFF, 0xFF000000], "<u4").tobytes()
    head = (head + masks).ljust(header, b"\0")
    sizes = np.array([14 + header + len(data), 0, 14 + header], "<u4")
    (tmp_path / "a.bmp").write_bytes(b"BM" + sizes.tobytes() + head + data)
    read = read_photograph(tmp_path / "a.bmp")
    np.testing.assert_array_equal(read.pixels, RGB)
    assert (read.alpha is None) == (alpha == 0)


def test_gif(tmp_path):
    flat = np.zeros((16, 16, 4), np.uint8)
    flat[:8] = 200, 100, 50, 255
    like = photograph(flat[..., :3].copy(), alpha=flat[..., 3], comment=b"mine")
    (note,) = write_photograph(tmp_path / "a.gif", like.pixels, like)
    assert "256" in note
    read = read_photograph(tmp_path / "a.gif")
    assert read.comment == b"mine" and read.format == "GIF"
    np.testing.assert_array_equal(read.alpha, flat[..., 3])
    np.testing.assert_array_equal(read.pixels[:8], flat[:8, :, :3])


def test_density_of_a_bitmap(tmp_path):
    like = photograph(density=(300, 300))
    write_photograph(tmp_path / "a.bmp", RGB, like)
    found = read_photograph(tmp_path / "a.bmp").density
    np.testing.assert_allclose(found, (300, 300), atol=0.05)


# === Words for what is lost ===


def test_lost(tmp_path):
    like = photograph(
        exif=b"Exif\0\0" + date_exif(), iptc=b"\x1c\x02", density=(300, 300)
    )
    (note,) = write_photograph(tmp_path / "a.bmp", RGB, like)
    assert note == "left out, as BMP has no place for it: EXIF, IPTC"
    deep = DEEP[..., :3]
    (note,) = write_photograph(tmp_path / "a.bmp", deep, photograph(deep))
    assert note == "its 16 bits a channel become 8"


def test_exif_without_sense_is_named(tmp_path):
    source = png(PICTURE, [(b"eXIf", b"nothing that would parse")])
    (tmp_path / "a.png").write_bytes(source)
    assert "does not parse" in read_photograph(tmp_path / "a.png").notes[0]
