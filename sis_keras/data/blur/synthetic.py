"""Synthetic dynamic blur: blurry and sharp pairs, determined by a seed.

`average_frames` and `blur_from_frames` average the frames of a video;
`synthetic_blur` and `blurred_photograph` render such frames from one sharp
photograph. Everything is NumPy and OpenCV on uint8 RGB, shape
`(height, width, 3)`.
"""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np

from sis_keras.data.blur import trajectories
from sis_keras.data.blur.averaging import mean_of_frames
from sis_keras.data.blur.damages import add_noise, damaged, match_brightness
from sis_keras.data.blur.lengths import log_uniform, pixels
from sis_keras.data.blur.moving_object import MovingObject, draw_objects
from sis_keras.errors import UserError
from sis_keras.files.pictures import halved, read_rgb, to_uint8

CAMERA_STREAK = (3.0, 30.0)
FLAT_SIZE = 256


def synthetic_blur(
    sharp: np.ndarray,
    seed: int | Sequence[int],
    *,
    gamma: float | None = None,
    pan: bool = False,
    extent: tuple[float, float] = CAMERA_STREAK,
    object_probability: float = 0.5,
    object_extent: tuple[float, float] = (5.0, 40.0),
    step: float = 1.0,
    most_frames: int = 49,
    **damages,
) -> tuple[np.ndarray, np.ndarray]:
    """Makes a blurry picture from a sharp one.

    Frames are rendered along a random path of the camera (`trajectories`),
    with objects that move by themselves in front (`moving_object`), and
    averaged; then come the sensor's noise and JPEG. At mid exposure the
    camera stands where the photograph was taken, so nothing has to be aligned.

    Args:
        sharp: uint8 `(height, width, 3)`.
        seed: Determines everything.
        gamma: As for `average_frames`; None is GOPRO's `blur`.
        pan: The camera only turns, evenly, about its vertical axis, as when it
            follows a car: the streaks are level. Else it shakes.
        extent: Longest streak from the camera's shake, in pixels of a 720p
            picture, drawn log-uniformly, so that mild blur is frequent. It
            shrinks with the square root of the diagonal: 30 pixels become 19
            at 321x481.
        object_probability: Share of the pictures with one to three objects.
        object_extent: Longest streak of an object's own motion, in the same
            pixels, drawn uniformly.
        step: No point moves more pixels than this between two frames, …
        most_frames: … unless that would need more frames than this.
        **damages: Of `damaged`: defocus, noise, JPEG.

    Returns:
        `(blurry, sharp)`, uint8. `sharp` is the frame at mid exposure: the
        picture as it came, apart from the objects put into it.
    """
    _check_picture(sharp)
    camera_rng, object_rng, sensor_rng = np.random.default_rng(seed).spawn(3)
    size = sharp.shape[:2]
    longest = pixels(log_uniform(camera_rng, extent), size)
    camera = draw_camera(camera_rng, size, longest, pan)
    objects = []
    if object_rng.random() < object_probability:
        least, most = (pixels(length, size) for length in object_extent)
        objects = draw_objects(object_rng, sharp, camera, (least, most))
    times = _frame_times(camera, objects, size, step, most_frames)
    frames = render_frames(sharp, camera, objects, times)
    blurry = mean_of_frames(frames, gamma)
    (middle,) = render_frames(sharp, camera, objects, np.zeros(1))
    if gamma is not None:
        blurry = match_brightness(blurry, middle)
    return damaged(blurry, sensor_rng, **damages), middle


def blurred_photograph(
    path, seed: int | Sequence[int], half: bool = False, **settings
) -> tuple[np.ndarray, np.ndarray]:
    """Blurs the photograph of a file.

    Args:
        path: Of the file.
        seed: Of the pair.
        half: Takes the photograph at half size.
        **settings: For `synthetic_blur`.

    Returns:
        `(blurry, sharp)`, uint8; see `synthetic_blur`.

    Raises:
        UserError: It cannot be read.
    """
    picture = read_rgb(path)
    return synthetic_blur(
        halved(picture) if half else picture, seed, **settings
    )


