"""TIFF's samples: read as RGB, and written as they were."""

import numpy as np
import pytest
import tifffile
from raw_tiff import raw_tiff, reversed_bits, short
from sample_photographs import DEEP, GREY, HEIGHT, RANDOM, RGB, WIDTH

from sis_keras.errors import UserError
from sis_keras.files.photographs import read_photograph, write_photograph
from sis_keras.files.tiff.samples import associated, straight
from sis_keras.restoring.work import side_by_side

DTYPES = (np.uint8, np.uint16)


def integers(dtype, channels):
    limits = np.iinfo(dtype)
    shape = (HEIGHT, WIDTH, channels)
    return RANDOM.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def written_again(tmp_path, pixels=None, notes=()):
    """The page, after a network that changed nothing, or to `pixels`."""
    found = read_photograph(tmp_path / "a.tif")
    said = write_photograph(
        tmp_path / "b.tif", found.pixels if pixels is None else pixels, found
    )
    for note in notes:
        assert note in " ".join((*found.notes, *said))
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        page = file.pages.first
        return found, page.asarray(), page


# === 8 and 16 bits ===


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "options",
    [
        {"tile": (16, 32)},
        {"bigtiff": True},
        {"byteorder": ">", "compression": "zlib", "predictor": True},
        {"compression": "zstd"},
        {"compression": "lzw", "predictor": True},
        {"compression": "lzma"},
        {"compression": "packbits"},
    ],
    ids=str,
)
def test_every_packing(tmp_path, dtype, options):
    values = integers(dtype, 3)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **options)
    found, again, page = written_again(tmp_path)
    np.testing.assert_array_equal(found.pixels, values)
    np.testing.assert_array_equal(again, values)
    assert page.parent.is_bigtiff == ("bigtiff" in options)
    assert page.parent.byteorder == options.get("byteorder", "<")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [3, 4])
def test_planes(tmp_path, dtype, channels):
    values = integers(dtype, channels)
    tifffile.imwrite(
        tmp_path / "a.tif",
        np.ascontiguousarray(np.moveaxis(values, 2, 0)),
        photometric="rgb",
        planarconfig="separate",
        extrasamples=["unassalpha"] if channels == 4 else None,
    )
    found, again, _ = written_again(tmp_path)
    np.testing.assert_array_equal(found.pixels, values[..., :3])
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("pixels", [RGB, DEEP[..., :3]], ids=["8", "16"])
def test_bits_from_the_right(tmp_path, pixels, order):
    stored = pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    tags = {266: short(2, order=order)}
    data = raw_tiff(pixels, tags, order, reversed_bits(stored))
    (tmp_path / "a.tif").write_bytes(data)
    found, again, page = written_again(tmp_path)
    np.testing.assert_array_equal(found.pixels, pixels)
    np.testing.assert_array_equal(again, pixels)
    assert page.fillorder == 1


@pytest.mark.parametrize("dtype", DTYPES)
def test_white_is_zero(tmp_path, dtype):
    values = integers(dtype, 1)[..., 0]
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite")
    found, again, page = written_again(tmp_path)
    np.testing.assert_array_equal(found.pixels[..., 2], ~values)
    np.testing.assert_array_equal(again, values)
    assert page.photometric == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turned_upright(tmp_path, orientation):
    tags = {274: short(orientation)}
    (tmp_path / "a.tif").write_bytes(raw_tiff(DEEP[..., :3], tags))
    turned = {
        1: lambda x: x,
        2: np.fliplr,
        3: lambda x: np.rot90(x, 2),
        4: np.flipud,
        5: lambda x: x.transpose(1, 0, 2),
        6: lambda x: np.rot90(x, -1),
        7: lambda x: np.rot90(x, 2).transpose(1, 0, 2),
        8: np.rot90,
    }[orientation]
    _, again, page = written_again(tmp_path)
    np.testing.assert_array_equal(again, turned(DEEP[..., :3]))
    assert page.tags.valueof(274, 1) == 1


# === Alpha and other channels ===


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("colors", [1, 3])
def test_associated_alpha(tmp_path, dtype, colors):
    alpha = integers(dtype, 1)
    alpha[0, :3, 0] = 0, 1, np.iinfo(dtype).max
    values = (RANDOM.random((HEIGHT, WIDTH, colors)) * alpha).astype(dtype)
    values = np.concatenate([values, alpha], axis=2)
    tifffile.imwrite(
        tmp_path / "a.tif",
        values,
        photometric="rgb" if colors == 3 else "minisblack",
        planarconfig="contig",
        extrasamples=["assocalpha"],
    )
    found, again, page = written_again(tmp_path)
    expected = values[..., :-1] * (np.iinfo(dtype).max / np.maximum(alpha, 1.0))
    off = np.abs(found.pixels - np.where(alpha > 0, expected, 0))
    assert off.max() <= 0.5
    np.testing.assert_array_equal(found.alpha, alpha[..., 0])
    np.testing.assert_array_equal(again, values)
    assert page.extrasamples == (1,)


