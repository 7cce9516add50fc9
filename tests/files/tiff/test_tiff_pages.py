"""TIFF files of many pages, and which of them are pictures."""

import io

import numpy as np
import pytest
import tifffile
from PIL import Image
from sample_photographs import DEEP, GREY, HEIGHT, RANDOM, RGB, WIDTH

from sis_keras.errors import UserError
from sis_keras.files.many.pages import page_count, restore_pages
from sis_keras.files.photographs import read_photograph, write_photograph

STACK = RANDOM.integers(0, 256, (4, 30, 40, 3), np.uint8)
DARKER = 7


def darker(pixels):
    assert pixels.dtype in (np.uint8, np.uint16)
    return pixels // DARKER


def restored(path, target):
    """How many, and what was said."""
    said = []
    count = restore_pages(path, target, darker, say=said.append, progress=False)
    return count, said


# === Many pages ===


@pytest.mark.parametrize(
    "stack, options",
    [
        (STACK[..., 0], {"imagej": True, "metadata": {"axes": "ZYX"}}),
        (STACK, {"imagej": True, "metadata": {"axes": "TYXS"}}),
        (
            STACK[..., 0].reshape(2, 2, 30, 40),
            {
                "imagej": True,
                "metadata": {"axes": "ZCYX", "Labels": list("abcd")},
            },
        ),
        (STACK[..., 0], {"ome": True, "metadata": {"axes": "ZYX"}}),
        (STACK, {"photometric": "rgb"}),
        (STACK, {"photometric": "rgb", "truncate": True}),
    ],
    ids=["ImageJ", "ImageJ RGB", "hyperstack", "OME", "shape", "truncated"],
)
def test_description_agrees_with_the_pages(tmp_path, stack, options):
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(path, stack, **options)
    assert page_count(path) == 4
    assert restored(path, target) == (4, [])
    with tifffile.TiffFile(target) as file:
        assert len(file.pages) == 4
        assert file.is_imagej == ("imagej" in options)
        assert file.is_ome == ("ome" in options)
        np.testing.assert_array_equal(file.series[0].asarray(), stack // DARKER)

    one = tmp_path / "c.tif"
    found = read_photograph(path)
    write_photograph(one, darker(found.pixels), found)
    assert "the first of 4 pages is taken" in found.notes[-1]
    with tifffile.TiffFile(one) as file:
        first = stack.reshape(STACK[..., : stack.size // 4800].shape)[0]
        assert len(file.pages) == 1
        np.testing.assert_array_equal(
            file.series[0].asarray(), first.squeeze() // DARKER
        )


def test_one_directory_for_a_stack(tmp_path):
    """ImageJ writes those of 4 GB so, and can smaller ones."""
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    stack = np.ascontiguousarray(STACK[..., 0])
    tifffile.imwrite(path, stack, imagej=True, metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as file:
        first = file.pages.first
        link = first.offset + 2 + 12 * len(first.tags)
    data = bytearray(path.read_bytes())
    data[link : link + 4] = bytes(4)
    path.write_bytes(data)
    assert page_count(path) == 4
    restored(path, target)
    with tifffile.TiffFile(target) as file:
        assert len(file.pages) == 4
        np.testing.assert_array_equal(file.asarray(), stack // DARKER)


def test_pages_of_every_kind(tmp_path):
    """Sizes, depths and words of their own."""
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    floats = (GREY / 100).astype(np.float32)
    with tifffile.TiffWriter(path) as file:
        file.write(RGB, photometric="rgb", description="one")
        file.write(DEEP[:, :9, :3], photometric="rgb", description="two")
        file.write(GREY.T, description="three")
        file.write(floats, description="four")
    count, said = restored(path, target)
    assert count == page_count(path) == 4
    assert said[0].startswith("float32 is kept")
    with tifffile.TiffFile(target) as file:
        words = [page.description for page in file.pages]
        one, two, three, four = (page.asarray() for page in file.pages)
    assert words == ["one", "two", "three", "four"]
    np.testing.assert_array_equal(one, darker(RGB))
    np.testing.assert_array_equal(two, darker(DEEP[:, :9, :3]))
    np.testing.assert_array_equal(three, darker(GREY.T))
    np.testing.assert_allclose(four, floats / DARKER, atol=1e-4)


def test_refuses_targets(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, STACK, photometric="rgb")
    (tmp_path / "b.tif").write_bytes(b"")
    with pytest.raises(UserError, match="which exists"):
        restore_pages(path, tmp_path / "b.tif", darker)
    with pytest.raises(UserError, match="any but the source"):
        restore_pages(path, path, darker, overwrite=True)
    with pytest.raises(UserError, match="a .tif or .tiff file"):
        restore_pages(path, tmp_path / "b.png", darker)


def test_damaged_page(tmp_path):
    """No file appears, and the reason is a line."""
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    tifffile.imwrite(path, STACK, photometric="rgb", compression="zlib")
    with tifffile.TiffFile(path) as file:
        place = file.pages[2].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[place : place + 99] = bytes(99)
    path.write_bytes(data)
    with pytest.raises(UserError, match="do not decode"):
        restored(path, target)
    assert not target.exists()


def test_other_files_have_one_page(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    (tmp_path / "b.tif").write_bytes(b"II*\0")
    assert page_count(tmp_path / "a.png") == 1
    assert page_count(tmp_path / "b.tif") == 1
    assert page_count(tmp_path / "missing.tif") == 1


# === Thumbnails ===


def written(*pages):
    data = io.BytesIO()
    with tifffile.TiffWriter(data) as file:
        for pixels, kind in pages:
            file.write(pixels, photometric="rgb", subfiletype=kind)
    return data.getvalue()


LARGE = np.tile(RGB, (4, 4, 1))


@pytest.mark.parametrize(
    "pages, sizes",
    [
        ([(RGB, 1), (LARGE, 0)], [LARGE]),
        ([(RGB, 0), (LARGE, 0)], [LARGE]),
        ([(LARGE, 0), (RGB, 1)], [LARGE]),
        ([(RGB, 1)], [RGB]),
        ([(RGB, 2), (LARGE, 2)], [RGB, LARGE]),
        ([(LARGE[:30], 0), (RGB, 0)], [LARGE[:30], RGB]),
    ],
    ids=["first", "unmarked", "last", "alone", "pages", "other shape"],
)
def test_thumbnails_are_no_pictures(tmp_path, pages, sizes):
    path = tmp_path / "a.tif"
    path.write_bytes(written(*pages))
    assert page_count(path) == len(sizes)
    for number, pixels in enumerate(sizes):
        found = read_photograph(path, page=number)
        np.testing.assert_array_equal(found.pixels, pixels)
    if len(sizes) < len(pages):
        assert "thumbnail" in read_photograph(path).notes[0]


@pytest.mark.parametrize("above", [True, False])
def test_pages_below_pages(tmp_path, above):
    """A camera's picture lies below its thumbnail, a pyramid's does not."""
    path = tmp_path / "a.tif"
    kinds = [(LARGE, 0), (RGB, 1)]
    first, second = kinds if above else kinds[::-1]
    with tifffile.TiffWriter(path) as file:
        file.write(first[0], photometric="rgb", subfiletype=first[1], subifds=1)
        file.write(second[0], photometric="rgb", subfiletype=second[1])
    assert page_count(path) == 1
    found = read_photograph(path)
    assert found.pixels.shape == (4 * HEIGHT, 4 * WIDTH, 3)


def test_hidden_colours_of_pages_do_not_count(tmp_path):
    path, target = tmp_path / "a.tif", tmp_path / "b.tif"
    pages = np.full((2, HEIGHT, WIDTH, 4), 200, np.uint8)
    pages[:, :, : WIDTH // 2] = 0  # black and transparent
    tifffile.imwrite(
        path, pages, photometric="rgb", extrasamples=["unassalpha"]
    )
    seen = []

    def note(pixels):
        seen.append(pixels.min())
        return pixels.copy()

    restore_pages(path, target, note, progress=False)
    assert seen == [200, 200]
    np.testing.assert_array_equal(tifffile.imread(target), pages)
