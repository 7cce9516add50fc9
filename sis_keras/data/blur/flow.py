"""Blur along the optical flow of ordinary video: blurry and sharp pairs.

A sharp frame and its two neighbours tell how each of its points moves. The
frame is moved along that motion, made longer or shorter, and averaged, as a
sensor averages while its shutter is open. What moves, and before what, is
what moved in front of a camera.

Everything is NumPy and OpenCV on uint8 RGB, `(height, width, 3)`. Time runs
from -1 (the shutter opens) over 0 (the frame itself) to 1.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from sis_keras.data.blur import synthetic
from sis_keras.data.blur.averaging import mean_of_frames
from sis_keras.data.blur.damages import damaged, match_brightness
from sis_keras.data.blur.frame_sizes import check_frames
from sis_keras.data.blur.lengths import log_uniform, pixels

EXTENT = (1.0, 60.0)
# A flow below this says nothing of how things move, pixels.
LEAST_MOTION = 0.4
GAIN = (0.5, 4.0)  # Of the motion between a film's frames, while one is taken.
# No flow is made longer than this many times: what is wrong with it grows too.
MOST_GAIN = 12.0
# How much of the picture may move faster than what is said to be the longest.
FASTEST = 98.0


class Motion(NamedTuple):
    """How the points of a frame move: at time t by `velocity t + bend t^2`.

    Attributes:
        velocity, bend: float32 `(height, width, 2)`, x and y, in pixels of
            half the time between the neighbours.
    """

    velocity: np.ndarray
    bend: np.ndarray

    def at(self, time: float) -> np.ndarray:
        """Displacements at a time, float32 `(height, width, 2)`."""
        return self.velocity * np.float32(time) + self.bend * np.float32(
            time * time
        )

    def scaled(self, gain: float) -> "Motion":
        factor = np.float32(gain)
        return Motion(self.velocity * factor, self.bend * factor)

    def length(self) -> float:
        """Of nearly the longest streak from time -1 to 1, pixels."""
        speed = np.linalg.norm(self.velocity[::4, ::4], axis=-1)
        return 2.0 * float(np.percentile(speed, FASTEST))


def measured_motion(
    previous: np.ndarray, frame: np.ndarray, following: np.ndarray
) -> Motion:
    """The motion of `frame`'s points, by dense inverse search.

    Reference:
        Kroeger et al., "Fast optical flow using dense inverse search", ECCV
        2016; OpenCV's `DISOpticalFlow`, medium.
    """
    grey = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in (previous, frame)]
    grey.append(cv2.cvtColor(following, cv2.COLOR_RGB2GRAY))
    finder = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, ahead = (finder.calc(grey[1], grey[n], None) for n in (0, 2))
    # Single points that jumped are outvoted; what is smooth stays.
    back, ahead = (_despeckled(flow) for flow in (back, ahead))
    velocity, bend = (ahead - back) / 2, (ahead + back) / 2
    # A flow and its return disagree at occlusions, where they mean nothing.
    speed = np.linalg.norm(velocity, axis=-1, keepdims=True)
    turn = np.linalg.norm(bend, axis=-1, keepdims=True)
    bend *= np.minimum(1.0, 0.5 * speed / np.maximum(turn, 1e-6))
    return Motion(velocity, bend)


def _despeckled(flow):
    return np.dstack(
        [cv2.medianBlur(np.ascontiguousarray(x), 5) for x in cv2.split(flow)]
    )


def split_camera(motion: Motion) -> tuple[Motion, Motion]:
    """Parts a motion into the camera's and the objects'.

    The camera's is the affine motion that most points agree on.

    Returns:
        `(camera, objects)`, which add up to `motion`.
    """
    height, width = motion.velocity.shape[:2]
    x, y = np.meshgrid(np.arange(0, width, 8), np.arange(0, height, 8))
    points = np.stack([x.ravel(), y.ravel()], -1).astype(np.float32)
    moves = motion.velocity[::8, ::8].reshape(-1, 2)
    cv2.setRNGSeed(0)
    affine, _ = cv2.estimateAffine2D(
        points, points + moves, ransacReprojThreshold=1.0
    )
    if affine is None:
        affine = np.eye(2, 3)
        affine[:, 2] = np.median(moves, axis=0)
    affine = affine - np.eye(2, 3)
    columns, rows = np.meshgrid(
        np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
    )
    velocity = np.stack(
        [a * columns + b * rows + c for a, b, c in affine.astype(np.float32)],
        -1,
    )
    camera = Motion(velocity, np.zeros_like(velocity))
    return camera, Motion(motion.velocity - velocity, motion.bend)


def in_front(objects: Motion, reach: float) -> Motion:
    """Lets what moves by itself carry its surroundings along.

    What moves against the camera's motion is taken to stand in front, so that
    its blur reaches over what is behind it. Its motion is spread by a
    Gaussian of `reach` pixels, faster points counting more, and fades out.
    Edges stay single: blurred by 4 to 60 pixels, a bright square's profile
    falls nowhere on its way up by more than 2 % of its height.
    """
    speed = np.linalg.norm(objects.velocity, axis=-1)
    weight = speed * speed
    scale = float(np.percentile(weight, FASTEST))
    if scale < LEAST_MOTION**2:
        return objects
    weight = np.minimum(weight / scale, 1.0)
    weight = np.where(weight < 0.04, 0.0, weight)[..., None]
    spread = (0, 0)
    total = cv2.GaussianBlur(weight, spread, reach)[..., None] + 0.02
    return Motion(
        *(cv2.GaussianBlur(x * weight, spread, reach) / total for x in objects)
    )


def flow_blur(
    previous: np.ndarray,
    sharp: np.ndarray,
    following: np.ndarray,
    seed: int | Sequence[int],
    *,
    extent: tuple[float, float] = EXTENT,
    gamma_probability: float = 0.3,
    most_frames: int = 41,
    **damages,
) -> tuple[np.ndarray, np.ndarray]:
    """Makes a blurry picture from a sharp frame and its neighbours.

    The camera's motion is the video's own made longer or shorter, or a random
    one, or none; the objects' is their own, longer or shorter.

    Args:
        previous, sharp, following: Consecutive frames.
        seed: Determines everything.
        extent: Between what the longest streak lies of the camera's motion
            and, drawn apart, of the objects', in pixels of a 720p picture;
            see `drawn_length`.
        gamma_probability: Share averaged in linear light (gamma 2.2), and
            then brought to the sharp frame's brightness.
        most_frames: How many moved frames are averaged at most.
        **damages: Of `damaged`: noise, defocus, JPEG.

    Returns:
        `(blurry, sharp)`, uint8; `sharp` is the frame as it came.

    Raises:
        UserError: Frames of two sizes, or too small for a flow.
    """
    check_frames(previous.shape, sharp.shape, following.shape)
    motion_rng, camera_rng, sensor_rng = np.random.default_rng(seed).spawn(3)
    size = sharp.shape[:2]
    own, others = split_camera(measured_motion(previous, sharp, following))
    lengths = [
        drawn_length(motion_rng, motion, extent, size)
        for motion in (own, others)
    ]
    camera = draw_camera(motion_rng, camera_rng, own, size, lengths[0])
    objects = drawn_objects(motion_rng, others, lengths[1])
    times = np.linspace(-1.0, 1.0, _frames(sum(lengths), most_frames))
    gamma = 2.2 if motion_rng.random() < gamma_probability else None
    blurry = mean_of_frames(moved(sharp, camera, objects, times), gamma)
    if gamma is not None:
        blurry = match_brightness(blurry, sharp)
    return damaged(blurry, sensor_rng, **damages), sharp


def drawn_length(rng, motion: Motion, extent, size) -> float:
    """Of the longest streak, in pixels.

    Mostly as far as things move between two frames, or `GAIN` times as far;
    three in ten, and where nothing moves, of any length in `extent`,
    log-uniform, as a hand shakes.

    Args:
        rng: Where the draws come from.
        motion: Of the camera, or of the objects.
        extent: Least and most, in pixels of a 720p picture.
        size: Height and width.
    """
    low, high = (pixels(length, size) for length in extent)
    free = log_uniform(rng, (low, high))
    natural = motion.length() * log_uniform(rng, GAIN)
    if rng.random() < 0.3 or motion.length() < 2 * LEAST_MOTION:
        return free
    return float(np.clip(natural, low, high))


def _frames(length, most):
    return int(np.clip(2 * int(np.ceil(length / 2)) + 1, 9, most))


def draw_camera(rng, path_rng, own: Motion, size, length: float):
    """The camera's motion: a function of a time to coordinates.

    It gives, for each pixel of the moved frame, the place in the frame at
    time 0 that is seen there: float32 `(height, width, 2)`.
    """
    height, width = size
    grid = np.dstack(
        np.meshgrid(
            np.arange(width, dtype=np.float32),
            np.arange(height, dtype=np.float32),
        )
    )
    kind, measured = rng.random(), own.length()
    if kind < 0.4 and measured > LEAST_MOTION:
        gain = min(length / measured, MOST_GAIN)
        mine = own.scaled(gain)
        return lambda time: grid - mine.at(time)
    if kind > 0.9:
        return lambda time: grid
    homographies = synthetic.draw_camera(path_rng, size, length)

    def seen(time):
        (matrix,) = homographies(np.array([time]))
        inverse = np.linalg.inv(matrix)
        return cv2.perspectiveTransform(grid, inverse).astype(np.float32)

    return seen


def drawn_objects(rng, objects: Motion, length: float) -> Motion | None:
    """The objects' motion scaled to a length; None where nothing moves."""
    measured = objects.length()
    if measured < 2 * LEAST_MOTION or rng.random() < 0.15:
        return None
    objects = objects.scaled(min(length / measured, MOST_GAIN))
    return in_front(objects, reach=float(np.clip(length / 4, 1.5, 8.0)))


def moved(frame: np.ndarray, camera, objects: Motion | None, times):
    """The frame at each of `times`, uint8; at time 0 it is the frame.

    Args:
        frame: uint8 `(height, width, 3)`. Beyond its border it is reflected.
        camera: A time to the coordinates that are seen.
        objects: Motion relative to the camera's, or None.
        times: From -1 to 1.
    """
    for time in times:
        places = camera(time)
        if objects is not None:
            shift = objects.at(time)
            # Where the objects are in the camera's moved picture.
            shift = cv2.remap(
                shift,
                places,
                None,
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            places = places - shift
        # Cubic: the mean of many bilinear frames is visibly softer than the
        # motion alone makes it.
        yield cv2.remap(
            frame,
            places,
            None,
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
