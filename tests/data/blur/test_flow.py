"""Blur along a flow against shifted pictures and composites made by hand."""

import cv2
import numpy as np
import pytest
from scipy import ndimage

from sis_keras.data.blur import flow
from sis_keras.data.blur.averaging import mean_of_frames
from sis_keras.data.blur.flow import Motion, flow_blur, measured_motion, moved
from sis_keras.errors import UserError

CLEAN = {
    "defocus_probability": 0.0,
    "noise_probability": 0.0,
    "jpeg_probability": 0.0,
}


def texture(size, seed=0, mean=128, deviation=35, sigma=2):
    """A smooth random picture, float."""
    noise = ndimage.gaussian_filter(
        np.random.default_rng(seed).standard_normal((*size, 3)),
        (sigma, sigma, 0),
    )
    return np.clip(mean + deviation * noise / noise.std(), 0, 255)


def panned(right, down=0, size=(120, 180), margin=20):
    """A picture whose content was moved so many whole pixels."""
    height, width = size
    wide = texture((height + 2 * margin, width + 2 * margin)).astype(np.uint8)
    top, left = margin - down, margin - right
    return wide[top : top + height, left : left + width].copy()


def grid(size):
    """The coordinates of pixels: what a camera that stands still sees."""
    rows, columns = np.mgrid[: size[0], : size[1]].astype(np.float32)
    return np.dstack([columns, rows])


def still(size):
    seen = grid(size)
    return lambda time: seen


def uniform(size, right, down):
    velocity = np.empty((*size, 2), np.float32)
    velocity[...] = right, down
    return Motion(velocity, np.zeros_like(velocity))


# === Motion ===


def test_displacements_by_hand():
    motion = Motion(np.full((2, 3, 2), 4.0), np.full((2, 3, 2), -1.0))
    for time, expected in (
        (-1, -5),
        (-0.5, -2.25),
        (0, 0),
        (0.5, 1.75),
        (1, 3),
    ):
        np.testing.assert_allclose(motion.at(time), expected)
        np.testing.assert_allclose(motion.scaled(3).at(time), 3 * expected)


def test_the_length_is_that_of_nearly_the_longest_streak():
    motion = uniform((100, 100), 3, -4)
    # From time -1 to 1.
    assert motion.length() == pytest.approx(10)
    assert motion.scaled(2.5).length() == pytest.approx(25)
    motion.velocity[:8, :8] = 50  # 4 of the 625 points that are looked at
    assert motion.length() == pytest.approx(10)
    motion.velocity[:40, :40] = 30, 40
    assert motion.length() == pytest.approx(100)


@pytest.mark.parametrize("right, down", [(2, 0), (3, -2), (-5, 1)])
def test_the_motion_of_a_shifted_picture(right, down):
    motion = measured_motion(
        panned(-right, -down), panned(0), panned(right, down)
    )
    inside = np.s_[16:-16, 16:-16]
    expected = np.broadcast_to([right, down], motion.velocity[inside].shape)
    np.testing.assert_allclose(motion.velocity[inside], expected, atol=0.1)
    assert np.abs(motion.bend[inside]).max() < 0.2


def test_the_motion_of_a_picture_that_grows_slower():
    """4 pixels and then 2: 3 t - t^2 is -4 at -1 and 2 at 1."""
    motion = measured_motion(panned(-4), panned(0), panned(2))
    inside = np.s_[16:-16, 16:-16]
    assert np.abs(motion.velocity[inside] - [3, 0]).max() < 0.1
    assert np.abs(motion.bend[inside] - [-1, 0]).max() < 0.1


def test_the_camera_and_an_object_are_told_apart():
    size = (96, 128)
    x, y = np.moveaxis(grid(size), -1, 0)
    camera = np.stack([0.02 * x - 0.01 * y + 1, 0.015 * x + 0.01 * y - 2], -1)
    alone = np.zeros((*size, 2), np.float32)
    alone[30:60, 40:80] = 6, -3
    bend = np.full_like(alone, 0.5)
    found, objects = flow.split_camera(Motion(camera + alone, bend))
    np.testing.assert_allclose(found.velocity, camera, atol=1e-3)
    np.testing.assert_allclose(objects.velocity, alone, atol=1e-3)
    np.testing.assert_array_equal(objects.bend, bend)
    assert not found.bend.any()


# === Moved frames ===


