"""PNG files: all but the pixels is carried."""

import io
import struct
import zlib

import numpy as np
import pytest
from picture_bytes import date_exif, gradient, png, png_chunks
from PIL import Image, ImageCms
from sample_photographs import photograph

from sis_keras.files.photographs import read_photograph, write_photograph

RGB, DEEP = gradient(), gradient(dtype=np.uint16)
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def passed(tmp_path, data, target="b.png"):
    (tmp_path / "a.png").write_bytes(data)
    read = read_photograph(tmp_path / "a.png")
    notes = write_photograph(tmp_path / target, read.pixels, read)
    return read, (tmp_path / target).read_bytes(), (*read.notes, *notes)


# === Chunks ===


@pytest.mark.parametrize("pixels", [RGB, DEEP], ids=["8", "16"])
@pytest.mark.parametrize("last", [False, True], ids=["before", "after"])
def test_chunks_are_kept(tmp_path, pixels, last):
    exif = date_exif()
    kept = [
        (b"pHYs", struct.pack(">IIB", 11811, 5906, 1)),
        (b"tIME", struct.pack(">HBBBBB", 2001, 2, 3, 4, 5, 6)),
        (b"tEXt", b"Author\0Someone"),
        (b"zTXt", b"parameters\0\0" + zlib.compress(b"steps 20")),
        (b"iTXt", b"Title\0\0\0de\0Titel\0Gr\xc3\xbc\xc3\x9fe"),
        (b"eXIf", exif),
        (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0<x/>"),
        (b"prVt", b"private, safe to copy"),
    ]
    kept[-1] = (b"prVt", b"private, safe to copy")
    around = {"after" if last else "before": kept}
    read, data, notes = passed(tmp_path, png(pixels, **around))
    assert not notes
    found = png_chunks(data)
    for chunk in kept:
        assert found.count(chunk) == 1
    np.testing.assert_array_equal(read.pixels, pixels)
    again = read_photograph(tmp_path / "b.png")
    np.testing.assert_array_equal(again.pixels, pixels)
    assert again.exif == b"Exif\0\0" + exif and again.xmp == b"<x/>"
    assert np.round(again.density).tolist() == [300, 150]


def test_what_is_not_safe_to_copy_is_named(tmp_path):
    _, data, notes = passed(tmp_path, png(RGB, [(b"prVT", b"of these pixels")]))
    assert not [x for x in png_chunks(data) if x[0] == b"prVT"]
    assert notes == ("chunks of unknown meaning are left out: prVT",)


@pytest.mark.parametrize("pixels", [RGB, DEEP], ids=["8", "16"])
def test_large_chunks(tmp_path, pixels):
    """Of more than Pillow and libpng take."""
    noise = np.random.default_rng(0).integers(0, 256, 9_000_000, np.uint8)
    text = (b"tEXt", b"Comment\0" + bytes(2_000_000).replace(b"\0", b"x"))
    profile = SRGB + noise.tobytes()
    packed = (b"iCCP", b"scanner\0\0" + zlib.compress(profile, 0))
    read, data, notes = passed(tmp_path, png(pixels, [packed, text]))
    assert not notes and read.icc == profile
    assert packed in png_chunks(data) and text in png_chunks(data)
    np.testing.assert_array_equal(read.pixels, pixels)


@pytest.mark.parametrize("kind", [b"exif", b"APP1"])
def test_raw_profile(tmp_path, kind):
    block = b"Exif\0\0" + date_exif(orientation=6)
    digits = block.hex().encode()
    text = b"\n%s\n%8d\n%s\n" % (kind, len(block), digits)
    name = b"Raw profile type " + kind
    source = png(RGB, [(b"zTXt", name + b"\0\0" + zlib.compress(text))])
    read, data, _ = passed(tmp_path, source)
    np.testing.assert_array_equal(read.pixels, np.rot90(RGB, -1))
    assert read.exif == b"Exif\0\0" + date_exif()
    names = [x for x, _ in png_chunks(data)]
    assert names.count(b"eXIf") == 1 and b"zTXt" not in names


def test_words_of_other_formats(tmp_path):
    iptc = b"\x1c\x02\x78\0\x07harbour"
    like = photograph(
        RGB, format="JPEG", iptc=iptc, comment=b"Gr\xfc\xdfe", xmp=b"<x/>"
    )
    assert not write_photograph(tmp_path / "a.png", RGB, like)
    read = read_photograph(tmp_path / "a.png")
    assert read.iptc == iptc and read.xmp == b"<x/>"
    assert read.comment.decode() == "Grüße"


# === Colours ===


def shown(photo):
    """uint8 sRGB, as a program shows it that knows profiles."""
    image = Image.fromarray(photo.pixels)
    if photo.icc:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(photo.icc))
        to = ImageCms.createProfile("sRGB")
        image = ImageCms.profileToProfile(image, profile, to)
    return np.asarray(image).astype(int)


