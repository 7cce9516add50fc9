"""Blurry and sharp pairs from consecutive video frames: the GOPRO recipe.

Everything is NumPy and OpenCV on uint8 RGB, shape `(height, width, 3)`.
"Stored values" are the file's (sRGB) values; GOPRO's `blur` is the mean of
those, its `blur_gamma` the mean of values^2.2, then ^(1/2.2) (Nah et al. 2017).
"""

import itertools
import pathlib
from collections.abc import Iterator

import numpy as np

from sis_keras.data.blur.averaging import average_frames
from sis_keras.data.natural_order import in_natural_order
from sis_keras.errors import UserError
from sis_keras.files.pictures import list_pictures, read_rgb


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
        source: A folder of frames, in the order of their numbers, or a video
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
        for path in in_natural_order(list_pictures(source)):
            yield f"{source.name}/{path.stem}", read_rgb(path)
        return
    if not source.is_file():
        raise UserError(
            "Expected a folder of frames or a video file. Received: "
            f"{source}, which is missing."
        )
    # Where PyAV is not installed, folders of frames are read all the same.
    from sis_keras.files.video.source import VideoSource

    with VideoSource(source) as video:
        parts = (part for part in video.parts() if part.pixels is not None)
        for index, part in enumerate(parts):
            yield f"{source.stem}/{index:06d}", part.pixels
