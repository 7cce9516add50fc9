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
        for find in (_after_a_key_frame, _from_the_start):
            try:
                with _open(path) as container:
                    frames = find(container, times, first)
            except av.FFmpegError:
                frames = []
            if len(frames) == count:
                break
    if len(frames) < count:
        raise UserError(
            f"Expected {count} frames from number {first} on. Received: "
            f"{path}, which does not give them. Replace or remove it."
        )
    return frames


def _after_a_key_frame(container, times, _):
    """From the key frame at or before the first one."""
    if _misses_times(container):
        return []
    stream = container.streams.video[0]
    container.seek(times[0], stream=stream, backward=True)
    decoded = ((frame.pts, frame) for frame in container.decode(stream))
    return _pictures(container, decoded, set(times))


def _from_the_start(container, times, first):
    """Where streams have no index, or key frames that later ones refer over."""
    frames = container.decode(container.streams.video[0])
    if _misses_times(container):
        numbers = set(range(first, first + len(times)))
        return _pictures(container, enumerate(frames), numbers)
    decoded = ((frame.pts, frame) for frame in frames)
    return _pictures(container, decoded, set(times))


def _misses_times(container):
    """AVI tells when frames are decoded, and not when they are shown."""
    context = container.streams.video[0].codec_context
    return container.format.name == "avi" and context.has_b_frames


def _pictures(container, decoded, wanted):
    """Those of `(key, frame)` whose keys are wanted, until all are found."""
    stream = container.streams.video[0]
    codec = stream.codec_context.codec.canonical_name
    siting = stated(container, stream).siting
    frames: list[np.ndarray] = []
    for key, frame in decoded:
        if key in wanted:
            form = form_of(frame, codec, siting)
            frames.append(to_rgb(Picture(planes_of(frame, form.layout), form)))
        if len(frames) == len(wanted):
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
                if packet.size
                and packet.pts is not None
                and not packet.is_discard  # Before an edit list's beginning.
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
