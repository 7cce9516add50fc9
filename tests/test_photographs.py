"""Photographs in and out, against Pillow, OpenCV and tifffile."""

import io
import os
import pathlib
import re
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from sis_keras.channels import to_8_bits
from sis_keras.errors import UserError
from sis_keras.photographs import (
    SUFFIXES,
    Photograph,
    read_photograph,
    write_photograph,
)
from sis_keras.pictures import PICTURE_SUFFIXES

ROOT = pathlib.Path(__file__).parents[1]
HEIGHT, WIDTH = 11, 17
# Any bytes do for those who keep them: 128 of header, then anything.
PROFILE = b"\0" * 16 + b"RGB " + bytes(range(256)) * 300
RANDOM = np.random.default_rng(0)
RGBA = RANDOM.integers(0, 256, (HEIGHT, WIDTH, 4), np.uint8)
DEEP = RANDOM.integers(0, 65536, (HEIGHT, WIDTH, 4), np.uint16)
RGB, GREY = RGBA[..., :3], RGBA[..., 0]
LA = RGBA[..., 1:3]


def photograph(pixels=RGB, **others):
    defaults = {
        "alpha": None,
        "grey": False,
        "exif": None,
        "icc": None,
        "format": "PNG",
    }
    return Photograph(pixels, **(defaults | others))


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


# === Reading: Pillow, OpenCV and tifffile write ===


@pytest.mark.parametrize("name", ["a.png", "a.webp", "a.tif", "a.bmp"])
def test_reads_color(tmp_path, name):
    path = tmp_path / name
    options = {"lossless": True} if name == "a.webp" else {}
    Image.fromarray(RGB).save(path, **options)
    found = read_photograph(path)
    np.testing.assert_array_equal(found.pixels, RGB)
    assert found.pixels.flags.c_contiguous
    assert found[1:5] == (None, False, None, None)
    form = {".tif": "TIFF"}.get(path.suffix, path.suffix[1:].upper())
    assert found.format == form


@pytest.mark.parametrize("options", [{}, {"progressive": True}])
def test_reads_jpeg(tmp_path, options):
    path = tmp_path / "a.jpeg"
    Image.fromarray(RGB).save(path, **options)
    found = read_photograph(path)
    assert found.format == "JPEG" and not found.grey
    expected = cv2.imread(str(path))[..., ::-1]
    close = np.abs(found.pixels.astype(int) - expected)
    assert close.max() <= 4  # Decoders round differently.


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.bmp"])
def test_reads_grey(tmp_path, name):
    path = tmp_path / name
    Image.fromarray(GREY).save(path)
    found = read_photograph(path)
    expected = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert expected.shape == (HEIGHT, WIDTH)
    assert found.grey and found.alpha is None
    for channel in range(3):
        np.testing.assert_array_equal(found.pixels[..., channel], expected)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [LA, RGBA], ids=["LA", "RGBA"])
def test_reads_alpha(tmp_path, name, channels):
    Image.fromarray(channels).save(tmp_path / name)
    found = read_photograph(tmp_path / name)
    assert found.grey == (channels.shape[2] == 2)
    np.testing.assert_array_equal(found.alpha, channels[..., -1])
    expected = np.broadcast_to(channels[..., :-1], RGB.shape)
    np.testing.assert_array_equal(found.pixels, expected)


def test_reads_bits(tmp_path):
    Image.fromarray(GREY > 99).save(tmp_path / "a.png")
    found = read_photograph(tmp_path / "a.png")
    assert found.grey
    expected = np.repeat((GREY[..., None] > 99) * 255, 3, axis=2)
    np.testing.assert_array_equal(found.pixels, expected)


