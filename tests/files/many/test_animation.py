"""Animated pictures: every frame, its time, the loops and what is clear."""

import io
import struct
import zlib

import numpy as np
import pytest
from picture_bytes import date_exif, gradient, png_chunks
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.files.many import animation
from sis_keras.files.many.animation import is_animated, restore_animation
from sis_keras.files.profiles import D65, REC709, matrix_profile

TIMES = [100, 40, 250, 70]
SUFFIXES = (".gif", ".png", ".webp")


def frames(clear=False):
    """Four pictures that move; a disc to be seen where `clear`."""
    rows, columns = np.mgrid[:48, :64]
    found = []
    for step in range(4):
        picture = np.roll(gradient(), 7 * step, axis=1)
        if clear:
            disc = np.hypot(rows - 24, columns - 20 - 6 * step) < 14
            alpha = np.where(disc, 255, 0).astype(np.uint8)
            picture = np.dstack([picture * disc[..., None], alpha])
        found.append(Image.fromarray(picture))
    return found


def save(path, images, **options):
    if path.suffix == ".webp":
        options |= {"lossless": True, "exact": True}
    if path.suffix == ".gif" and images[0].mode == "RGBA":
        options["disposal"] = 2
    options = {"duration": TIMES, "loop": 3} | options
    images[0].save(path, save_all=True, append_images=images[1:], **options)


def shown(path):
    """RGBA of each frame, and its time."""
    with Image.open(path) as image:
        found = []
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            rgba = np.asarray(image.convert("RGBA")).astype(int)
            found.append(
                (rgba * (rgba[..., 3:] > 0), image.info.get("duration", 0))
            )
        return found, image.info.get("loop")


def unchanged(picture):
    assert picture.dtype == np.uint8 and picture.shape == (48, 64, 3)
    return picture


# === What is kept ===


@pytest.mark.parametrize("clear", [False, True], ids=["opaque", "clear"])
def test_a_profile_becomes_srgb_where_the_target_has_none(tmp_path, clear):
    """Linear light 55 of 255 is 128 in sRGB."""
    shape = (48, 64, 4) if clear else (48, 64, 3)
    images = [np.full(shape, 55, np.uint8) for _ in range(2)]
    images[1][:8, :8, :3] = 0
    if clear:
        images = [np.dstack([x[..., :3], x[..., 3] | 255]) for x in images]
    linear = matrix_profile(REC709, D65, b"curv" + bytes(8))
    save(
        tmp_path / "a.webp",
        [Image.fromarray(x) for x in images],
        icc_profile=linear,
        duration=100,
    )
    restore_animation(tmp_path / "a.webp", tmp_path / "b.gif", unchanged)
    for picture, _ in shown(tmp_path / "b.gif")[0]:
        assert np.abs(picture[20:, 20:, :3] - 128).max() <= 2


@pytest.mark.parametrize("clear", [False, True], ids=["opaque", "clear"])
@pytest.mark.parametrize("target", SUFFIXES)
@pytest.mark.parametrize("source", SUFFIXES)
def test_frames(tmp_path, source, target, clear):
    before, after = tmp_path / f"a{source}", tmp_path / f"b{target}"
    save(before, frames(clear))
    assert is_animated(before)
    count = restore_animation(before, after, unchanged, progress=False)
    assert count == 4
    old, loop = shown(before)
    new, new_loop = shown(after)
    assert [x for _, x in new] == TIMES
    # GIF counts the repeats.
    plays = loop + 1 if source == ".gif" else loop
    assert (new_loop + 1 if target == ".gif" else new_loop) == plays
    if target == ".gif" and source != ".gif":
        tolerance = 12  # 256 colours
    else:
        tolerance = 5 if (source, target) == (".gif", ".webp") else 0
    for (first, _), (second, _) in zip(old, new, strict=True):
        np.testing.assert_array_equal(first[..., 3], second[..., 3])
        assert np.abs(first - second).mean() <= tolerance


def test_each_frame_is_restored_once(tmp_path):
    """Those that are the same share one."""
    images = frames()
    save(tmp_path / "a.webp", [images[0], images[1], images[1], images[2]])
    seen = []

    def inverted(picture):
        seen.append(picture)
        return 255 - picture

    restore_animation(tmp_path / "a.webp", tmp_path / "b.png", inverted)
    assert len(seen) == 3
    new, _ = shown(tmp_path / "b.png")
    np.testing.assert_array_equal(
        new[0][0][..., :3], 255 - np.asarray(images[0]).astype(int)
    )


def test_alpha_goes_with_its_colours(tmp_path):
    save(tmp_path / "a.png", frames(clear=True))
    seen = []

    def as_seen(colors, alpha, deblur):
        seen.append(alpha.mean())
        return deblur(colors)

    restore_animation(
        tmp_path / "a.png", tmp_path / "b.png", unchanged, as_seen=as_seen
    )
    assert len(seen) == 4 and 0 < min(seen) < 255