@pytest.mark.parametrize("target", ["b.png", "b.webp", "b.bmp", "b.jpg"])
def test_gamma(tmp_path, target):
    """Linear light: kept by PNG, a profile elsewhere, or converted."""
    chunk = (b"gAMA", struct.pack(">I", 100_000))
    _, data, notes = passed(tmp_path, png(RGB, [chunk]), target)
    assert not notes
    if target == "b.png":
        assert chunk in png_chunks(data)
        assert b"iCCP" not in data
    light = RGB / 255
    low, high = 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055
    expected = 255 * np.where(light <= 0.0031308, low, high)
    off = np.abs(shown(read_photograph(tmp_path / target)) - expected)
    assert off.mean() < 1.5


def test_gamma_of_srgb_needs_no_profile(tmp_path):
    chunk = (b"gAMA", struct.pack(">I", 45455))
    read, _, _ = passed(tmp_path, png(RGB, [chunk]), "b.jpg")
    assert read.icc is None


def test_chromaticities(tmp_path):
    """Of Display P3: its red is out of sRGB."""
    places = (31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    chunks = [
        (b"cHRM", struct.pack(">8I", *places)),
        (b"gAMA", struct.pack(">I", 45455)),
    ]
    red = np.full((8, 8, 3), (200, 60, 60), np.uint8)
    _, data, _ = passed(tmp_path, png(red, chunks))
    assert set(chunks) <= set(png_chunks(data))
    passed(tmp_path, png(red, chunks), "b.webp")
    found = shown(read_photograph(tmp_path / "b.webp"))[0, 0]
    p3_to_srgb = [
        [1.2249, -0.2247, 0.0],
        [-0.0420, 1.0419, 0.0],
        [-0.0197, -0.0786, 1.0979],
    ]
    light = p3_to_srgb @ (np.array([200, 60, 60]) / 255) ** 2.2
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    assert np.abs(found - expected).max() <= 2


@pytest.mark.parametrize("numbers", [(9, 16), (12, 13)])
def test_coding_independent_code_points(tmp_path, numbers):
    chunk = (b"cICP", bytes([*numbers, 0, 1]))
    read, data, _ = passed(tmp_path, png(DEEP, [chunk]))
    assert chunk in png_chunks(data)
    np.testing.assert_array_equal(read.pixels, DEEP)
    assert (read.icc is None) == (numbers == (9, 16))


# === Kinds of channels ===


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_transparent_key(tmp_path, dtype, channels):
    pixels = gradient(dtype=dtype)[..., :channels].copy()
    pixels[:, :20] = 77
    key = struct.pack(f">{channels}H", *[77] * channels)
    read, _, _ = passed(tmp_path, png(pixels, [(b"tRNS", key)]))
    most = np.iinfo(dtype).max
    expected = np.where((pixels == 77).all(axis=2), 0, most)
    np.testing.assert_array_equal(read.alpha, expected)
    assert read.grey == (channels == 1)
    again = read_photograph(tmp_path / "b.png")
    np.testing.assert_array_equal(again.alpha, expected)


def test_transparent_key_of_two_bits(tmp_path):
    header = struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0)
    pixels = zlib.compress(b"\0\x1b")  # 0, 1, 2, 3
    source = png(RGB, [(b"tRNS", struct.pack(">H", 2))])
    for old, new in zip(
        [x for _, x in png_chunks(source) if len(x) != 2 and x],
        [header, pixels],
        strict=True,
    ):
        parts = source.partition(old)
        name = parts[0][-4:]
        length = struct.pack(">I", len(new))
        check = struct.pack(">I", zlib.crc32(name + new))
        source = parts[0][:-8] + length + name + new + check + parts[2][4:]
    read, _, _ = passed(tmp_path, source)
    assert read.pixels[0, :, 0].tolist() == [0, 85, 170, 255]
    assert read.alpha.tolist() == [[255, 255, 0, 255]]


def test_deep_grey_with_alpha(tmp_path):
    read, data, _ = passed(tmp_path, png(DEEP[..., :2]))
    assert data[25] == 4 and read.grey
    np.testing.assert_array_equal(read.pixels[..., 1], DEEP[..., 0])
    np.testing.assert_array_equal(read.alpha, DEEP[..., 1])