@pytest.mark.parametrize("transparency", [None, 1, b"\x00\x80\xff"])
def test_reads_palette(tmp_path, transparency):
    indices = RANDOM.integers(0, 4, (HEIGHT, WIDTH), np.uint8)
    colors = RANDOM.integers(0, 256, (4, 3), np.uint8)
    image = Image.fromarray(indices)
    image.putpalette(colors.tobytes())
    kept = {} if transparency is None else {"transparency": transparency}
    image.save(tmp_path / "a.png", **kept)
    found = read_photograph(tmp_path / "a.png")
    np.testing.assert_array_equal(found.pixels, colors[indices])
    if transparency is None:
        assert found.alpha is None
    else:
        clear = [255, 0, 255, 255] if transparency == 1 else [0, 128, 255, 255]
        np.testing.assert_array_equal(found.alpha, np.array(clear)[indices])


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_reads_16_bits(tmp_path, name, channels):
    written = DEEP[..., 0] if channels == 1 else DEEP[..., :channels]
    order = [2, 1, 0, 3][:channels]
    bgr = written if channels == 1 else written[..., order]
    cv2.imwrite(str(tmp_path / name), np.ascontiguousarray(bgr))
    assert_deep(read_photograph(tmp_path / name), channels)


def assert_deep(found, channels):
    assert found.pixels.dtype == np.uint16
    color = DEEP[..., :1] if channels == 1 else DEEP[..., :3]
    expected = np.broadcast_to(color, (HEIGHT, WIDTH, 3))
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.grey == (channels == 1)
    if channels == 4:
        assert found.alpha.dtype == np.uint16
        np.testing.assert_array_equal(found.alpha, DEEP[..., 3])
    else:
        assert found.alpha is None


@pytest.mark.parametrize(
    "options",
    [
        {"byteorder": ">"},
        {"compression": "zlib", "predictor": True},
        {"tile": (16, 16)},
        {"bigtiff": True},
    ],
    ids=str,
)
def test_reads_16_bits_of_tifffile(tmp_path, options):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, DEEP[..., :3], photometric="rgb", **options)
    assert_deep(read_photograph(path), 3)


def test_reads_white_as_zero(tmp_path):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, 65535 - DEEP[..., 0], photometric="miniswhite")
    assert_deep(read_photograph(path), 1)


def test_refuses_planes_of_16_bits(tmp_path):
    planes = np.ascontiguousarray(np.moveaxis(DEEP[..., :3], 2, 0))
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate")
    with pytest.raises(UserError, match="in planes. Convert it."):
        read_photograph(path)


