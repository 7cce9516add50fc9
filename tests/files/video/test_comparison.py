"""A second video: each frame as it was beside what it became."""

import numpy as np
import pytest
from clips import by_opencv, copy, frames_of, make_video, scene, sound_of

from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.files.video.source import VideoSource
from sis_keras.restoring.comparison import is_video_comparison


def invert(picture):
    return 255 - picture


@pytest.mark.parametrize("suffix", [".mp4", ".webm"])
def test_before_is_left_and_after_is_right(tmp_path, suffix):
    clip = make_video(tmp_path / "a.mp4", 5)
    both = tmp_path / f"both{suffix}"
    assert copy(clip, tmp_path / "b.mp4", invert, compare=both) == 5
    frames, rate = by_opencv(both)
    assert len(frames) == 5 and rate == pytest.approx(30)
    for number, frame in enumerate(frames):
        assert frame.shape == (48, 128, 3)
        assert psnr(frame[:, :64], scene(number)) > 28
        assert psnr(invert(frame[:, 64:]), scene(number)) > 27
    with pytest.raises(IndexError):
        sound_of(both)


@pytest.mark.parametrize(
    "rotation, vertical", [(90, True), (-90, True), (180, False)]
)
def test_turned_videos_lie_side_by_side_as_shown(tmp_path, rotation, vertical):
    clip = make_video(tmp_path / "a.mp4", 2, rotation=(rotation,))
    copy(
        clip,
        tmp_path / "b.mp4",
        lambda x: np.zeros_like(x),
        compare=tmp_path / "c.mp4",
    )
    frame = frames_of(tmp_path / "c.mp4")[0]
    assert (frame.rotation - rotation) % 360 == 0
    stored = frame.to_ndarray(format="gray")
    assert stored.shape == ((96, 64) if vertical else (48, 128))
    shown = np.rot90(stored, rotation // 90)  # Against the clock.
    half = shown.shape[1] // 2
    assert shown[:, half + 2 :].mean() < 40 < shown[:, : half - 2].mean()


def test_colours_without_a_tag_are_those_that_players_guess(tmp_path):
    """Of 640 pixels BT.601, and of 1280, were it not told, BT.709."""
    red = np.full((32, 640, 3), (221, 40, 31), np.uint8)
    untagged = {"colorspace": 2}
    clip = make_video(
        tmp_path / "a.mp4", 2, (32, 640), picture=red, tags=untagged
    )
    both = tmp_path / "both.mp4"
    copy(clip, tmp_path / "b.mp4", lambda x: x, compare=both)
    assert is_video_comparison(both, clip)
    with VideoSource(both) as video:
        (pixels, *_) = (part.pixels for part in video.parts())
    assert pixels.shape == (32, 1280, 3)
    assert np.abs(pixels[8:24, 100:500].astype(int) - red[0, 0]).max() <= 4


def test_bad_comparisons_are_refused(tmp_path):
    clip = make_video(tmp_path / "a.mp4", 2)
    for compare, match in (
        (tmp_path / "b.mp4", "`compare`"),
        (tmp_path / "c.txt", "video to write"),
        (clip, "both"),
    ):
        with pytest.raises(UserError, match=match):
            copy(clip, tmp_path / "b.mp4", compare=compare)
    (tmp_path / "c.mp4").write_text("old")
    with pytest.raises(UserError, match="exists"):
        copy(clip, tmp_path / "b.mp4", compare=tmp_path / "c.mp4")
    assert (tmp_path / "c.mp4").read_text() == "old"
    assert not (tmp_path / "b.mp4").exists()
