"""JPEG files: all but the pixels is carried."""

import io
import struct

import numpy as np
import pytest
from picture_bytes import (
    UNDEFINED,
    date_exif,
    exif_block,
    gradient,
    jpeg,
    long,
    png,
    segments,
    short,
    with_segments,
    words,
)
from PIL import Image
from sample_photographs import RGBA, photograph

from sis_keras.errors import UserError
from sis_keras.files.photographs import read_photograph, write_photograph

RGB = gradient()
XMP = b"http://ns.adobe.com/xap/1.0/\0"
IPTC = b"\x1c\x02\x78\0\x07harbour"
PHOTOSHOP = b"Photoshop 3.0\x008BIM\x04\x04\0\0\0\0\0\x0c" + IPTC


def passed(tmp_path, data, target="b.jpg"):
    """What was read, what was written, and what could not be kept."""
    (tmp_path / "a.jpg").write_bytes(data)
    read = read_photograph(tmp_path / "a.jpg")
    notes = write_photograph(tmp_path / target, read.pixels, read)
    return read, (tmp_path / target).read_bytes(), (*read.notes, *notes)


def data_of(data, marker, beginning=b""):
    return [
        body
        for found, body in segments(data)
        if found == marker and body.startswith(beginning)
    ]


# === Tables ===


@pytest.mark.parametrize("quality, subsampling", [(55, 2), (80, 1), (93, 0)])
@pytest.mark.parametrize("progressive", [False, True])
def test_tables_and_subsampling(tmp_path, quality, subsampling, progressive):
    source = jpeg(
        RGB, quality=quality, subsampling=subsampling, progressive=progressive
    )
    read, written, notes = passed(tmp_path, source)
    before, after = (Image.open(io.BytesIO(x)) for x in (source, written))
    assert after.quantization == before.quantization
    assert [x[1:3] for x in after.layer] == [x[1:3] for x in before.layer]
    assert bool(after.info.get("progressive")) == progressive
    assert not notes
    path = tmp_path / "asked.jpg"
    write_photograph(path, read.pixels, read, quality=20)
    assert Image.open(path).quantization != before.quantization


def test_noise_of_the_highest_quality(tmp_path):
    """More than two bytes a pixel, which is Pillow's place for it."""
    noise = np.random.default_rng(0).integers(256, size=(400, 400, 3))
    source = jpeg(RGB, quality=100, subsampling=0, progressive=True)
    (tmp_path / "a.jpg").write_bytes(source)
    like = read_photograph(tmp_path / "a.jpg")
    write_photograph(tmp_path / "b.jpg", noise.astype(np.uint8), like)
    assert (tmp_path / "b.jpg").stat().st_size > 2 * 400 * 400
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.info["progressive"]
        assert np.abs(np.asarray(image).astype(int) - noise).mean() < 2


def test_other_sources_have_the_best(tmp_path):
    write_photograph(tmp_path / "a.jpg", RGB, photograph(RGB))
    with Image.open(tmp_path / "a.jpg") as image:
        assert [x[1:3] for x in image.layer] == [(1, 1)] * 3
        assert image.quantization[0][0] <= 2


# === What stands before the pixels ===


def test_segments_are_kept(tmp_path):
    packet = b'<x tiff:Orientation="1" xmp:Rating="4"/>'
    _, data, notes = passed(
        tmp_path,
        with_segments(
            jpeg(RGB, dpi=(300, 300)),
            (0xE1, b"Exif\0\0" + date_exif()),
            (0xE1, XMP + packet),
            (0xEC, b"Ducky\0\1\0\4\0\0\0\x3c"),
            (0xED, PHOTOSHOP),
            (0xFE, b"a comment"),
            (0xFE, b"another"),
        ),
    )
    assert not notes
    assert data_of(data, 0xE1, b"Exif") == [b"Exif\0\0" + date_exif()]
    assert data_of(data, 0xE1, XMP) == [XMP + packet]
    assert data_of(data, 0xEC) == [b"Ducky\0\1\0\4\0\0\0\x3c"]
    assert data_of(data, 0xED) == [PHOTOSHOP]
    assert data_of(data, 0xFE) == [b"a comment", b"another"]


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_density_as_it_stood(tmp_path, unit):
    source = bytearray(jpeg(RGB))
    source[13:18] = struct.pack(">BHH", unit, 118, 59)
    read, data, _ = passed(tmp_path, bytes(source))
    assert data[:20] == source[:20]
    scale = {0: None, 1: 1, 2: 2.54}[unit]
    expected = scale and (118 * scale, 59 * scale)
    assert read.density == expected


def test_no_density_is_made_up(tmp_path):
    """A camera's file without JFIF, whose EXIF says 300."""
    dots = (5, 1, struct.pack("<II", 300, 1))
    block = exif_block({0x011A: dots, 0x011B: dots, 0x0128: short(2)})
    source = jpeg(RGB)
    source = source[:2] + source[20:]  # JFIF's segment
    exif = struct.pack(">BBH", 0xFF, 0xE1, len(block) + 8) + b"Exif\0\0" + block
    read, data, _ = passed(tmp_path, source[:2] + exif + source[2:])
    assert not data_of(data, 0xE0)
    np.testing.assert_allclose(Image.open(io.BytesIO(data)), RGB, atol=16)
    like = photograph(RGB, exif=read.exif)
    write_photograph(tmp_path / "c.jpg", RGB, like)
    with Image.open(tmp_path / "c.jpg") as image:
        assert image.info["dpi"] == (300, 300)