def test_refuses_floats(tmp_path):
    Image.fromarray(GREY.astype(np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match="of 8 or 16 bits"):
        read_photograph(tmp_path / "a.tif")


def test_reads_cmyk(tmp_path):
    color = Image.new("CMYK", (64, 32), (200, 30, 40, 20))
    color.save(tmp_path / "a.jpg", quality=100)
    found = read_photograph(tmp_path / "a.jpg")
    assert found.icc is None and not found.grey
    # (255 - ink) * (255 - black) / 255
    expected = [(255 - ink) * (255 - 20) / 255 for ink in (200, 30, 40)]
    assert np.abs(found.pixels - expected).max() <= 2


def test_lab_becomes_srgb(tmp_path):
    """Under D50, L 54.29, a 80.81, b 69.89 is pure red."""
    lab = np.tile(np.uint8([138, 81, 70]), (8, 8, 1))
    tifffile.imwrite(tmp_path / "a.tif", lab, photometric="cielab")
    found = read_photograph(tmp_path / "a.tif")
    assert np.abs(found.pixels - [255.0, 0, 0]).max() <= 6


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.jpg", "a.webp"])
def test_one_pixel(tmp_path, name):
    path = tmp_path / name
    one = np.full((1, 1, 3), 77, np.uint8)
    write_photograph(path, one, photograph(one))
    np.testing.assert_array_equal(read_photograph(path).pixels, one)
    with Image.open(path) as image:
        np.testing.assert_array_equal(image.convert("RGB"), one)


@pytest.mark.parametrize("channels", [GREY, RGB, LA, RGBA])
def test_bands_fit(tmp_path, channels):
    tall = np.concatenate([channels] * 60)
    assert len(tall) % 256
    Image.fromarray(tall).save(tmp_path / "a.png")
    found = read_photograph(tmp_path / "a.png")
    colors = channels[..., None] if channels.ndim == 2 else channels
    colors = colors[..., : 3 if colors.shape[2] > 2 else 1]
    np.testing.assert_array_equal(
        found.pixels, np.concatenate([np.broadcast_to(colors, RGB.shape)] * 60)
    )


def test_suffix_does_not_matter(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", "png")
    found = read_photograph(tmp_path / "a.jpg")
    assert found.format == "PNG"
    np.testing.assert_array_equal(found.pixels, RGB)


def test_one_list_of_suffixes():
    assert SUFFIXES == set(PICTURE_SUFFIXES)


# === EXIF and profiles ===


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


# === Writing: Pillow, OpenCV and tifffile read ===


@pytest.mark.parametrize("alpha", [False, True], ids=["opaque", "alpha"])
@pytest.mark.parametrize("grey", [False, True], ids=["color", "grey"])
@pytest.mark.parametrize("deep", [False, True], ids=["8", "16"])
@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_lossless_writing(tmp_path, name, deep, grey, alpha):
    data = DEEP if deep else RGBA
    colors = np.repeat(data[..., :1], 3, 2) if grey else data[..., :3]
    like = photograph(colors, grey=grey, alpha=data[..., 3] if alpha else None)
    path = tmp_path / name
    write_photograph(path, colors, like)
    expected = colors[..., :1] if grey else colors
    if alpha:
        expected = np.concatenate([expected, data[..., 3:]], 2)
    np.testing.assert_array_equal(independently(path, expected), expected)
    if name == "a.png" or not (deep and grey and alpha):
        again = read_photograph(path)
        np.testing.assert_array_equal(again.pixels, colors)
        np.testing.assert_array_equal(again.alpha, like.alpha)


def independently(path, expected):
    """The file's own channels, `(height, width, channels)`."""
    if path.suffix == ".tif":
        return tifffile.imread(path).reshape(expected.shape)
    if expected.dtype == np.uint8:
        return np.asarray(Image.open(path)).reshape(expected.shape)
    found = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    if found.ndim == 2:
        return found[..., None]
    found = found[..., [2, 1, 0, 3][: found.shape[2]]]
    # OpenCV makes grey and alpha four channels.
    return found[..., 2:] if expected.shape[2] == 2 else found


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_blocks_of_rows_fit(tmp_path, suffix, monkeypatch):
    monkeypatch.setattr("sis_keras.deep_files.BLOCK", 3 * WIDTH * 6)
    path = tmp_path / f"a{suffix}"
    deep = DEEP[..., :3]
    write_photograph(path, deep, photograph(deep))
    np.testing.assert_array_equal(independently(path, deep), deep)


def test_lossy_writing(tmp_path):
    smooth = cv2.resize(RGB[:3, :4], (64, 48), interpolation=cv2.INTER_CUBIC)
    for name in ("a.jpg", "a.webp"):
        write_photograph(tmp_path / name, smooth, photograph(smooth))
        found = np.asarray(Image.open(tmp_path / name)).astype(int)
        assert np.abs(found - smooth).mean() < 3
    sizes = []
    for quality in (30, 89, 90, 98):
        path = tmp_path / f"{quality}.jpg"
        write_photograph(path, smooth, photograph(smooth), quality=quality)
        sizes.append(path.stat().st_size)
    assert sizes == sorted(sizes) and sizes[0] < sizes[1]


def test_webp_keeps_alpha(tmp_path):
    like = photograph(alpha=RGBA[..., 3])
    write_photograph(tmp_path / "a.webp", RGB, like)
    found = np.asarray(Image.open(tmp_path / "a.webp"))
    np.testing.assert_array_equal(found[..., 3], RGBA[..., 3])


@pytest.mark.parametrize("grey", [False, True])
def test_without_alpha_on_white(tmp_path, grey):
    colors = np.repeat(RGB[..., :1], 3, 2) if grey else RGB
    like = photograph(colors, alpha=RGBA[..., 3], grey=grey)
    write_photograph(tmp_path / "a.bmp", colors, like)
    with Image.open(tmp_path / "a.bmp") as image:
        assert image.mode == ("L" if grey else "RGB")
        found = np.asarray(image.convert("RGB"))
    opacity = RGBA[..., 3:] / 255
    expected = colors * opacity + 255 * (1 - opacity)
    assert np.abs(found - expected).max() <= 1


def test_16_bits_become_8(tmp_path):
    every = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    expected = (every.astype(int) * 255 * 2 + 65535) // (65535 * 2)
    np.testing.assert_array_equal(to_8_bits(every), expected)
    deep = np.stack([every] * 3, 2)
    write_photograph(tmp_path / "a.bmp", deep, photograph(deep))
    found = np.asarray(Image.open(tmp_path / "a.bmp"))
    np.testing.assert_array_equal(found[..., 0], expected)


def test_unwritable(tmp_path):
    with pytest.raises(UserError, match="with one of"):
        write_photograph(tmp_path / "a.gif", RGB, photograph())
    wide = np.zeros((1, 16384, 3), np.uint8)
    with pytest.raises(UserError, match="at most 16383 pixels a side"):
        write_photograph(tmp_path / "a.webp", wide, photograph(wide))
    assert not list(tmp_path.iterdir())


# === Bad files ===


def test_named_mistakes(tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "nothing.png").write_bytes(b"")
    os.mkfifo(tmp_path / "pipe.png")
    for name, message in {
        "missing.jpg": "No such file",
        "text.jpg": "10 bytes that do not decode",
        "nothing.png": "0 bytes that do not decode",
        "pipe.png": "which is none",
        ".": "which is none",
    }.items():
        with pytest.raises(UserError, match=message) as caught:
            read_photograph(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
@pytest.mark.parametrize("deep", [False, True])
def test_truncated(tmp_path, suffix, deep):
    path = tmp_path / f"a{suffix}"
    pixels = DEEP[..., :3] if deep else RGB
    write_photograph(path, pixels, photograph(pixels))
    whole = path.read_bytes()
    read_photograph(path)
    for part in (0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(len(whole) * part)])
        with pytest.raises(UserError):
            read_photograph(path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("width", [13_001, 20_000])
def test_too_many_pixels(tmp_path, width):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    data = bytearray((tmp_path / "a.png").read_bytes())
    data[16:24] = struct.pack(">II", width, 10_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(UserError, match="at most 130 megapixels"):
        read_photograph(tmp_path / "a.png")


def test_limit_of_pixels(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    read_photograph(tmp_path / "a.png", most_pixels=HEIGHT * WIDTH)
    with pytest.raises(UserError, match="megapixels"):
        read_photograph(tmp_path / "a.png", most_pixels=HEIGHT * WIDTH - 1)


def test_small_file_that_claims_much(tmp_path):
    Image.new("L", (20, 20)).save(tmp_path / "a.bmp")
    data = bytearray((tmp_path / "a.bmp").read_bytes())
    data[18:26] = (9000).to_bytes(4, "little") * 2
    (tmp_path / "a.bmp").write_bytes(data)
    with pytest.raises(UserError, match="claim to be 9000x9000"):
        read_photograph(tmp_path / "a.bmp")


def test_threads_leave_the_standard_error(tmp_path, capfd):
    """What libpng says of damaged data is not seen, what others say is."""
    _, data = cv2.imencode(".png", DEEP)
    data = bytearray(data.tobytes())
    start = data.index(b"IDAT")
    (length,) = struct.unpack_from(">I", data, start - 4)
    end = start + 4 + length
    data[end - 1] ^= 1  # of zlib's checksum
    data[end : end + 4] = struct.pack(">I", zlib.crc32(data[start:end]))
    path = tmp_path / "a.png"
    path.write_bytes(data)
    cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    assert "libpng" in capfd.readouterr().err

    def refused(_):
        with pytest.raises(UserError):
            read_photograph(path)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(refused, range(64)))
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"


def test_fuzz():
    """In a process of its own: its memory, and what C code prints."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.fuzz", "--files=500"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    found = re.search(
        r"500 files: (\d+) read, (\d+) refused, 0 crashes", done.stdout
    )
    read, refused = map(int, found.groups())
    assert read + refused == 500
    assert read > 50 and refused > 200


def test_no_tensorflow():
    code = (
        "import sis_keras.photographs, sys; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stdout.split() == ["False"], done.stderr
