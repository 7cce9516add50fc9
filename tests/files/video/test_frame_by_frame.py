"""What a deblurred video keeps of its source."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import by_opencv, copy, frames_of, make_video, scene, sound_of

from sis_keras.evaluation.metrics import psnr


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mp4")


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv", "new/A.M4V"])
def test_frames_times_and_sound_are_kept(tmp_path, clip, name):
    seen = []
    target = tmp_path / name
    assert copy(clip, target, lambda x: seen.append(x) or x) == 12
    written, rate = by_opencv(target)
    assert len(written) == len(seen) == 12 and rate == pytest.approx(30)
    for index, picture in enumerate(written):
        assert seen[index].dtype == np.uint8
        assert psnr(seen[index], scene(index)) > 31.0
        assert psnr(picture, seen[index]) > 31.0
    packets, _ = sound_of(target)
    assert packets == sound_of(clip)[0] and len(packets) > 10
    frames = frames_of(target)
    between = np.diff([frame.time for frame in frames])
    np.testing.assert_allclose(between, 1 / 30, atol=0.0011)


def test_what_deblur_returns_is_written(tmp_path, clip):
    copy(clip, tmp_path / "a.mp4", lambda picture: 255 - picture)
    for index, picture in enumerate(by_opencv(tmp_path / "a.mp4")[0]):
        assert psnr(255 - picture, scene(index)) > 29.5


def test_sound_stays_in_step(tmp_path, clip):
    """Copied to Matroska and back: the sound's lead is the same."""
    copy(clip, tmp_path / "a.mkv")
    copy(tmp_path / "a.mkv", tmp_path / "b.mp4")
    leads = [
        frames_of(path)[0].time - float(sound_of(path)[1][0])
        for path in (clip, tmp_path / "a.mkv", tmp_path / "b.mp4")
    ]
    np.testing.assert_allclose(leads, leads[0], atol=0.0011)
    assert leads[0] == pytest.approx(1024 / 48000)  # AAC's delay.


def test_a_variable_frame_rate_is_kept(tmp_path):
    times = [0, 1, 2, 5, 6, 9, 10, 11, 15, 16, 17, 21]
    clip = make_video(tmp_path / "clip.mp4", times=times)
    assert copy(clip, tmp_path / "a.mp4") == 12
    found = [frame.time * 30 for frame in frames_of(tmp_path / "a.mp4")]
    np.testing.assert_allclose(found, times, atol=1e-6)
    durations = []
    for path in (clip, tmp_path / "a.mp4"):
        with av.open(path) as file:
            durations.append(file.duration)
    assert durations[0] == durations[1]


@pytest.mark.parametrize("size", [(47, 63), (48, 63), (16, 16)])
def test_every_size_is_kept(tmp_path, size):
    clip = make_video(tmp_path / "clip.mp4", 3, size, pix_fmt="yuv444p")
    copy(clip, tmp_path / "a.mp4")
    written, _ = by_opencv(tmp_path / "a.mp4")
    assert [x.shape for x in written] == [(*size, 3)] * 3
    assert psnr(written[2], scene(2, *size)) > 28.0


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("rotation", [(90,), (180,), (-90, True)])
def test_the_display_matrix_is_kept(tmp_path, rotation, suffix):
    clip = make_video(tmp_path / "clip.mp4", 2, rotation=rotation)
    copy(clip, tmp_path / f"a{suffix}")
    matrices = [
        np.frombuffer(frames_of(path)[0].side_data["DISPLAYMATRIX"], np.int32)
        for path in (clip, tmp_path / f"a{suffix}")
    ]
    if suffix == ".mkv":  # It has an angle and a mirror, rounded.
        matrices = [np.sign(np.rint(x / 2.0**14)) for x in matrices]
    np.testing.assert_array_equal(*matrices)
    found = frames_of(tmp_path / f"a{suffix}")[0].rotation
    assert found == frames_of(clip)[0].rotation
    assert by_opencv(tmp_path / f"a{suffix}")[0][0].shape == (48, 64, 3)


def test_pixel_aspect_and_colour_tags_are_kept(tmp_path):
    tags = {
        "colorspace": 9,
        "color_range": 1,
        "color_primaries": 9,
        "color_trc": 14,
        "sample_aspect_ratio": Fraction(4, 3),
    }
    clip = make_video(tmp_path / "clip.mp4", 2, tags=tags)
    copy(clip, tmp_path / "a.mp4")
    with av.open(tmp_path / "a.mp4") as file:
        (stream,) = file.streams.video
        assert {name: getattr(stream, name) for name in tags} == tags


@pytest.mark.parametrize("colour", [(200, 30, 90), (10, 240, 20), (9, 9, 250)])
@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", [1, 2, 6, 9])
def test_colours_are_right(tmp_path, matrix, full_range, colour):
    """By the matrices' standards, Y = kr R + (1 - kr - kb) G + kb B."""
    tags = {"colorspace": matrix, "color_range": 1 + full_range}
    pixels = np.full((48, 64, 3), colour, np.uint8)
    clip = make_video(
        tmp_path / "clip.mp4", 2, tags=tags, picture=pixels, sound=None,
        encoder={"crf": "0"},
    )  # fmt: skip
    seen = []
    copy(clip, tmp_path / "a.mp4", lambda x: seen.append(x) or x)
    assert np.abs(seen[0].astype(int) - colour).max() <= 2
    frame = frames_of(tmp_path / "a.mp4")[0]
    luma, blue, red = (
        np.frombuffer(plane, np.uint8)[0] / 255.0 for plane in frame.planes
    )
    blue, red = blue - 128 / 255, red - 128 / 255
    if not full_range:
        luma = (luma - 16 / 255) * 255 / 219
        blue, red = blue * 255 / 224, red * 255 / 224
    kr, kb = {1: (0.2126, 0.0722), 9: (0.2627, 0.0593)}.get(
        matrix, (0.299, 0.114)
    )
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    g = (luma - kr * r - kb * b) / (1 - kr - kb)
    found = 255 * np.clip([r, g, b], 0, 1)
    assert np.abs(found - colour).max() <= 2.0


@pytest.mark.parametrize(
    "name, target, options",
    [
        ("a.webm", "b.mkv", {"codec": "libvpx", "sound": "libopus"}),
        ("a.webm", "b.mp4", {"codec": "libvpx", "sound": "libopus"}),
        ("a.mov", "b.mkv", {"codec": "mjpeg", "sound": "pcm_s16le"}),
        ("a.mkv", "b.mov", {"codec": "ffv1", "sound": "pcm_s16le"}),
        ("a.mkv", "b.mp4", {"codec": "ffv1", "pix_fmt": "bgr0"}),
        ("a.mkv", "b.mp4", {"codec": "ffv1", "pix_fmt": "yuv422p10le"}),
        ("a.mkv", "b.mp4", {"codec": "ffv1", "pix_fmt": "gray"}),
    ],
)
def test_other_formats_are_read(tmp_path, name, target, options):
    if options["codec"] == "mjpeg":
        options = {**options, "pix_fmt": "yuvj420p"}
    clip = make_video(tmp_path / name, **options)
    assert copy(clip, tmp_path / target) == 12
    written, read = by_opencv(tmp_path / target)[0], by_opencv(clip)[0]
    assert psnr(written[5], read[5]) > 30.0
    assert sound_of(clip)[0] == sound_of(tmp_path / target)[0]
