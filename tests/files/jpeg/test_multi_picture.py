"""JPEG files with more behind the first picture."""

import io
import struct

import numpy as np
import pytest
from picture_bytes import exif_block as block_of
from picture_bytes import gradient, jpeg, short, with_segments
from PIL import Image

from sis_keras.files.photographs import read_photograph, write_photograph

RGB = gradient()
SECOND = RGB[::2, ::2, 0]


def pair(orientation):
    """Pillow writes MPF; its place in the file is kept by equal lengths."""
    exif = b"Exif\0\0" + block_of({0x0112: short(orientation)})
    file = io.BytesIO()
    images = [Image.fromarray(x) for x in (RGB, SECOND)]
    images[0].save(
        file, "MPO", save_all=True, append_images=images[1:], exif=exif
    )
    return file.getvalue()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_second_picture_is_found_again(tmp_path, orientation):
    """It lies as the first did."""
    (tmp_path / "a.jpg").write_bytes(pair(orientation))
    read = read_photograph(tmp_path / "a.jpg")
    notes = write_photograph(tmp_path / "b.jpg", read.pixels, read)
    assert len(notes) == 1 and "second picture" in notes[0]
    with Image.open(tmp_path / "b.jpg") as image:
        assert image.n_frames == 2
        assert image.getexif()[0x0112] == orientation
        assert image.size == (64, 48)
        assert np.abs(np.asarray(image) - RGB.astype(int)).max() < 20
        image.seek(1)
        with Image.open(tmp_path / "a.jpg") as source:
            source.seek(1)
            np.testing.assert_array_equal(image, source)
    again = read_photograph(tmp_path / "b.jpg")
    assert again.pixels.shape == read.pixels.shape


def test_named_where_it_is_lost(tmp_path):
    (tmp_path / "a.jpg").write_bytes(pair(1))
    read = read_photograph(tmp_path / "a.jpg")
    notes = write_photograph(tmp_path / "b.png", read.pixels, read)
    assert len(notes) == 1 and "second picture" in notes[0]
    wide = np.concatenate([read.pixels] * 2, axis=1)
    notes = write_photograph(tmp_path / "b.jpg", wide, read)
    assert len(notes) == 1 and "left out" in notes[0]
    with Image.open(tmp_path / "b.jpg") as image:
        assert getattr(image, "n_frames", 1) == 1


def test_damaged_index(tmp_path):
    mpf = b"MPF\0II*\0\x08\0\0\0\xff\xff"
    source = with_segments(jpeg(RGB), (0xE2, mpf)) + b"more"
    (tmp_path / "a.jpg").write_bytes(source)
    read = read_photograph(tmp_path / "a.jpg")
    write_photograph(tmp_path / "b.jpg", read.pixels, read)
    assert (tmp_path / "b.jpg").read_bytes().endswith(b"\xff\xd9more")


def test_video_behind_the_picture(tmp_path):
    """A motion photo: what counts from the file's end still holds."""
    video = struct.pack(">I", 24) + b"ftypmp42" + bytes(range(256)) * 9
    (tmp_path / "a.jpg").write_bytes(jpeg(RGB) + video)
    read = read_photograph(tmp_path / "a.jpg")
    assert not write_photograph(tmp_path / "b.jpg", read.pixels, read)
    assert (tmp_path / "b.jpg").read_bytes().endswith(b"\xff\xd9" + video)
    (note,) = write_photograph(tmp_path / "b.png", read.pixels, read)
    assert "what follows the picture" in note
