"""Transparent video: kept, or said to be lost."""

import av
import numpy as np
import pytest
from clips import copy, notes_of, planes, raw_video

from sis_keras.files.video.colours import to_rgb, without_hidden
from sis_keras.files.video.forms import Form, Picture
from sis_keras.files.video.planes import Layout

HEIGHT, WIDTH = 48, 64
SLOPE = np.repeat(np.arange(WIDTH)[None] * 4, HEIGHT, 0).astype(np.uint8)


def transparent(path):
    """Orange in RGB, which a .mov holds as it is, fading in to the right."""
    green, blue, red = (
        np.full((HEIGHT, WIDTH), x, np.uint8) for x in (160, 20, 250)
    )
    with av.open(path, "w") as file:
        video = file.add_stream("qtrle", 25)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "argb"
        pixels = np.stack([SLOPE, red, green, blue], -1)
        for index in range(4):
            frame = av.VideoFrame.from_ndarray(pixels, "argb")
            frame.pts = index
            file.mux(video.encode(frame))
        file.mux(video.encode())
    return path


def alpha_of(path):
    """By libvpx's decoder of VP9: FFmpeg's own passes over alpha."""
    with av.open(path) as file:
        stream = file.streams.video[0]
        if stream.codec_context.name != "vp9":
            frame = next(file.decode(video=0))
        else:
            decoder = av.CodecContext.create("libvpx-vp9", "r")
            packet = next(file.demux(video=0))
            frame = decoder.decode(packet)[0]
    most = (1 << frame.format.components[-1].bits) - 1
    plane = frame.planes[-1]
    kind, step = (np.uint16, 2) if most > 255 else (np.uint8, 1)
    values = np.frombuffer(plane, kind).reshape(HEIGHT, plane.line_size // step)
    return values[:, :WIDTH] * (255 / most)


@pytest.mark.parametrize("suffix", [".mov", ".mkv", ".webm"])
def test_alpha_is_kept(tmp_path, suffix):
    source = transparent(tmp_path / "a.mov")
    once, twice = tmp_path / f"b{suffix}", tmp_path / f"c{suffix}"
    seen = []
    copy(source, once, lambda x: seen.append(x) or x, say=seen.append)
    assert seen[-1].shape == (HEIGHT, WIDTH, 3)
    copy(once, twice, say=seen.append)
    for path in (once, twice):
        assert np.abs(alpha_of(path) - SLOPE).max() < 4


def test_the_network_sees_the_pixels_without_alpha(tmp_path):
    seen = []
    source = transparent(tmp_path / "a.mov")
    copy(source, tmp_path / "b.mkv", lambda x: seen.append(x) or x)
    np.testing.assert_array_equal(
        seen[0][:, :], np.full_like(seen[0], (250, 160, 20))
    )


def test_alpha_that_is_lost_is_said_to_be(tmp_path):
    source = transparent(tmp_path / "a.mov")
    said = notes_of(source, tmp_path / "b.mp4")
    assert "Transparency is lost" in said and "on black" in said
    luma = planes(tmp_path / "b.mp4")[0].astype(float)
    assert luma[:, :2].max() < 30 and luma[:, -2:].min() > 130


def test_a_palette_is_no_alpha(tmp_path):
    source = tmp_path / "a.avi"
    with av.open(source, "w") as file:
        video = file.add_stream("rawvideo", 25)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "pal8"
        for index in range(3):
            colours = np.full((256, 4), 90, np.uint8)
            indices = np.zeros((HEIGHT, WIDTH), np.uint8)
            frame = av.VideoFrame.from_ndarray((indices, colours), "pal8")
            frame.pts = index
            file.mux(video.encode(frame))
        file.mux(video.encode())
    assert "ransparen" not in notes_of(source, tmp_path / "b.mp4")


def test_deep_alpha_is_kept(tmp_path):
    values = [
        np.full((HEIGHT, WIDTH), x, np.uint16) for x in (500, 300, 700, 401)
    ]
    source = raw_video(tmp_path / "a.mkv", values, "yuva444p10le")
    assert not notes_of(source, tmp_path / "b.mkv")
    found = planes(tmp_path / "b.mkv")
    for new, old in zip(found, values, strict=True):
        np.testing.assert_array_equal(new, old)


def test_what_is_hidden_does_not_reach_the_network(tmp_path):
    """Black under alpha 0 has the colour of the nearest pixel that is seen."""
    green, blue, red, alpha = (
        np.full((HEIGHT, WIDTH), x, np.uint8) for x in (160, 20, 250, 255)
    )
    for plane in (green, blue, red, alpha):
        plane[:, :20] = 0
    pixels = np.stack([red, green, blue], -1)
    form = Form(Layout("rgb", 8, alpha=True), 1, False)
    picture = Picture([green, blue, red, alpha], form)
    found = without_hidden(pixels, picture)
    np.testing.assert_array_equal(found, np.full_like(found, (250, 160, 20)))
    assert to_rgb(picture)[0, 0].max() == 0
