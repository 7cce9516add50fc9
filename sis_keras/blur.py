"""Blurry and sharp pairs: averaged frames, or blur made from photographs.

Everything is NumPy and OpenCV on uint8 RGB, shape `(height, width, 3)`, and is
determined by its seed. "Stored values" are the file's (sRGB) values; GOPRO's
`blur` is the mean of those, its `blur_gamma` the mean of values^2.2, then
^(1/2.2) (Nah et al. 2017).
"""

import itertools
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

from sis_keras import trajectories
from sis_keras.errors import UserError
from sis_keras.moving_object import MovingObject, draw_objects
from sis_keras.pictures import list_pictures, read_rgb, to_uint8

# === Averaging frames ===


def average_frames(
    frames: Sequence[np.ndarray], gamma: float | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Blurs as GOPRO does: the mean of n consecutive frames.

        blurry = (1/n sum_i frame_i^gamma)^(1/gamma),  sharp = frame_{(n+1)/2}

    Args:
        frames: An odd number of uint8 frames of one size.
        gamma: None averages stored values (GOPRO's `blur`); 2.2 averages in
            linear light (GOPRO's `blur_gamma`).

    Returns:
        `(blurry, sharp)`, uint8; `sharp` is the middle frame.

    Raises:
        UserError: An even number of frames, or frames of two sizes.
    """
    if len(frames) % 2 == 0:
        raise UserError(
            "Expected an odd number of frames, so that one is the middle. "
            f"Received: {len(frames)}. Add or drop one."
        )
    return to_uint8(_mean(frames, gamma)), frames[len(frames) // 2].copy()


def _mean(frames: Iterable[np.ndarray], gamma: float | None) -> np.ndarray:
    """Mean of uint8 frames as stored values, float32 in [0, 1]."""
    light = np.arange(256, dtype=np.float32) / 255.0
    if gamma is not None:
        light **= gamma
    total, count = None, 0
    for frame in frames:
        count += 1
        if total is None:
            total = np.zeros(frame.shape, np.float32)
        if frame.shape != total.shape:
            raise UserError(
                "Expected frames of one size. Received: "
                f"{total.shape[:2]} and {frame.shape[:2]} (height, width). "
                "Keep each video's frames in a folder of its own."
            )
        cv2.accumulate(frame if gamma is None else cv2.LUT(frame, light), total)
    if gamma is None:
        return total / np.float32(255 * count)
    return cv2.pow(total / np.float32(count), 1.0 / gamma)


def blur_from_frames(
    source,
    frames_per_picture: tuple[int, int] = (7, 13),
    gamma: float | None = None,
    seed: int = 0,
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Averages windows of a video's consecutive frames, one after another.

    The windows do not overlap. Each one's length is drawn from the odd
    numbers in `frames_per_picture`; the last takes what is left if that is
    enough. Only one window is in memory.

    Args:
        source: A folder of frames, in the order of their names, or a video
            file. 240 frames a second look like GOPRO.
        frames_per_picture: The shortest and longest window.
        gamma: As for `average_frames`.
        seed: Determines the windows.

    Yields:
        `(name, blurry, sharp)`; the name is `folder/frame` or `video/000006`,
        with the number of the middle frame from 0.

    Raises:
        UserError: Fewer frames than the shortest window, an unreadable
            source, no odd number in the range.
    """
    low, high = frames_per_picture
    lengths = [n for n in range(low, high + 1) if n % 2 and n > 0]
    if not lengths:
        raise UserError(
            "Expected a range with an odd number of frames in it, such as "
            f"(7, 13). Received: {frames_per_picture}."
        )
    rng = np.random.default_rng(seed)
    frames, pictures = _read_frames(pathlib.Path(source)), 0
    while True:
        window = list(itertools.islice(frames, int(rng.choice(lengths))))
        if len(window) < lengths[0]:
            break
        window = window[: max(n for n in lengths if n <= len(window))]
        blurry, sharp = average_frames([f for _, f in window], gamma)
        yield window[len(window) // 2][0], blurry, sharp
        pictures += 1
    if not pictures:
        raise UserError(
            f"Expected at least {lengths[0]} frames to average. Received: "
            f"{len(window)} in {source}."
        )


def _read_frames(source: pathlib.Path) -> Iterator[tuple[str, np.ndarray]]:
    if source.is_dir():
        for path in list_pictures(source):
            yield f"{source.name}/{path.stem}", read_rgb(path)
        return
    video = cv2.VideoCapture(str(source)) if source.is_file() else None
    if video is None or not video.isOpened():
        raise UserError(
            "Expected a folder of frames or a video file. Received: "
            f"{source}, which is {'unreadable' if video else 'missing'}."
        )
    try:
        for index in itertools.count():
            read, frame = video.read()
            if not read:
                return
            name = f"{source.stem}/{index:06d}"
            yield name, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    finally:
        video.release()


# === Blur from one photograph ===


def synthetic_blur(
    sharp: np.ndarray,
    seed: int | Sequence[int],
    *,
    gamma: float | None = None,
    extent: tuple[float, float] = (2.0, 30.0),
    object_probability: float = 0.5,
    object_extent: tuple[float, float] = (5.0, 40.0),
    noise_probability: float = 0.5,
    noise: tuple[float, float] = (0.5, 3.0),
    jpeg_probability: float = 0.5,
    jpeg_quality: tuple[int, int] = (75, 98),
    step: float = 1.0,
    most_frames: int = 65,
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
        extent: Longest streak from the camera's shake, in pixels of a 720p
            picture, drawn log-uniformly, so that mild blur is frequent. It
            shrinks with the square root of the diagonal: 30 pixels become 19
            at 321x481.
        object_probability: Share of the pictures with one to three objects.
        object_extent: Longest streak of an object's own motion, likewise.
        noise_probability: Share of the pictures with noise.
        noise: Its standard deviation at mid grey, in steps of 1/255.
        jpeg_probability: Share of the pictures that go through JPEG.
        jpeg_quality: Range of its quality.
        step: No point moves more pixels than this between two frames, …
        most_frames: … unless that would need more frames than this.

    Returns:
        `(blurry, sharp)`, uint8. `sharp` is the frame at mid exposure: the
        picture as it came, apart from the objects put into it.
    """
    _check_picture(sharp)
    camera_rng, object_rng, sensor_rng = np.random.default_rng(seed).spawn(3)
    size = sharp.shape[:2]
    zoom = np.sqrt(np.hypot(*size) / np.hypot(720, 1280))
    camera = _draw_camera(camera_rng, size, zoom * _draw(camera_rng, extent))
    objects = []
    if object_rng.random() < object_probability:
        reach = tuple(zoom * length for length in object_extent)
        objects = draw_objects(object_rng, sharp, camera, reach)
    times = _frame_times(camera, objects, size, step, most_frames)
    frames = _render(sharp, camera, objects, times)
    blurry = _mean(frames, gamma)
    if sensor_rng.random() < noise_probability:
        blurry = _add_noise(blurry, sensor_rng, sensor_rng.uniform(*noise))
    blurry = to_uint8(blurry)
    if sensor_rng.random() < jpeg_probability:
        quality = int(sensor_rng.integers(*jpeg_quality, endpoint=True))
        blurry = _through_jpeg(blurry, quality)
    (middle,) = _render(sharp, camera, objects, np.zeros(1))
    return blurry, middle


def photograph_pairs(
    photographs: Iterable, versions: int, seed: int = 0, **settings
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Blurs each photograph in `versions` ways.

    Args:
        photographs: Paths, or uint8 arrays `(height, width, 3)`.
        versions: Pairs from each.
        seed: With the photograph's place and the version, the pair's seed.
        **settings: For `synthetic_blur`.

    Yields:
        `(name, blurry, sharp)`; the name is `stem/version`, for an array its
        place in four digits instead of the stem.
    """
    for place, photograph in enumerate(photographs):
        if isinstance(photograph, np.ndarray):
            stem, picture = f"{place:04d}", photograph
        else:
            stem, picture = pathlib.Path(photograph).stem, read_rgb(photograph)
        for version in range(versions):
            pair = synthetic_blur(picture, (seed, place, version), **settings)
            yield f"{stem}/{version}", *pair


def _check_picture(picture) -> None:
    shape, kind = np.shape(picture), getattr(picture, "dtype", None)
    if len(shape) != 3 or shape[2] != 3 or 0 in shape or kind != np.uint8:
        raise UserError(
            "Expected a uint8 RGB picture of shape (height, width, 3). "
            f"Received: {kind} {shape}."
        )


def _draw(rng: np.random.Generator, between: tuple[float, float]) -> float:
    """A log-uniform draw; 0 where the upper end is 0."""
    low, high = between
    if high <= 0.0:
        return 0.0
    return float(np.exp(rng.uniform(np.log(max(low, 0.1)), np.log(high))))


def _draw_camera(rng: np.random.Generator, size, extent: float):
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

    path = trajectories.scale_to_extent(
        trajectories.smooth_path(rng, gains * 1e-3),
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


def _render(
    picture: np.ndarray, camera, objects: Sequence[MovingObject], times
) -> Iterator[np.ndarray]:
    """The uint8 frames at `times`."""
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
            borderMode=cv2.BORDER_REFLECT_101,
        )
        for layer in layers:
            layer.paint(frame, index)
        yield frame


def _add_noise(
    values: np.ndarray, rng: np.random.Generator, deviation: float
) -> np.ndarray:
    """Poisson-Gaussian: variance half constant, half growing with the value."""
    sigma = np.sqrt(0.5 + np.clip(values, 0.0, 1.0)) * (deviation / 255.0)
    return values + sigma * rng.standard_normal(values.shape, np.float32)


def _through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.cvtColor(cv2.imdecode(data, 1), cv2.COLOR_BGR2RGB)
