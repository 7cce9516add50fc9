"""What TIFF files say of their pictures arrives, whatever it is."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image
from raw_tiff import (
    ascii_,
    block,
    canon,
    canon_type,
    long_,
    rational,
    raw_tiff,
    short,
    xp,
)
from sample_photographs import GREY, HEIGHT, RGB, WIDTH, photograph

from sis_keras.files.photographs import read_photograph, write_photograph

MAKER_NOTE_LEFT_OUT = (
    "the maker note is left out: its offsets would point elsewhere"
)


def passed_on(tmp_path, data, target="b.tif"):
    """A file's bytes, read and written; all the notes."""
    (tmp_path / "a.tif").write_bytes(data)
    found = read_photograph(tmp_path / "a.tif")
    notes = write_photograph(tmp_path / target, found.pixels, found)
    return (tmp_path / target).read_bytes(), (*found.notes, *notes)


def tags_of(data):
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        return {tag.code: tag for tag in file.pages.first.tags}


def jpeg(exif):
    file = io.BytesIO()
    Image.fromarray(RGB).save(file, "JPEG", exif=b"Exif\0\0" + exif)
    return file.getvalue()


def exif_of(data):
    """EXIF's directories, by Pillow."""
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        return exif, exif.get_ifd(0x8769), exif.get_ifd(0x8825)


# === Tags of TIFF ===


@pytest.mark.parametrize("order", ["<", ">"])
def test_whole_values(tmp_path, order):
    """Text of any alphabet, words of Windows, maps, and what nobody knows."""
    words = "Grüße vom Straßenfest, 東京"
    doubles = struct.pack(order + "3d", 10, 10, 0)
    points = struct.pack(order + "6d", 0, 0, 0, 500000, 5200000, 0)
    tags = {
        269: ascii_("Album 12"),
        270: ascii_(words),
        285: ascii_("Seite"),
        0x4746: short(4, order=order),
        0x9C9B: xp("Hafen"),
        33550: (12, 3, doubles),
        33922: (12, 6, points),
        34735: short(1, 1, 0, 1, 1024, 0, 1, 1, order=order),
        42113: ascii_("-9999"),
        65000: (9, 2, struct.pack(order + "2i", -5, 7)),
    }
    data, notes = passed_on(tmp_path, raw_tiff(RGB, tags, order))
    assert not notes
    before, after = tags_of(raw_tiff(RGB, tags, order)), tags_of(data)
    for code, (kind, count, _) in tags.items():
        assert after[code].dtype == kind and after[code].count == count
        assert after[code].value == before[code].value, code
    assert words.encode() in data


def test_resolution_is_kept(tmp_path):
    tags = {282: rational(11811, 100), 283: rational(11811, 100), 296: short(3)}
    data, _ = passed_on(tmp_path, raw_tiff(RGB, tags))
    after = tags_of(data)
    assert after[282].value == (11811, 100) and after[296].value == 3
    density = read_photograph(tmp_path / "a.tif").density
    np.testing.assert_allclose(density, 300, rtol=1e-4)
    like = photograph(RGB, density=(240, 72.5))
    write_photograph(tmp_path / "c.tif", RGB, like)
    found = read_photograph(tmp_path / "c.tif")
    assert found.density == (240, 72.5)


def test_blocks_cross_formats(tmp_path):
    """XMP, IPTC and a comment of a JPEG file, in a TIFF file."""
    xmp = b"<x:xmpmeta tiff:Orientation='6'>xmp</x:xmpmeta>"
    iptc = b"\x1c\x02\x78\0\x07harbour"
    like = photograph(xmp=xmp, iptc=iptc, comment="Grüße".encode())
    assert not write_photograph(tmp_path / "a.tif", RGB, like)
    after = tags_of((tmp_path / "a.tif").read_bytes())
    assert bytes(after[700].value) == xmp
    assert bytes(after[33723].value) == iptc
    found = read_photograph(tmp_path / "a.tif")
    assert found.iptc == iptc
    assert found.xmp == xmp.replace(b"6", b"1")
    assert "Grüße".encode() + b"\0" in found.exif
    like = like._replace(exif=b"Exif\0\0" + block({270: ascii_("words")}))
    notes = write_photograph(tmp_path / "a.tif", RGB, like)
    assert "the comment is left out: there is a description" in notes


