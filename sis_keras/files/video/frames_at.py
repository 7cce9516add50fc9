"""Frames of a video by their number (PyAV)."""

import functools
import os
import pathlib

import av
import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.video.colours import to_rgb
from sis_keras.files.video.forms import Picture, form_of
from sis_keras.files.video.planes import planes_of
from sis_keras.files.video.stated import stated


def count_frames(path) -> int:
    """How many frames a video has; nothing is decoded.

    Raises:
        UserError: It does not open, or has no video stream.
    """
    return len(_times(path))


def frame_size(path) -> tuple[int, int]:
    """Height and width of a video's frames as they lie in it.

    Raises:
        UserError: It does not open, or has no video stream.
    """
    with _open(path) as container:
        context = container.streams.video[0].codec_context
        return context.height, context.width


def read_frames(path, first: int, count: int) -> list[np.ndarray]:
    """`count` frames from number `first` on, in the order they are shown.

    Args:
        path: A video file.
        first: 0 is the first one.
        count: How many.

    Returns:
        uint8 RGB `(height, width, 3)` each.

    Raises:
        UserError: There are fewer, or they do not decode.
    """
    times = _times(path)[first : first + count]
    frames: list[np.ndarray] = []
    if len(times) == count:
        try:
            with _open(path) as container:
                frames = _decode(container, times)
        except av.FFmpegError:
            frames = []
    if len(frames) < count:
        raise UserError(
            f"Expected {count} frames from number {first} on. Received: "
            f"{path}, which does not give them. Replace or remove it."
        )
    return frames


def _decode(container, times):
    stream = container.streams.video[0]
    # To the key frame at or before it.
    container.seek(times[0], stream=stream, backward=True)
    codec = stream.codec_context.codec.canonical_name
    siting = stated(container, stream).siting
    wanted, frames = set(times), []
    for frame in container.decode(stream):
        if frame.pts in wanted:
            form = form_of(frame, codec, siting)
            frames.append(to_rgb(Picture(planes_of(frame, form.layout), form)))
        if len(frames) == len(times):
            break
    return frames


def _times(path):
    status = os.stat(path)
    return _times_of(str(path), status.st_mtime_ns, status.st_size)


@functools.lru_cache(maxsize=8)
def _times_of(path, _changed, _size):
    """Every frame's time in the stream's unit, in the order of showing."""
    with _open(path) as container:
        try:
            times = {
                packet.pts
                for packet in container.demux(video=0)
                if packet.size and packet.pts is not None
            }
        except (av.FFmpegError, IndexError):
            times = set()
    return sorted(times)


def _open(path):
    try:
        container = av.open(f"file:{pathlib.Path(path)}")
    except (OSError, av.FFmpegError) as error:
        raise UserError(
            f"Expected a video. Received: {path}, which does not open: "
            f"{error.strerror}. Replace it."
        ) from error
    if not container.streams.video:
        container.close()
        raise UserError(
            f"Expected a video. Received: {path}, which has no video stream. "
            "Replace it."
        )
    return container