def test_straight_undoes_associated():
    """Every colour that 8 bits hold under every alpha."""
    color, alpha = np.indices((256, 256)).astype(np.uint8)
    both = np.stack([np.minimum(color, alpha), alpha], axis=2)
    np.testing.assert_array_equal(associated(straight(both)), both)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    "extra", [["unspecified"], ["unassalpha", "unspecified"]], ids=len
)
def test_other_channels(tmp_path, dtype, extra):
    values = integers(dtype, 3 + len(extra))
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="rgb", extrasamples=extra
    )
    note = "a channel beside colours and alpha is kept as it was"
    found, again, page = written_again(tmp_path, notes=[note])
    assert (found.alpha is None) == (len(extra) == 1)
    np.testing.assert_array_equal(again, values)
    assert page.extrasamples == ((0,) if len(extra) == 1 else (2, 0))
    said = write_photograph(tmp_path / "b.png", found.pixels, found)
    assert "the channel beside colours and alpha is left out" in said


# === Other numbers ===


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_are_kept(tmp_path, dtype):
    """Over white, under black, not a number: only what changed, changes."""
    values = (RANDOM.random((HEIGHT, WIDTH, 3)) * 0.9).astype(dtype)
    values[0, 0] = 7.5, -2, np.nan
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    found, again, _ = written_again(tmp_path)
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, values)
    expected = np.clip(np.nan_to_num(values.astype(float)), 0, 1) * 65535
    assert np.abs(found.pixels - expected).max() <= 0.5

    note = f"{np.dtype(dtype)} is kept"
    changed = found.pixels.copy()
    changed[1] = np.minimum(changed[1].astype(int) + 655, 65535)
    _, again, _ = written_again(tmp_path, changed, [note])
    np.testing.assert_array_equal(again[0], values[0])
    np.testing.assert_allclose(again[1], values[1] + 0.01, rtol=0, atol=1e-3)
    said = write_photograph(tmp_path / "b.png", found.pixels, found)
    assert "were cut off" in said[0]


def test_bright_floats_have_their_own_white(tmp_path):
    values = (GREY * 10).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values)
    found, again, _ = written_again(tmp_path)
    np.testing.assert_array_equal(again, values)
    assert found.pixels.max() == 65535 and found.grey
    assert 20000 < np.median(found.pixels) < 45000


@pytest.mark.parametrize("dtype", [np.int8, np.int16, np.int32, np.uint32])
def test_other_integers_are_kept(tmp_path, dtype):
    values = integers(dtype, 3)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb")
    _, again, _ = written_again(tmp_path)
    assert again.dtype == dtype
    np.testing.assert_array_equal(again, values)


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_no_data_stays(tmp_path, dtype):
    values = integers(np.uint16, 1)[..., 0].astype(dtype)
    values[:4] = 9999
    tags = {42113: (2, 5, b"9999\0")}
    if dtype == np.float32:
        tags[339] = short(3)
    (tmp_path / "a.tif").write_bytes(raw_tiff(values, tags))
    found = read_photograph(tmp_path / "a.tif")
    _, again, _ = written_again(tmp_path, found.pixels // 2)
    assert (again[:4] == 9999).all()
    assert (again[4:] <= values[4:]).all() and (again[4:] != values[4:]).any()


def test_raw_values_are_refused(tmp_path):
    tags = {262: short(32803)}
    (tmp_path / "a.tif").write_bytes(raw_tiff(DEEP[..., 0], tags))
    with pytest.raises(UserError, match="raw values"):
        read_photograph(tmp_path / "a.tif")


def test_complex_numbers_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.complex64))
    with pytest.raises(UserError, match="complex64"):
        read_photograph(tmp_path / "a.tif")


def test_strips_that_are_not_there(tmp_path):
    tags = {257: short(4 * HEIGHT), 278: short(HEIGHT)}
    (tmp_path / "a.tif").write_bytes(raw_tiff(DEEP[..., :3], tags))
    with pytest.raises(UserError, match="do not decode"):
        read_photograph(tmp_path / "a.tif")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_before_and_after(tmp_path, dtype):
    """A picture of another size has colours and alpha alone."""
    values = (RANDOM.random((HEIGHT, WIDTH, 5)) * 200).astype(dtype)
    extra = ["unassalpha", "unspecified"]
    tifffile.imwrite(
        tmp_path / "a.tif", values, photometric="rgb", extrasamples=extra
    )
    found = read_photograph(tmp_path / "a.tif")
    both = side_by_side(found, found.pixels)
    write_photograph(tmp_path / "b.tif", both.pixels, both)
    again = read_photograph(tmp_path / "b.tif")
    np.testing.assert_array_equal(again.pixels, both.pixels)
    np.testing.assert_array_equal(again.alpha, both.alpha)
