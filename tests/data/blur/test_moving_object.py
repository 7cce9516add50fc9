"""Moving objects over a still background, by hand."""

import numpy as np
import pytest

from sis_keras.data.blur.averaging import mean_of_frames
from sis_keras.data.blur.moving_object import (
    MovingObject,
    draw_matte,
    draw_objects,
)
from sis_keras.data.blur.synthetic import render_frames

BACKGROUND = np.random.default_rng(5).integers(0, 256, (60, 80, 3), np.uint8)


def still(times):
    return np.broadcast_to(np.eye(3), (len(times), 3, 3))


def sliding(reach):
    """`reach` pixels to the left, then as many to the right of its place."""

    def path(times):
        motion = np.zeros((len(times), 4))
        motion[:, 0] = reach * times
        return motion

    return path


def white_square(path, side=10, corner=(30, 20)):
    texture = np.full((side, side, 3), 255, np.uint8)
    return MovingObject(
        texture, np.ones((side, side), np.float32), corner, path, still
    )


@pytest.mark.parametrize("gamma", [None, 2.2])
def test_white_square_over_black_is_a_trapezoid(gamma):
    black = np.zeros_like(BACKGROUND)
    times = np.linspace(-1, 1, 5)
    frames = render_frames(black, still, [white_square(sliding(2))], times)
    blurry = mean_of_frames(frames, gamma)
    # Columns 28 to 41: covered in 1, 2, 3, 4, then 5 of the 5 frames.
    cover = np.zeros(80)
    cover[28:42] = [1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 4, 3, 2, 1]
    row = (cover / 5) ** (1 / (gamma or 1))
    expected = np.zeros_like(blurry)
    expected[20:30] = row[:, None]
    np.testing.assert_allclose(blurry, expected, atol=1e-5)


def test_the_matte_is_blended_and_blurred():
    matte = np.zeros((8, 8), np.float32)
    matte[2:6, 2:6] = 0.5
    texture = np.full((8, 8, 3), 201, np.uint8)
    thing = MovingObject(texture, matte, (40, 30), sliding(1), still)
    times = np.linspace(-1, 1, 3)
    picture = np.full_like(BACKGROUND, 101)
    frames = render_frames(picture, still, [thing], times)
    blurry = mean_of_frames(frames) * 255
    # (1 - 0.5) 101 + 0.5 201 = 151 in as many of the three frames as it covers.
    row = 101 + 50 * np.array([0, 1, 2, 3, 3, 2, 1, 0]) / 3
    np.testing.assert_allclose(blurry[33, 40:48, 1], row, atol=1e-3)


def test_outside_its_way_the_picture_is_untouched():
    rng = np.random.default_rng(0)
    for _ in range(10):
        (thing, *_) = draw_objects(rng, BACKGROUND, still, (6.0, 6.0))
        times = np.linspace(-1, 1, 21)
        frames = list(render_frames(BACKGROUND, still, [thing], times))
        changed = (np.stack(frames) != BACKGROUND).any((0, 3))
        # No point of it goes further than its longest streak.
        height, width = thing.matte.shape
        x, y = thing.corner.astype(int)
        allowed = np.zeros((60 + 200, 80 + 200), bool)
        allowed[
            100 + y - 6 : 100 + y + height + 6,
            100 + x - 6 : 100 + x + width + 6,
        ] = True
        assert changed.any()
        assert not (changed & ~allowed[100:160, 100:180]).any()
        np.testing.assert_array_equal(
            mean_of_frames(iter(frames))[~changed],
            BACKGROUND[~changed] / np.float32(255),
        )


def test_at_mid_exposure_it_stands_on_its_pixels():
    # Half out of the picture: its part inside is there, unmoved.
    rng = np.random.default_rng(1)
    texture = rng.integers(0, 256, (10, 10, 3), np.uint8)
    matte = np.ones((10, 10), np.float32)
    thing = MovingObject(texture, matte, (-4, 55), sliding(7), still)
    (frame,) = render_frames(BACKGROUND, still, [thing], np.zeros(1))
    expected = BACKGROUND.copy()
    expected[55:60, :6] = texture[:5, 4:]
    np.testing.assert_array_equal(frame, expected)


def test_quite_outside_it_is_not_seen():
    thing = white_square(sliding(3), corner=(500, -70))
    (frame,) = render_frames(BACKGROUND, still, [thing], np.zeros(1))
    np.testing.assert_array_equal(frame, BACKGROUND)


def test_mattes_are_smooth_shapes_inside_their_box():
    for seed in range(20):
        matte = draw_matte(np.random.default_rng(seed), (50, 70))
        assert matte.dtype == np.float32 and matte.shape == (50, 70)
        border = (matte[0], matte[-1], matte[:, 0], matte[:, -1])
        assert all(edge.max() == 0 for edge in border)
        assert matte.max() == 1 and 0.05 < matte.mean() < 0.95
        # No jump from clear to opaque: the edge is soft.
        assert np.abs(np.diff(matte, axis=0)).max() < 0.8
        assert np.abs(np.diff(matte, axis=1)).max() < 0.8