@pytest.mark.parametrize("right, down", [(3, 0), (0, -2), (3, 3), (-3, 1)])
@pytest.mark.parametrize("by", ["camera", "objects"])
def test_whole_pixels_are_the_mean_of_shifted_pictures(right, down, by):
    picture = panned(0)
    size = picture.shape[:2]
    motion, camera = uniform(size, right, down), still(size)
    if by == "camera":
        seen, mine = grid(size), motion
        motion, camera = None, lambda time: seen - mine.at(time)
    # At 7 times a multiple of 3 moves by whole pixels; 3 times will do for all.
    times = np.linspace(-1, 1, 7 if {right, down} <= {-3, 0, 3} else 3)
    shifted = [
        np.roll(picture, (round(down * t), round(right * t)), (0, 1))
        for t in times
    ]
    inside = np.s_[4:-4, 4:-4]
    frames = list(moved(picture, camera, motion, times))
    for frame, expected in zip(frames, shifted, strict=True):
        np.testing.assert_array_equal(frame[inside], expected[inside])
    blurry = mean_of_frames(frames) * 255
    expected = np.mean(shifted, axis=0)
    np.testing.assert_allclose(blurry[inside], expected[inside], atol=1e-3)


def cameras(size, length):
    """A camera of each kind, by what it does; none is drawn apart."""
    found = {}
    own = uniform(size, 1.5, -0.5)
    for seed in range(40):
        rngs = np.random.default_rng(seed).spawn(2)
        camera = flow.draw_camera(*rngs, own, size, length)
        motion = grid(size) - camera(1.0)
        kind = "random"
        if not motion.any():
            kind = "still"
        elif np.ptp(motion, axis=(0, 1)).max() < 1e-3:
            kind = "own"
        found.setdefault(kind, []).append(camera)
    return found


def test_nothing_moves_at_mid_exposure():
    picture = panned(0)
    size = picture.shape[:2]
    objects = np.zeros((*size, 2), np.float32)
    objects[40:80, 60:120] = 7, 4
    kinds = cameras(size, 12.0)
    assert kinds.keys() == {"random", "still", "own"}
    for seen in kinds.values():
        for camera in seen:
            for motion in (None, Motion(objects, objects / 3)):
                (frame,) = moved(picture, camera, motion, [0.0])
                np.testing.assert_array_equal(frame, picture)
                if motion is not None:
                    (frame,) = moved(picture, camera, motion, [1.0])
                    assert (frame != picture).any()


def test_streaks_are_as_long_as_asked():
    size, length = (90, 160), 12.0
    times = np.linspace(-1, 1, 33)
    kinds = cameras(size, length)
    corners = np.s_[[0, 0, -1, -1], [0, -1, 0, -1]]
    for camera in kinds["own"]:
        streak = np.linalg.norm(camera(1.0) - camera(-1.0), axis=-1)
        np.testing.assert_allclose(streak, length, rtol=1e-3)
    for camera in kinds["random"]:
        way = np.stack([camera(time)[corners] for time in times])
        streaks = np.linalg.norm(np.ptp(way, axis=0), axis=-1)
        # Of the box around a point's way; a corner moves most, or nearly so.
        assert 0.8 * length < streaks.max() < 1.1 * length


def test_the_motion_of_a_video_is_not_made_much_longer():
    size, own = (90, 160), uniform((90, 160), 0.5, 0)
    longest = 0.0
    for seed in range(40):
        rngs = np.random.default_rng(seed).spawn(2)
        camera = flow.draw_camera(*rngs, own, size, 19.0)
        motion = camera(-1.0) - camera(1.0)
        if np.ptp(motion, axis=(0, 1)).max() < 1e-3:
            longest = max(longest, motion[..., 0].max())
    # Twelve times a pixel.
    assert longest == pytest.approx(12)


def test_objects_move_as_far_as_asked():
    size = (120, 180)
    velocity = np.zeros((*size, 2), np.float32)
    velocity[30:90, 50:130] = 1.2, 1.6  # streaks of 4 pixels
    objects = Motion(velocity, np.zeros_like(velocity))
    found = [
        flow.drawn_objects(np.random.default_rng(seed), objects, 24.0)
        for seed in range(20)
    ]
    there = [motion for motion in found if motion is not None]
    assert 12 <= len(there) < 20
    for motion in there:
        middle = motion.velocity[50:70, 80:100]
        # 6 times as far, less what its fading out takes.
        np.testing.assert_allclose(
            middle, np.broadcast_to([7.2, 9.6], middle.shape), rtol=0.03
        )
        assert np.abs(motion.velocity[:, :20]).max() < 0.1
        # What is beside it, three pixels away, moves along.
        assert (motion.velocity[60, [47, 132], 1] > 0.8 * 9.6).all()
    slow = objects.scaled(0.1)
    rng = np.random.default_rng(0)
    assert flow.drawn_objects(rng, slow, 24.0) is None