def test_metadata(tmp_path):
    exif = b"Exif\0\0" + date_exif()
    save(tmp_path / "a.webp", frames(), exif=exif, xmp=b"<x/>")
    restore_animation(tmp_path / "a.webp", tmp_path / "b.png", unchanged)
    found = dict(png_chunks((tmp_path / "b.png").read_bytes()))
    assert found[b"eXIf"] == exif[6:] and found[b"iTXt"].endswith(b"<x/>")
    restore_animation(tmp_path / "b.png", tmp_path / "c.webp", unchanged)
    with Image.open(tmp_path / "c.webp") as image:
        assert image.info["exif"] == exif[6:] and image.info["xmp"] == b"<x/>"
    said = []
    restore_animation(
        tmp_path / "b.png", tmp_path / "c.gif", unchanged, say=said.append
    )
    assert any("EXIF, XMP" in x for x in said)
    assert any("256" in x for x in said)


def test_orientation(tmp_path):
    exif = b"Exif\0\0" + date_exif(orientation=6)
    save(tmp_path / "a.webp", frames(), exif=exif)
    restore_animation(tmp_path / "a.webp", tmp_path / "b.png", lambda x: x)
    old, _ = shown(tmp_path / "a.webp")
    new, _ = shown(tmp_path / "b.png")
    for (first, _), (second, _) in zip(old, new, strict=True):
        np.testing.assert_array_equal(np.rot90(first, -1), second)


def test_still_of_an_animation(tmp_path):
    """Programs that know no animation show it; it is no frame."""
    still, *others = frames()
    still.save(
        tmp_path / "a.png",
        save_all=True,
        append_images=others,
        default_image=True,
        duration=TIMES[1:],
    )
    restore_animation(tmp_path / "a.png", tmp_path / "b.png", unchanged)
    with Image.open(tmp_path / "b.png") as image:
        assert image.info["default_image"] and image.n_frames == 4
        np.testing.assert_array_equal(image.convert("RGB"), still)


def test_times_that_are_no_milliseconds(tmp_path):
    save(tmp_path / "a.png", frames())
    data = (tmp_path / "a.png").read_bytes()
    controls = [x for n, x in png_chunks(data) if n == b"fcTL"]
    wanted = controls[0][:20] + struct.pack(">HH", 1, 30) + controls[0][24:]
    data = _with_control(data, controls[0], wanted)
    (tmp_path / "a.png").write_bytes(data)
    restore_animation(tmp_path / "a.png", tmp_path / "b.png", unchanged)
    found = [
        x
        for n, x in png_chunks((tmp_path / "b.png").read_bytes())
        if n == b"fcTL"
    ]
    assert found[0][20:24] == struct.pack(">HH", 1, 30)


def _with_control(data, old, new):
    at = data.index(b"fcTL" + old)
    check = struct.pack(">I", zlib.crc32(b"fcTL" + new))
    return data[: at + 4] + new + check + data[at + 8 + len(old) :]


def test_short_times_of_gif_are_as_browsers_show_them(tmp_path):
    save(tmp_path / "a.gif", frames(), duration=[0, 10, 20, 30])
    restore_animation(tmp_path / "a.gif", tmp_path / "b.webp", unchanged)
    assert [x for _, x in shown(tmp_path / "b.webp")[0]] == [100, 100, 20, 30]
    restore_animation(tmp_path / "a.gif", tmp_path / "b.gif", unchanged)
    assert shown(tmp_path / "b.gif")[0][2][1] == 20


# === What is none ===


def test_not_animated(tmp_path):
    for suffix in (".jpg", ".png", ".webp", ".gif", ".tif"):
        path = tmp_path / f"a{suffix}"
        Image.fromarray(gradient()).save(path)
        assert not is_animated(path)
    (tmp_path / "text.gif").write_text("GIF89a and no more")
    assert not is_animated(tmp_path / "text.gif")
    assert not is_animated(tmp_path / "missing.gif")


def test_mistakes(tmp_path):
    save(tmp_path / "a.webp", frames())
    (tmp_path / "b.gif").write_bytes(b"mine")
    for target, words in (("b.gif", "which exists"), ("b.jpg", "animations")):
        with pytest.raises(UserError, match=words):
            restore_animation(tmp_path / "a.webp", tmp_path / target, unchanged)
    assert (tmp_path / "b.gif").read_bytes() == b"mine"
    restore_animation(
        tmp_path / "a.webp", tmp_path / "b.gif", unchanged, overwrite=True
    )
    assert is_animated(tmp_path / "b.gif")


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_damaged(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    save(path, frames())
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(UserError, match="whole animation"):
        restore_animation(path, tmp_path / "b.webp", unchanged)
    assert not (tmp_path / "b.webp").exists()


def test_suffixes():
    assert set(SUFFIXES) | {".avif"} == animation.SUFFIXES


def test_avif(tmp_path):
    pytest.importorskip("PIL._avif")
    images = frames(clear=True)
    written = io.BytesIO()
    images[0].save(
        written,
        "AVIF",
        save_all=True,
        append_images=images[1:],
        duration=TIMES,
        exif=date_exif(),
    )
    (tmp_path / "a.avif").write_bytes(written.getvalue())
    assert is_animated(tmp_path / "a.avif")
    restore_animation(tmp_path / "a.avif", tmp_path / "b.avif", unchanged)
    found, _ = shown(tmp_path / "b.avif")
    assert [x for _, x in found] == TIMES
