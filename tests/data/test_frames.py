"""Averaged frames against NumPy sums, on arrays, folders and a video."""

import os
import pathlib

import av
import numpy as np
import pytest

from sis_keras.data.blur.averaging import average_frames, mean_of_frames
from sis_keras.data.frames import blur_from_frames
from sis_keras.errors import UserError
from sis_keras.files.pictures import list_pictures, read_rgb, write_rgb


def random_frames(count, size=(12, 17), seed=0):
    rng = np.random.default_rng(seed)
    return list(rng.integers(0, 256, (count, *size, 3), dtype=np.uint8))


def write_folder(folder, frames):
    folder.mkdir()
    for index, frame in enumerate(frames):
        write_rgb(folder / f"{index:06d}.png", frame)
    return folder


def test_mean_of_stored_values():
    frames = random_frames(7)
    blurry, sharp = average_frames(frames)
    expected = np.rint(np.asarray(frames, float).sum(0) / 7)
    np.testing.assert_array_equal(blurry, expected)
    np.testing.assert_array_equal(sharp, frames[3])
    assert blurry.dtype == sharp.dtype == np.uint8


def test_mean_in_linear_light():
    frames = random_frames(5)
    blurry, sharp = average_frames(frames, gamma=2.2)
    light = (np.asarray(frames, float) / 255) ** 2.2
    expected = light.mean(0) ** (1 / 2.2) * 255
    assert np.abs(blurry - expected).max() <= 0.501
    np.testing.assert_array_equal(sharp, frames[2])


def test_black_and_white_by_hand():
    black, white = np.zeros((1, 1, 3), np.uint8), np.full((1, 1, 3), 255)
    frames = [black, white.astype(np.uint8), black]
    assert average_frames(frames)[0][0, 0, 0] == 85
    # 255 (1/3)^(1/2.2) = 154.76
    assert average_frames(frames, gamma=2.2)[0][0, 0, 0] == 155


@pytest.mark.parametrize("gamma", [None, 2.2])
def test_every_value_survives_averaging_with_itself(gamma):
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, 2)
    blurry, _ = average_frames([ramp] * 13, gamma)
    np.testing.assert_array_equal(blurry, ramp)


def test_folder_windows_follow_one_another(tmp_path):
    frames = random_frames(17)
    folder = write_folder(tmp_path / "street", frames)
    pairs = list(blur_from_frames(folder, (5, 5)))
    # 17 frames are three windows of 5; two frames are left over.
    names = [name for name, _, _ in pairs]
    assert names == ["street/000002", "street/000007", "street/000012"]
    for start, (_, blurry, sharp) in zip((0, 5, 10), pairs, strict=True):
        mean = np.mean(frames[start : start + 5], 0)
        np.testing.assert_array_equal(blurry, np.rint(mean))
        np.testing.assert_array_equal(sharp, frames[start + 2])


def test_drawn_windows_are_odd_in_range_and_seeded(tmp_path):
    # Frame i has the value i: the mean of a window is its middle, and the
    # space between middles tells the lengths.
    frames = [np.full((4, 4, 3), i, np.uint8) for i in range(200)]
    folder = write_folder(tmp_path / "count", frames)

    def lengths(seed):
        end, found = 0, []
        for _, blurry, sharp in blur_from_frames(folder, (7, 13), seed=seed):
            np.testing.assert_array_equal(blurry, sharp)
            found.append(2 * (int(sharp[0, 0, 0]) - end) + 1)
            end += found[-1]
        assert 200 - 7 < end <= 200
        return found

    first = lengths(0)
    assert set(first) == {7, 9, 11, 13}
    assert first == lengths(0) != lengths(1)


def test_the_last_window_takes_what_is_left(tmp_path):
    folder = write_folder(tmp_path / "few", random_frames(8))
    # Windows of 11 or 13 do not fit: 7 of the 8 frames are used.
    for seed in range(4):
        ((name, _, _),) = blur_from_frames(folder, (7, 13), seed=seed)
        assert name == "few/000003"


@pytest.mark.parametrize("gamma", [None, 2.2])
def test_video_and_folder_agree(tmp_path, gamma):
    path, frames = tmp_path / "clip.mkv", []
    with av.open(str(path), "w") as video:
        stream = video.add_stream("ffv1", rate=30)  # Without loss.
        stream.width, stream.height, stream.pix_fmt = 64, 48, "bgr0"
        for index in range(15):
            frame = np.zeros((48, 64, 3), np.uint8)
            frame[:, :, 0] = 40 + 10 * index
            frame[10:30, index : index + 20, 2] = 200
            frames.append(frame)
            picture = av.VideoFrame.from_ndarray(frame, "rgb24")
            video.mux(stream.encode(picture))
        video.mux(stream.encode())
    folder = write_folder(tmp_path / "clip", frames)
    from_video = list(blur_from_frames(path, (3, 7), gamma, seed=3))
    from_folder = list(blur_from_frames(folder, (3, 7), gamma, seed=3))
    assert len(from_video) >= 3
    for one, other in zip(from_video, from_folder, strict=True):
        assert one[0] == other[0]
        np.testing.assert_array_equal(one[1], other[1])
        np.testing.assert_array_equal(one[2], other[2])
    # Red is red: frame 3 was painted 70 red, 0 green, 0 blue in its corner.
    middle = int(from_video[0][0].rsplit("/")[-1])
    corner = from_video[0][2][40:, 50:].mean((0, 1))
    np.testing.assert_allclose(corner, [40 + 10 * middle, 0, 0], atol=8)


def test_mistakes_are_user_errors(tmp_path):
    frames = random_frames(4)
    with pytest.raises(UserError, match="odd number.*Received: 4"):
        average_frames(frames)
    with pytest.raises(UserError, match="odd number.*Received: 0"):
        average_frames([])
    with pytest.raises(UserError, match="at least one frame"):
        mean_of_frames(iter([]))
    with pytest.raises(UserError, match="gamma=0"):
        average_frames(frames[:3], gamma=0)
    with pytest.raises(UserError, match="one size"):
        average_frames([*frames[:2], frames[2][:5]])
    folder = write_folder(tmp_path / "short", frames)
    with pytest.raises(UserError, match="at least 7 frames.*Received: 4"):
        list(blur_from_frames(folder))
    with pytest.raises(UserError, match=r"Received: \(8, 8\)"):
        list(blur_from_frames(folder, (8, 8)))
    with pytest.raises(UserError, match="missing"):
        list(blur_from_frames(tmp_path / "nowhere.mp4"))
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    with pytest.raises(UserError, match="does not open"):
        list(blur_from_frames(text))


@pytest.mark.skipif("SIS_DATA" not in os.environ, reason="needs SIS_DATA")
def test_real_frames():
    data = pathlib.Path(os.environ["SIS_DATA"])
    (folder,) = (data / "frames_240fps").iterdir()
    paths = list_pictures(folder)[:7]
    frames = np.stack([read_rgb(path) for path in paths])
    name, blurry, sharp = next(blur_from_frames(folder, (7, 7)))
    assert name == f"{folder.name}/{paths[3].stem}"
    np.testing.assert_array_equal(sharp, frames[3])
    expected = np.rint(frames.sum(0, dtype=np.int64) / 7)
    np.testing.assert_array_equal(blurry, expected)
