"""Paths of a shaking camera and of moving objects, as homographies.

Time runs from -1 (the shutter opens) over 0 (mid exposure, where every path is
the identity) to 1 (the shutter closes).
"""

from collections.abc import Callable

import numpy as np

# Fine enough to see the fastest piece of any path that `smooth_path` draws.
_DENSE_TIMES = np.linspace(-1.0, 1.0, 129)

Path = Callable[[np.ndarray], np.ndarray]


def smooth_path(rng: np.random.Generator, gains) -> Path:
    """Draws a smooth path through zero at mid exposure.

    For component i, with v, a, phi drawn at random,

        p_i(t) = gain_i (v_i t + sum_k a_ik (sin(pi k t / 2 + phi_ik)
                                             - sin(phi_ik)) / k^2),  k = 1..4:

    a steady drift, a bend, and a tremor whose high frequencies are weak.

    Args:
        rng: Where the draws come from.
        gains: The size of each component, shape `(components,)`.

    Returns:
        A function of times, shape `(n,)`, to positions `(n, components)`.
    """
    gains = np.asarray(gains, float)
    harmonics = np.arange(1, 5)
    drift = rng.normal(size=len(gains))
    weights = rng.normal(size=(len(gains), 4)) / harmonics**2
    phases = rng.uniform(0.0, 2.0 * np.pi, (len(gains), 4))

    def position(times: np.ndarray) -> np.ndarray:
        times = np.asarray(times, float)[:, None]
        angles = 0.5 * np.pi * harmonics * times[..., None] + phases
        swing = ((np.sin(angles) - np.sin(phases)) * weights).sum(-1)
        return gains * (drift * times + swing)

    return position


def even_pan(times: np.ndarray) -> np.ndarray:
    """Positions `(n, 6)` of a camera that turns evenly about its vertical."""
    return np.outer(times, [0.0, 1e-3, 0.0, 0.0, 0.0, 0.0])


def camera_homographies(
    motion: np.ndarray, focal: float, size, plane=(0.0, 0.0)
) -> np.ndarray:
    """Pictures of a flat scene, seen by a camera that turns and moves.

        H = K (R + t n^T) K^-1,  K = [[f, 0, cx], [0, f, cy], [0, 0, 1]]

    (Hartley and Zisserman 2004, Eq. 13.2, with t in units of the distance.)

    Args:
        motion: `(n, 6)`: pitch, yaw and roll in radians (a rotation vector),
            then the shift t right, down and forward, over the distance.
        focal: Focal length f in pixels.
        size: `(height, width)`; the optical axis meets its centre.
        plane: `(n_x, n_y)` of the scene's normal n = (n_x, n_y, 1): how much
            nearer its right and lower parts are. (0, 0) faces the camera.

    Returns:
        `(n, 3, 3)`: from points (x, y, 1) at mid exposure to points then.
    """
    height, width = size
    camera = np.array(
        [
            [focal, 0.0, (width - 1) / 2],
            [0.0, focal, (height - 1) / 2],
            [0.0, 0.0, 1.0],
        ]
    )
    normal = np.array([plane[0], plane[1], 1.0])
    moved = _rotations(motion[:, :3]) + motion[:, 3:, None] * normal
    return camera @ moved @ np.linalg.inv(camera)


def _rotations(vectors: np.ndarray) -> np.ndarray:
    """Rodrigues' formula: `(n, 3)` rotation vectors to `(n, 3, 3)`."""
    cross = np.zeros((len(vectors), 3, 3))
    x, y, z = vectors.T
    cross[:, 0, 1], cross[:, 0, 2], cross[:, 1, 2] = -z, y, -x
    cross -= cross.transpose(0, 2, 1)
    angle = np.linalg.norm(vectors, axis=1)[:, None, None]
    # sin(a) / a and (1 - cos(a)) / a^2, finite at a = 0.
    return (
        np.eye(3)
        + np.sinc(angle / np.pi) * cross
        + 0.5 * np.sinc(angle / (2 * np.pi)) ** 2 * (cross @ cross)
    )


def object_homographies(motion: np.ndarray, centre) -> np.ndarray:
    """A flat object that shifts, turns and grows about its centre.

    Args:
        motion: `(n, 4)`: shift right and down in pixels, turn in radians,
            logarithm of the growth.
        centre: `(x, y)` of the object at mid exposure.

    Returns:
        `(n, 3, 3)`: from points (x, y, 1) at mid exposure to points then.
    """
    right, down, turn, growth = motion.T
    cosine = np.exp(growth) * np.cos(turn)
    sine = np.exp(growth) * np.sin(turn)
    x, y = centre
    matrices = np.zeros((len(motion), 3, 3))
    matrices[:, 0, 0], matrices[:, 0, 1] = cosine, -sine
    matrices[:, 1, 0], matrices[:, 1, 1] = sine, cosine
    matrices[:, 0, 2] = x + right - cosine * x + sine * y
    matrices[:, 1, 2] = y + down - sine * x - cosine * y
    matrices[:, 2, 2] = 1.0
    return matrices


def positions(homographies: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where `(p, 2)` points (x, y) go: `(n, p, 2)` pixels."""
    moved = np.concatenate([points, np.ones((len(points), 1))], 1)
    moved = moved @ homographies.transpose(0, 2, 1)
    return moved[..., :2] / moved[..., 2:]


def box_grid(left, top, right, bottom) -> np.ndarray:
    """Nine points (x, y), `(9, 2)`: corners, edges and centre of a box."""
    x, y = np.meshgrid(np.linspace(left, right, 3), np.linspace(top, bottom, 3))
    return np.stack([x.ravel(), y.ravel()], -1)


def scale_to_extent(
    path: Path, to_homographies, points: np.ndarray, extent: float
) -> Path:
    """Scales a path so that its longest streak is `extent` pixels.

    The streak of a point is the diagonal of the box around its way; the
    longest is that of the point that moves most. Homographies are close to
    linear in small motions, so one scaling is enough.
    """
    streaks = np.ptp(positions(to_homographies(path(_DENSE_TIMES)), points), 0)
    factor = extent / max(np.linalg.norm(streaks, axis=-1).max(), 1e-9)
    return lambda times: factor * path(times)


def sample_times(
    to_homographies, points: np.ndarray, step: float, most: int
) -> np.ndarray:
    """Equally spaced times between which no point moves more than `step`.

    Args:
        to_homographies: Function of times to `(n, 3, 3)`.
        points: The points to watch, `(p, 2)`.
        step: Pixels.
        most: The number of times is cut off here.

    Returns:
        An odd number of times, so that mid exposure is one of them.
    """
    ways = positions(to_homographies(_DENSE_TIMES), points)
    steps = np.linalg.norm(np.diff(ways, axis=0), axis=-1)
    intervals = int(np.ceil(steps.max() * len(steps) / step))
    intervals = min(max(intervals, 2), most - 1)
    return np.linspace(-1.0, 1.0, 2 * ((intervals + 1) // 2) + 1)
