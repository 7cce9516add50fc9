"""Blurry and sharp pairs from consecutive video frames: the GOPRO recipe.

Everything is NumPy and OpenCV on uint8 RGB, shape `(height, width, 3)`.
"Stored values" are the file's (sRGB) values; GOPRO's `blur` is the mean of
those, its `blur_gamma` the mean of values^2.2, then ^(1/2.2) (Nah et al. 2017).
"""

import itertools
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np

from sis_keras.errors import UserError
from sis_keras.pictures import list_pictures, read_rgb, to_uint8


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
        UserError: An even number of frames, frames of two sizes, a gamma
            that is not positive.
    """
    if len(frames) % 2 == 0:
        raise UserError(
            "Expected an odd number of frames, so that one is the middle. "
            f"Received: {len(frames)}. Add or drop one."
        )
    return to_uint8(mean_of_frames(frames, gamma)), frames[
        len(frames) // 2
    ].copy()


def mean_of_frames(
    frames: Iterable[np.ndarray], gamma: float | None = None
) -> np.ndarray:
    """The blurry picture of `average_frames`, before it is rounded.

    Args:
        frames: uint8 `(height, width, 3)`, at least one; read one at a time.
        gamma: As for `average_frames`.

    Returns:
        Stored values, float32 in [0, 1], shape `(height, width, 3)`.

    Raises:
        UserError: Frames of two sizes, a gamma that is not positive.
    """
    if gamma is not None and gamma <= 0.0:
        raise UserError(
            "Expected a positive gamma, such as 2.2, or None for the mean of "
            f"stored values. Received: gamma={gamma}."
        )
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
