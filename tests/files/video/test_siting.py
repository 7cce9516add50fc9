"""Chroma stays where it was between the pixels."""

import numpy as np
import pytest
from clips import copy, planes, raw_video

from sis_keras.files.video.colours import changed, picture_of, to_rgb
from sis_keras.files.video.forms import Form, Picture
from sis_keras.files.video.planes import Layout
from sis_keras.files.video.stated import stated

ACROSS, DOWN = np.sqrt(0.1), np.sqrt(0.05)  # Levels for a pixel.
TURN = 2 * np.pi / 16  # A wave of 16 samples of chroma.


def wave(height=64, width=128):
    """Grey, and a sine across in blue."""
    across = np.arange(width // 2)
    blue = np.rint(128 + 60 * np.sin(TURN * across)).astype(np.uint8)
    chroma = np.repeat(blue[None], height // 2, axis=0)
    luma = np.full((height, width), 120, np.uint8)
    return [luma, chroma, np.full_like(chroma, 128)]


def place(path):
    """Where the wave lies, in pixels, as the file says of its chroma."""
    import av

    row = planes(path)[1][16].astype(float) - 128
    phase = np.angle(
        (row[16:48] * np.exp(-1j * TURN * np.arange(16, 48))).sum()
    )
    with av.open(path) as file:
        siting = stated(file, file.streams.video[0]).siting
    return -2 * phase / TURN + 0.5 * (siting in ("center", "top"))


SOURCES = {
    "a.mp4": ("libx264", {"crf": "1"}),
    "b.mp4": ("libx264", {"crf": "1", "x264-params": "chromaloc=1"}),
    "c.mkv": ("libx264", {"crf": "1", "x264-params": "chromaloc=2"}),
    "d.mpg": ("mpeg2video", {"qmin": "1", "qmax": "1"}),
    "e.mpg": ("mpeg1video", {"qmin": "1", "qmax": "1"}),
    "f.webm": ("libvpx-vp9", {"crf": "4", "b": "0"}),
    "g.mp4": ("libx265", {"crf": "1", "x265-params": "log-level=none"}),
}


@pytest.mark.parametrize("target", [".mp4", ".webm"])
@pytest.mark.parametrize("name", SOURCES)
def test_colours_do_not_move_in_two_passes(tmp_path, name, target):
    codec, encoder = SOURCES[name]
    source = raw_video(
        tmp_path / name, wave(), "yuv420p", codec=codec, encoder=encoder
    )
    once, twice = tmp_path / f"once{target}", tmp_path / f"twice{target}"
    copy(source, once)
    copy(once, twice)
    for path in (once, twice):
        moved = (place(path) - place(source) + 16) % 32 - 16
        assert abs(moved) < 0.1


def form(siting, shifts=(1, 1), bits=8, full=False, matrix=1):
    return Form(Layout("yuv", bits, shifts), matrix, full, siting)


def slope(form, height=70, width=90):
    """Planes of colours that change evenly, by the places of their samples."""
    across, down = form.layout.shifts
    left = 0 if "left" in form.siting else ((1 << across) - 1) / 2
    top = ((1 << down) - 1) / 2
    top = 0 if form.siting.startswith("top") else top
    top = (1 << down) - 1 if form.siting.startswith("bottom") else top
    unit = 1 << (form.layout.bits - 8)
    rows, columns = np.mgrid[:height, :width]
    luma = 60 + 0.5 * columns + 0.7 * rows
    rows = np.arange(-(-height // (1 << down))) * (1 << down) + top
    columns = np.arange(-(-width // (1 << across))) * (1 << across) + left
    rows, columns = np.meshgrid(rows, columns, indexing="ij")
    blue, red = 128 + ACROSS * columns - DOWN * rows, 128 + DOWN * rows
    kind = np.uint16 if unit > 1 else np.uint8
    return [np.rint(x * unit).astype(kind) for x in (luma, blue, red)]


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("shifts", [(1, 1), (1, 0), (0, 0), (2, 0), (0, 1)])
@pytest.mark.parametrize(
    "siting", ["left", "center", "topleft", "top", "bottomleft", "bottom"]
)
def test_pixels_have_the_chroma_of_their_place(siting, shifts, bits):
    """Y + 2 (1 - kb) Cb is blue: linear here, so that it can be told."""
    held = form(siting, shifts, bits)
    source = Picture(slope(held), held)
    rgb = to_rgb(source, bits > 8) / (65535 if bits > 8 else 255)
    rows, columns = np.mgrid[:70, :90]
    luma = (44 + 0.5 * columns + 0.7 * rows) / 219
    blue = luma + 2 * (1 - 0.0722) * (ACROSS * columns - DOWN * rows) / 224
    inside = np.s_[6:-6, 6:-6]
    wanted = np.clip(blue, 0, 1)
    off = (rgb[..., 2] - wanted)[inside] * 255
    # Half a pixel would be 0.33, half a row 0.23; the rest is rounding.
    assert abs(off.mean()) < 0.03 and np.abs(off).max() < 2.5
    pixels = to_rgb(source, bits > 8)
    back = changed(picture_of(pixels, held), held, pixels, pixels)
    for found, stored in zip(back, source.planes, strict=True):
        off = np.abs(found.astype(int) - stored)[3:-3, 3:-3].max()
        assert off <= 1


def test_what_does_not_change_stays_to_the_bit():
    random = np.random.default_rng(0)
    held = form("left")
    source = Picture(
        [
            random.integers(0, 256, shape, np.uint8)
            for shape in ((300, 40), (150, 20), (150, 20))
        ],
        held,
    )
    before = to_rgb(source)
    after = before.copy()
    after[100:110, 10:20] = 255 - after[100:110, 10:20]
    found = changed(source, held, before, after)
    for number, (new, old) in enumerate(zip(found, source.planes, strict=True)):
        scale = 2 if number else 1
        differ = np.argwhere(new != old) * scale
        assert len(differ) > 10
        assert differ.min(axis=0)[0] >= 98 and differ.max(axis=0)[0] <= 110
        assert differ.min(axis=0)[1] >= 8 and differ.max(axis=0)[1] <= 20