def flat_pair(
    seed: int | Sequence[int], size: int = FLAT_SIZE
) -> tuple[np.ndarray, np.ndarray]:
    """A plain colour or a gradient, and the same with some noise or none.

    A network that has only seen photographs gives such pictures another
    colour.

    Returns:
        `(noisy, plain)`, uint8 `(size, size, 3)`.
    """
    rng = np.random.default_rng(seed)
    corners = rng.random((2, 2, 3))
    if rng.random() < 0.5:
        corners = np.broadcast_to(corners[:1, :1], corners.shape)
    elif rng.random() < 0.5:  # grey
        corners = np.repeat(corners[..., :1], 3, axis=-1)
    if rng.random() < 0.3:  # fully saturated, black or white
        corners = np.rint(corners)
    plain = cv2.resize(corners.astype(np.float32), (size, size))
    noisy = plain
    if rng.random() < 0.5:
        noisy = add_noise(plain, rng, rng.uniform(0.3, 3.0))
    return to_uint8(noisy), to_uint8(plain)


def _check_picture(picture) -> None:
    shape, kind = np.shape(picture), getattr(picture, "dtype", None)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or kind != np.uint8:
        raise UserError(
            "Expected a uint8 RGB picture of shape (height, width, 3). "
            f"Received: {kind} {shape}."
        )


def draw_camera(
    rng: np.random.Generator, size, extent: float, pan: bool = False
):
    """A function of times to the camera's homographies."""
    height, width = size
    # 27 to 54 mm on 35 mm film: telephones to standard lenses.
    focal = rng.uniform(0.75, 1.5) * max(size)
    plane = rng.uniform((-0.4, -0.2), (0.4, 0.8))
    # Pitch and yaw blur most when a hand shakes; one unit of each component
    # moves the picture about equally far.
    gains = np.array([1.0, 1.0, 1.0, 0.5, 0.3, 0.5]) * rng.random(6)
    gains[:2] = 1.0

    def to_homographies(motion):
        return trajectories.camera_homographies(motion, focal, size, plane)

    path = trajectories.smooth_path(rng, gains * 1e-3)
    if pan:
        path = trajectories.even_pan
    path = trajectories.scale_to_extent(
        path,
        to_homographies,
        trajectories.box_grid(0, 0, width - 1, height - 1),
        extent,
    )
    return lambda times: to_homographies(path(times))


def _frame_times(camera, objects, size, step, most) -> np.ndarray:
    height, width = size
    ways = [(camera, trajectories.box_grid(0, 0, width - 1, height - 1))]
    ways += [(thing.homographies, thing.outline) for thing in objects]
    times = [trajectories.sample_times(*way, step, most) for way in ways]
    return max(times, key=len)


def render_frames(
    picture: np.ndarray, camera, objects: Sequence[MovingObject], times
) -> Iterator[np.ndarray]:
    """Renders what the camera sees at each of `times`.

    Args:
        picture: uint8 `(height, width, 3)`, seen unmoved at time 0. Beyond its
            border it is reflected.
        camera: Times, shape `(n,)`, to homographies `(n, 3, 3)` from points
            (x, y, 1) of the picture to points of the frames.
        objects: What moves in front, the nearest last.
        times: From -1, shutter opens, to 1, shutter closes.

    Yields:
        uint8 frames, shape `(height, width, 3)`.
    """
    height, width = picture.shape[:2]
    layers = [thing.placed(times, (height, width)) for thing in objects]
    for index, homography in enumerate(camera(times)):
        # Cubic: the mean of many bilinear frames is visibly softer than the
        # motion alone makes it.
        frame = cv2.warpPerspective(
            picture,
            homography,
            (width, height),
            flags=cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_REFLECT,
        )
        for layer in layers:
            layer.paint(frame, index)
        yield frame
