"""Paths and homographies against OpenCV and hand calculations."""

import cv2
import numpy as np
import pytest

from sis_keras.data.blur import trajectories

SIZE = (201, 301)
CENTRE = np.array([150.0, 100.0])
GRID = trajectories.box_grid(0, 0, 300, 200)


def camera(focal=400.0, plane=(0.0, 0.0), **motion):
    names = ("pitch", "yaw", "roll", "right", "down", "forward")
    vector = np.array([[motion.get(name, 0.0) for name in names]])
    return trajectories.camera_homographies(vector, focal, SIZE, plane)


def moved(homographies, point):
    return trajectories.positions(homographies, np.array([point]))[0, 0]


def test_rotation_is_that_of_opencv():
    vector = np.array([0.02, -0.03, 0.05])
    rotation = cv2.Rodrigues(vector)[0]
    inner = np.array([[400.0, 0, 150], [0, 400.0, 100], [0, 0, 1]])
    expected = inner @ rotation @ np.linalg.inv(inner)
    found = camera(pitch=0.02, yaw=-0.03, roll=0.05)[0]
    np.testing.assert_allclose(found, expected, atol=1e-9)


def test_motions_by_hand():
    # Yaw moves the point on the axis by f tan(angle).
    np.testing.assert_allclose(
        moved(camera(yaw=0.02), CENTRE),
        CENTRE + [400 * np.tan(0.02), 0],
        atol=1e-9,
    )
    # Roll turns about the centre: (100, 0) comes to 100 (cos, sin).
    np.testing.assert_allclose(
        moved(camera(roll=0.1), CENTRE + [100, 0]),
        CENTRE + [100 * np.cos(0.1), 100 * np.sin(0.1)],
    )
    # A shift of a hundredth of the distance: f / 100 pixels everywhere.
    for point in GRID:
        np.testing.assert_allclose(
            moved(camera(right=0.01), point), point + [4, 0], atol=1e-9
        )
    # Forward by t: towards the centre by 1 / (1 + t).
    np.testing.assert_allclose(
        moved(camera(forward=0.25), CENTRE + [50, -20]), CENTRE + [40, -16]
    )
    # n_y = 0.5: 80 pixels down, n . K^-1 x = 1 + 0.5 * 80 / 400 = 1.1.
    np.testing.assert_allclose(
        moved(camera(plane=(0, 0.5), right=0.01), CENTRE + [0, 80]),
        CENTRE + [4.4, 80],
    )


def test_object_motion_by_hand():
    motion = np.array([[3.0, -2.0, 0.2, np.log(1.5)]])
    found = trajectories.object_homographies(motion, CENTRE)
    np.testing.assert_allclose(moved(found, CENTRE), CENTRE + [3, -2])
    expected = cv2.getRotationMatrix2D((0, 0), -np.degrees(0.2), 1.5)
    np.testing.assert_allclose(found[0, :2, :2], expected[:, :2])


@pytest.mark.parametrize("seed", range(8))
def test_paths_are_still_at_mid_exposure_and_smooth(seed):
    path = trajectories.smooth_path(np.random.default_rng(seed), np.ones(6))
    np.testing.assert_array_equal(path(np.zeros(1)), np.zeros((1, 6)))
    times = np.linspace(-1, 1, 2001)
    positions = path(times)
    # Bounds from the formula: |p''| <= sum_k (pi/2)^2 |a_k|, a_k ~ N(0, k^-4).
    bends = np.diff(positions, 2, axis=0) / (times[1] - times[0]) ** 2
    assert np.abs(bends).max() < (np.pi / 2) ** 2 * 5 * 2.1
    assert (np.ptp(positions, 0) > 0).all()
    same = trajectories.smooth_path(np.random.default_rng(seed), np.ones(6))
    np.testing.assert_array_equal(same(times), positions)


@pytest.mark.parametrize("extent", [0.0, 3.0, 25.0])
def test_extent_and_steps(extent):
    for seed in range(8):
        rng = np.random.default_rng(seed)

        def homographies(motion):
            return trajectories.camera_homographies(motion, 300, SIZE)

        path = trajectories.scale_to_extent(
            trajectories.smooth_path(rng, np.full(6, 1e-3)),
            homographies,
            GRID,
            extent,
        )

        def at(times, path=path):
            return homographies(path(times))

        ways = trajectories.positions(at(np.linspace(-1, 1, 501)), GRID)
        longest = np.hypot(*np.moveaxis(np.ptp(ways, 0), -1, 0)).max()
        assert longest == pytest.approx(extent, rel=0.05)

        times = trajectories.sample_times(at, GRID, 1.0, 999)
        assert len(times) % 2 == 1 and times[len(times) // 2] == 0
        np.testing.assert_allclose(times, np.linspace(-1, 1, len(times)))
        steps = np.diff(trajectories.positions(at(times), GRID), axis=0)
        assert np.linalg.norm(steps, axis=-1).max() <= 1.02
        assert len(trajectories.sample_times(at, GRID, 0.01, 49)) <= 49