def test_words_of_other_formats(tmp_path):
    like = photograph(
        RGB, xmp=b"<x/>", iptc=IPTC, comment=b"a comment", density=(240, 120)
    )
    assert not write_photograph(tmp_path / "a.jpg", RGB, like)
    data = (tmp_path / "a.jpg").read_bytes()
    assert data_of(data, 0xE1) == [XMP + b"<x/>"]
    assert data_of(data, 0xED) == [PHOTOSHOP]
    assert data_of(data, 0xFE) == [b"a comment"]
    assert struct.unpack_from(">BHH", data, 13) == (1, 240, 120)


def test_alpha_and_texts_are_named(tmp_path):
    source = png(RGBA, [(b"tEXt", b"parameters\0steps 20")])
    _, _, notes = passed(tmp_path, source)
    assert any("white" in note for note in notes)
    assert any("'parameters'" in note for note in notes)


def test_cmyk_is_named(tmp_path):
    file = io.BytesIO()
    Image.fromarray(RGB).convert("CMYK").save(file, "JPEG")
    _, _, notes = passed(tmp_path, file.getvalue())
    assert notes == ("its CMYK colours become sRGB",)


def test_credentials_are_named(tmp_path):
    source = with_segments(jpeg(RGB), (0xEB, b"JP\0\1\0\0\0\1jumb"))
    _, data, notes = passed(tmp_path, source)
    assert not data_of(data, 0xEB)
    assert "content credentials" in notes[0]


# === EXIF ===


def test_sizes_of_a_turned_picture(tmp_path):
    sizes = {0xA002: long(64), 0xA003: short(48)}
    block = date_exif(orientation=6, more=sizes)
    packet = b'<x exif:PixelXDimension="64" tiff:Orientation="6"/>'
    source = with_segments(
        jpeg(RGB), (0xE1, b"Exif\0\0" + block), (0xE1, XMP + packet)
    )
    _, data, _ = passed(tmp_path, source)
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (48, 64)
        found = image.getexif()
        assert found[0x0112] == 1
        folder = found.get_ifd(0x8769)
        assert (folder[0xA002], folder[0xA003]) == (48, 64)
    expected = b'<x exif:PixelXDimension="48" tiff:Orientation="1"/>'
    assert data_of(data, 0xE1, XMP) == [XMP + expected]


def test_odd_exif_is_carried(tmp_path):
    """A signed latitude, which Pillow does not write."""
    south = (10, 3, struct.pack("<6i", -33, 1, 51, 1, 30, 1))
    block = exif_block({0x8825: {1: words("S"), 2: south}, 0x010F: words("M")})
    source = with_segments(jpeg(RGB), (0xE1, b"Exif\0\0" + block))
    for name in ("b.jpg", "b.png", "b.webp", "b.avif"):
        _, _, notes = passed(tmp_path, source, name)
        assert not notes
        assert block in read_photograph(tmp_path / name).exif


@pytest.mark.parametrize("length", [100, 9000])
def test_thumbnail_is_drawn_anew(tmp_path, length):
    """In its place where it fits, else behind all."""
    old = jpeg(RGB[::-1, ::-1])[:length].ljust(length, b"\0")
    block = exif_block(
        {0x010F: words("M"), 0x8769: {0x927C: (UNDEFINED, 8, b"notenote")}},
        second={0x0103: short(6), 0x0201: long(0), 0x0202: long(length)},
    )
    place = struct.pack("<HHI", 0x0201, 4, 1)
    at = block.index(place) + 8
    block = block[:at] + struct.pack("<I", len(block)) + block[at + 4 :] + old
    source = with_segments(jpeg(RGB), (0xE1, b"Exif\0\0" + block))
    _, data, _ = passed(tmp_path, source)
    (kept,) = data_of(data, 0xE1)
    kept = kept[6:]
    # Where the maker note lies has not changed.
    assert kept.index(b"notenote") == block.index(b"notenote")
    start, size = (
        struct.unpack_from("<I", kept, kept.index(entry) + 8)[0]
        for entry in (place, struct.pack("<HHI", 0x0202, 4, 1))
    )
    drawn = Image.open(io.BytesIO(kept[start : start + size]))
    assert np.abs(np.asarray(drawn) - RGB.astype(int)).mean() < 8


def test_exif_too_long_loses_the_maker_note(tmp_path):
    note = {0x927C: (UNDEFINED, 70_000, bytes(70_000))}
    source = png(RGB, [(b"eXIf", date_exif(more=note))])
    _, data, notes = passed(tmp_path, source)
    (block,) = data_of(data, 0xE1)
    found = Image.Exif()
    found.load(block)
    folder = found.get_ifd(0x8769)
    assert folder[0x9003] == "2001:02:03 04:05:06" and 0x927C not in folder
    assert len(notes) == 1 and "maker note" in notes[0]


# === Damage ===


def test_without_its_end(tmp_path):
    _, _, notes = passed(tmp_path, jpeg(RGB)[:-2])
    read = read_photograph(tmp_path / "a.jpg")
    with Image.open(io.BytesIO(jpeg(RGB))) as image:
        np.testing.assert_array_equal(read.pixels, np.asarray(image))
    assert notes == ("the file's end was missing, and nothing of the picture",)
    with pytest.raises(UserError, match="do not decode as JPEG"):
        read_photograph(tmp_path / "a.jpg", strict=True)


@pytest.mark.parametrize("progressive", [False, True])
def test_truncated(tmp_path, progressive):
    large = gradient(240, 320)
    whole = jpeg(large, progressive=progressive)
    read, _, notes = passed(tmp_path, whole[: len(whole) * 6 // 10])
    assert len(notes) == 1 and "ends early" in notes[0]
    assert read.pixels.shape == large.shape
    if not progressive:
        rows = int(notes[0].split(" of 240")[0].split()[-1])
        with Image.open(io.BytesIO(whole)) as image:
            expected = np.asarray(image)[:rows]
        assert 8 <= rows < 240
        np.testing.assert_array_equal(read.pixels[:rows], expected)