# === Objects before still ground ===


@pytest.mark.parametrize("streak", [4, 10, 20, 40, 60])
def test_edges_stay_single(streak):
    """The ramps of a bright square rise to its middle and fall behind it."""
    size = (100, 160)
    picture = np.full((*size, 3), 60, np.uint8)
    picture[30:70, 60:100] = 200
    velocity = np.zeros((*size, 2), np.float32)
    velocity[30:70, 60:100, 0] = streak / 2
    reach = float(np.clip(streak / 4, 1.5, 8))
    motion = flow.in_front(Motion(velocity, np.zeros_like(velocity)), reach)
    times = np.linspace(-1, 1, 41)
    blurry = mean_of_frames(moved(picture, still(size), motion, times)) * 255
    rows = blurry[30:70, :, 0]
    # 2 % of 140.
    assert np.diff(rows[:, :80], axis=1).min() > -2.8
    assert np.diff(rows[:, 80:], axis=1).max() < 2.8
    rise = np.maximum.accumulate(rows[:, :80], axis=1) - rows[:, :80]
    fall = np.maximum.accumulate(rows[:, :79:-1], axis=1) - rows[:, :79:-1]
    assert max(rise.max(), fall.max()) < 2.8
    # Both ramps are half way up where the square's edges are.
    assert np.abs(rows[20, [59, 60, 99, 100]] - 130).max() < 40
    # And they are as wide as it moves, where reach allows.
    if streak <= 20:
        wide = (np.abs(rows[20, :80] - 130) < 60).sum()
        assert 0.6 * streak < wide < 1.1 * streak


@pytest.mark.parametrize("step, streak", [(3, 12), (4, 8)])
def test_a_measured_object_is_blurred_like_a_composite(step, streak):
    size = (128, 192)
    ground, thing = texture(size, 1, deviation=30), texture((56, 64), 2, 150)

    def frame(right):
        picture = ground.copy()
        picture[36:92, 64 + right : 128 + right] = thing
        return np.rint(picture).astype(np.uint8)

    camera, objects = flow.split_camera(
        measured_motion(frame(-step), frame(0), frame(step))
    )
    assert np.abs(camera.velocity).max() < 0.1
    motion = flow.in_front(objects.scaled(streak / 2 / step), streak / 4)
    half = streak // 2
    times = np.linspace(-1, 1, streak + 1)
    blurry = mean_of_frames(moved(frame(0), still(size), motion, times)) * 255
    expected = np.mean(
        [frame(n).astype(float) for n in range(-half, half + 1)], axis=0
    )
    # Away from it nothing moves.
    np.testing.assert_allclose(blurry[:, :24], frame(0)[:, :24], atol=1e-3)

    def errors(where):
        return [
            np.abs(picture[where] - expected[where]).mean()
            for picture in (blurry, frame(0))
        ]

    inside, unmoved = errors(np.s_[44:84, 64 + 2 * half : 128 - 2 * half])
    assert inside < 1.5 and unmoved > 10
    everywhere, unmoved = errors(np.s_[:])
    assert everywhere < 0.35 * unmoved


# === Pairs ===


def test_lengths_are_mostly_those_of_the_motion():
    """Within GAIN of the motion's own, clipped; three in ten are free."""
    random = np.random.default_rng(0)
    size = (720, 1280)
    velocity = np.full((*size, 2), (3.0, 4.0), np.float32)  # 10 pixels in all
    motion = Motion(velocity, np.zeros_like(velocity))
    drawn = np.array(
        [
            flow.drawn_length(random, motion, (0.5, 25.0), size)
            for _ in range(2000)
        ]
    )
    assert drawn.min() < 1 and drawn.max() == 25.0
    # Natural ones are log-uniform from 5 to 40, before they are clipped.
    natural = np.log(40 / 25) / np.log(40 / 5)
    assert np.mean(drawn == 25.0) == pytest.approx(0.7 * natural, abs=0.03)
    free = np.log(5 / 0.5) / np.log(25 / 0.5)
    assert np.mean(drawn < 5) == pytest.approx(0.3 * free, abs=0.03)
    still = Motion(0 * velocity, 0 * velocity)
    lengths = [
        flow.drawn_length(random, still, (4.0, 9.0), size) for _ in range(99)
    ]
    assert min(lengths) < 4.5 and max(lengths) > 8


