"""The mean of consecutive frames, in stored values or in linear light."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.pictures import to_uint8


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
        UserError: No frames, frames of two sizes, a gamma that is not positive.
    """
    if gamma is not None and gamma <= 0.0:
        raise UserError(
            "Expected a positive gamma, such as 2.2, or None for the mean of "
            f"stored values. Received: gamma={gamma}."
        )
    light = np.arange(256, dtype=np.float32) / 255.0
    if gamma is not None:
        light **= gamma
    total: np.ndarray | None = None
    count = 0
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
    if total is None:
        raise UserError("Expected at least one frame. Received none.")
    if gamma is None:
        return total / np.float32(255 * count)
    return cv2.pow(total / np.float32(count), 1.0 / gamma)