@pytest.mark.parametrize("kind", [1, 4, 7])
@pytest.mark.parametrize("order", ["<", ">"])
def test_iptc_of_every_type(tmp_path, kind, order):
    """Its bytes lie in one order, even where they are said to be numbers."""
    iptc = b"\x1c\x02\x78\0\x07harbour"
    tags = {33723: (kind, len(iptc) // (4 if kind == 4 else 1), iptc)}
    (tmp_path / "a.tif").write_bytes(raw_tiff(RGB, tags, order))
    assert read_photograph(tmp_path / "a.tif").iptc == iptc


def test_photoshop(tmp_path):
    """Its resources are kept, its thumbnail and layers are not."""

    def resource(number, data):
        head = b"8BIM" + struct.pack(">HHI", number, 0, len(data))
        return head + data + b"\0" * (len(data) % 2)

    iptc = b"\x1c\x02\x78\0\x07harbour"
    kept = resource(0x040B, b"http://example.org")
    data = kept + resource(0x040C, b"thumbnail") + resource(0x0404, iptc)
    tags = {34377: (1, len(data), data), 37724: (7, 9, b"old layer")}
    data, notes = passed_on(tmp_path, raw_tiff(RGB, tags))
    assert notes == ("layers are left out: they show the picture as it was",)
    after = tags_of(data)
    assert bytes(after[34377].value) == kept
    assert bytes(after[33723].value) == iptc
    assert 37724 not in after


def test_no_map_where_it_was_turned(tmp_path):
    tags = {274: short(6), 33550: (12, 3, struct.pack("<3d", 10, 10, 0))}
    data, notes = passed_on(tmp_path, raw_tiff(RGB, tags))
    assert 33550 not in tags_of(data)
    assert "GeoTIFF's place is left out: the picture was turned" in notes


def test_other_formats_lose_the_map(tmp_path):
    tags = {33550: (12, 3, struct.pack("<3d", 10, 10, 0))}
    _, notes = passed_on(tmp_path, raw_tiff(RGB, tags), "b.png")
    assert notes == ("only a TIFF file holds GeoTIFF's place: left out",)


# === EXIF ===


SOUTH = rational(-33, 1, 51, 1, 30, 1, signed=True)
CAMERA = {
    271: ascii_("Maker"),
    0x8769: {
        0x9003: ascii_("2001:02:03 04:05:06"),
        0xA002: short(999),
        0xA005: {1: ascii_("R98")},
    },
    0x8825: {0: ascii_("2.2.0.0"), 1: ascii_("S"), 2: SOUTH},
}


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("source", ["JPEG", "TIFF"])
def test_odd_tags_are_kept(tmp_path, source, big):
    """GPS's version as text, a southern latitude as negative numbers."""
    data = jpeg(block(CAMERA)) if source == "JPEG" else raw_tiff(RGB, CAMERA)
    (tmp_path / "a").write_bytes(data)
    like = read_photograph(tmp_path / "a")
    if big:
        tifffile.imwrite(tmp_path / "c.tif", RGB, bigtiff=True)
        own = read_photograph(tmp_path / "c.tif").own
        like = like._replace(own=own)
    assert not write_photograph(tmp_path / "b.tif", like.pixels, like)
    data = (tmp_path / "b.tif").read_bytes()
    assert SOUTH[2] in data and b"R98" in data
    after = tags_of(data)
    assert after[271].value == "Maker"
    exif, gps = after[0x8769].value, after[0x8825].value
    assert exif["DateTimeOriginal"] == "2001:02:03 04:05:06"
    assert exif["PixelXDimension"] == WIDTH
    assert gps["GPSLatitude"] == (-33, 1, 51, 1, 30, 1)
    assert gps["GPSVersionID"] == "2.2.0.0"


@pytest.mark.parametrize("target", ["b.jpg", "b.png", "b.webp"])
def test_exif_goes_to_others(tmp_path, target):
    tags = CAMERA | {274: short(6), 0x9C9B: xp("Hafen"), 0x4746: short(4)}
    tags[0x8825] = {1: ascii_("N"), 2: rational(1, 1, 2, 1, 7, 2)}
    data, _ = passed_on(tmp_path, raw_tiff(RGB, tags), target)
    root, exif, gps = exif_of(data)
    assert root[271] == "Maker" and root[0x4746] == 4
    assert root[0x9C9B] == xp("Hafen")[2]
    assert root.get(274, 1) == 1
    assert exif[0xA002] == HEIGHT  # It was turned.
    assert b"R98" in data
    assert gps[2] == (1.0, 2.0, 3.5)


def test_a_thumbnail_first_speaks_for_the_picture(tmp_path):
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(
            RGB[::4, ::4],
            photometric="rgb",
            subfiletype=1,
            extratags=[(271, 2, 0, "Maker", True)],
        )
        file.write(RGB, photometric="rgb")
    found = read_photograph(path)
    np.testing.assert_array_equal(found.pixels, RGB)
    assert b"Maker\0" in found.exif
    assert "thumbnail" in found.notes[0]


# === Maker notes ===


@pytest.mark.parametrize("order", ["<", ">"])
def test_maker_note_whose_offsets_hold(tmp_path, order):
    """From JPEG to TIFF to TIFF to JPEG, at one place."""
    (tmp_path / "a.jpg").write_bytes(jpeg(canon(order)))
    source = "a.jpg"
    for target in ("b.tif", "c.tif", "d.jpg"):
        found = read_photograph(tmp_path / source)
        assert not write_photograph(tmp_path / target, RGB, found)
        data = (tmp_path / target).read_bytes()
        if target.endswith("jpg"):
            data = data[data.index(b"Exif\0\0") + 6 :]
        note = canon(order).index(struct.pack(order + "HHHI", 2, 6, 2, 22))
        assert canon_type(data, note, order) == "A camera of some kind"
        source = target
    with tifffile.TiffFile(tmp_path / "c.tif") as file:
        tag = file.pages.first.tags[0x8769].value["MakerNote"]
    assert len(tag) > 40


def test_maker_note_far_away_is_left_out(tmp_path):
    tall = np.tile(GREY, (400, 1))
    exif = {0x8769: {0x927C: (7, 40, b"SONY DSC " + bytes(31))}}
    plain = raw_tiff(tall, {0x8769: long_(0)})
    place = len(plain)
    # The directory comes behind the pixels, as cameras' and tools' files do.
    behind = block(exif[0x8769])[8:]
    moved = bytearray(plain + behind)
    entry = moved.index(struct.pack("<HHII", 0x8769, 4, 1, 0))
    struct.pack_into("<I", moved, entry + 8, place)
    (offset,) = struct.unpack_from("<I", behind, 10)
    struct.pack_into("<I", moved, place + 10, offset - 8 + place)
    data, notes = passed_on(tmp_path, bytes(moved))
    assert notes == (MAKER_NOTE_LEFT_OUT,)
    assert b"SONY DSC" not in data


def test_maker_note_that_may_move(tmp_path):
    note = b"FUJIFILM" + bytes(range(60))
    tall = np.tile(GREY, (4, 1))
    tags = {0x8769: {0x927C: (7, len(note), note)}}
    data, notes = passed_on(tmp_path, raw_tiff(tall, tags))
    assert note in data and not notes