def test_the_sharp_half_is_the_very_frame():
    frames = [panned(2 * n) for n in (-1, 0, 1)]
    before = frames[1].copy()
    changed = 0
    for seed in range(40):
        blurry, sharp = flow_blur(*frames, seed, **CLEAN)
        assert sharp is frames[1]
        assert blurry.shape == sharp.shape and blurry.dtype == np.uint8
        changed += (blurry != sharp).any()
    # One camera in ten stands still.
    assert 30 <= changed < 40
    np.testing.assert_array_equal(sharp, before)


def test_a_pan_is_a_line_of_the_length_that_was_asked_for():
    """About four of ten keep the video's own camera; nothing else moves."""
    frames = [panned(3 * n, size=(180, 320)) for n in (-1, 0, 1)]
    picture = frames[1].astype(float)
    # 16 pixels of a 720p picture are 8 here, in 17 frames half a pixel apart.
    expected = np.mean(
        [
            ndimage.shift(picture, (0, n / 2, 0), order=3, mode="mirror")
            for n in range(-8, 9)
        ],
        axis=0,
    )
    inside = np.s_[20:-20, 20:-20]
    errors = []
    for seed in range(10, 22):
        blurry, _ = flow_blur(
            *frames,
            seed,
            extent=(16.0, 16.0),
            gamma_probability=0.0,
            **CLEAN,
        )
        errors.append(np.abs(blurry[inside] - expected[inside]).mean())
    found = np.array(errors)
    assert 3 <= (found < 0.5).sum() <= 8
    assert np.abs(picture - expected)[inside].mean() > 8
    assert found.max() > 3


def test_the_seed_determines_everything():
    frames = [panned(2 * n, n) for n in (-1, 0, 1)]
    first = [flow_blur(*frames, (seed, 1))[0] for seed in range(8)]
    threads = cv2.getNumThreads()
    try:
        for number in (1, 2, 4):
            cv2.setNumThreads(number)
            again = [flow_blur(*frames, (seed, 1))[0] for seed in range(8)]
            np.testing.assert_array_equal(again, first)
    finally:
        cv2.setNumThreads(threads)
    assert all((x != first[0]).any() for x in first[1:])


def test_linear_light_is_as_bright_as_the_sharp_frame(monkeypatch):
    # Of two values, so that linear light makes a difference.
    frames = [
        ((panned(2 * n) > 128) * np.uint8(140)) + np.uint8(60)
        for n in (-1, 0, 1)
    ]

    def shifts(gamma):
        settings = {"gamma_probability": gamma, "extent": (40.0, 40.0), **CLEAN}
        for seed in range(6):
            blurry, sharp = flow_blur(*frames, seed, **settings)
            yield blurry.mean() - sharp.mean()

    assert np.abs(list(shifts(1.0))).max() < 0.3
    monkeypatch.setattr(flow, "match_brightness", lambda blurry, _: blurry)
    assert np.median(list(shifts(1.0))) > 3
    # Stored values need no matching, but for what leaves the picture.
    assert np.abs(list(shifts(0.0))).max() < 1


def test_longer_streaks_blur_more():
    frames = [panned(2 * n) for n in (-1, 0, 1)]
    apart = [
        np.mean(
            [
                np.abs(blurry.astype(int) - sharp).mean()
                for blurry, sharp in (
                    flow_blur(*frames, seed, extent=(e, e), **CLEAN)
                    for seed in range(6)
                )
            ]
        )
        for e in (2.0, 8.0, 30.0)
    ]
    assert apart[0] < apart[1] < apart[2]


@pytest.mark.parametrize("place", [0, 1, 2])
def test_frames_of_two_sizes_are_user_errors(place):
    frames = [panned(0) for _ in range(3)]
    frames[place] = frames[place][:-2]
    with pytest.raises(UserError, match="one size.*180x118"):
        flow_blur(*frames, 0)


def test_tiny_frames_are_user_errors():
    for size in ((31, 40), (40, 31), (1, 1)):
        with pytest.raises(UserError, match="at least 32x32"):
            flow_blur(*[np.zeros((*size, 3), np.uint8)] * 3, 0)
    for size in ((32, 32), (32, 90), (33, 47)):
        frames = [panned(n, size=size) for n in (-1, 0, 1)]
        for seed in range(8):
            blurry, _ = flow_blur(*frames, seed)
            assert blurry.shape == (*size, 3)


@pytest.mark.parametrize("value", [0, 93, 255])
def test_plain_frames_stay_plain(value):
    frame = np.full((40, 60, 3), value, np.uint8)
    for seed in range(6):
        blurry, _ = flow_blur(frame, frame, frame, seed, **CLEAN)
        np.testing.assert_array_equal(blurry, frame)
