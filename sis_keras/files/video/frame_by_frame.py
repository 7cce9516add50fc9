"""Deblurs videos frame by frame; the sound and all else stay as they are."""

import concurrent.futures
import contextlib
import functools
import os
import pathlib
import signal
import sys
import threading
from collections.abc import Callable, Iterator

import av
import numpy as np
import tqdm

from sis_keras.errors import StoppedError, UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.files.video.source import VideoSource
from sis_keras.files.video.target import TARGET_FORMATS, VideoTarget


def deblur_video(
    source,
    target,
    deblur: Callable[[np.ndarray], np.ndarray],
    *,
    overwrite: bool = False,
    crf: int = 18,
    progress: bool = True,
    say: Callable[[str], None] | None = None,
) -> int:
    """Writes a video whose frames went through `deblur`, as H.264.

    Size, time stamps (a variable frame rate too), pixel aspect, rotation and
    mirroring (the display matrix: `deblur` sees frames as they are stored),
    colour tags, chapters and metadata are the source's, and its sound tracks
    are copied packet by packet. Subtitles are left out. Reading and writing
    overlap `deblur`; memory does not grow with the length.

    The video is 8-bit 4:2:0, which every player shows; a frame with an odd
    side is 4:4:4, since 4:2:0 has none. A damaged or truncated source gives
    the frames that decode, and a line on the standard error says so.

    Args:
        source: A video file of any format that FFmpeg reads.
        target: The file to write: .mp4, .m4v, .mov or .mkv. It appears when
            it is complete. Missing folders are made.
        deblur: Maps uint8 RGB `(height, width, 3)` to the same; called in
            this thread, in the order of the frames.
        overwrite: Whether `target` may exist.
        crf: H.264's quality, 0 (lossless) to 51; 18 looks like the source.
        progress: Shows a bar with the time left.
        say: Called with each sentence for a person on what could not be
            kept; without, they go to the standard error.

    Returns:
        The number of frames.

    Raises:
        UserError: No readable video, a target that exists, cannot be written
            or has another suffix, a full disk. After Ctrl-C too: the frames
            until then are then in `NAME_partial.SUFFIX`.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    say = say or functools.partial(tqdm.tqdm.write, file=sys.stderr)
    _check(source, target, overwrite, crf)
    with contextlib.ExitStack() as stack:
        video = stack.enter_context(VideoSource(source))
        stack.enter_context(_one_line(target))
        temporary = stack.enter_context(atomic_path(target))
        # Inside too: atomic_path names a file to errors, and PyAV's refuse.
        stack.enter_context(_one_line(target))
        writer = VideoTarget(temporary, target, video, crf)
        stack.callback(writer.abandon)
        bar = tqdm.tqdm(
            desc=source.name,
            total=video.frame_count,
            unit="frame",
            disable=not progress,
        )
        with bar:
            stopped = _restore(video, writer, deblur, bar)
        with _undisturbed():
            if writer.frames:
                writer.finish()
            if stopped:
                _keep_partial(temporary, target, writer.frames)
    if video.damaged:
        say(
            f"{source} is damaged or truncated; {target} has the "
            f"{writer.frames} frames that decode."
        )
    return writer.frames


def _check(source, target, overwrite, crf):
    if not source.is_file():
        raise UserError(
            f"Expected a video file. Received: {source}, which is "
            f"{'no file' if source.exists() else 'missing'}."
        )
    if target.suffix.lower() not in TARGET_FORMATS:
        raise UserError(
            f"Expected a video to write, {', '.join(TARGET_FORMATS)}. "
            f"Received: {target}. Give it one of these suffixes."
        )
    if target.exists() and target.samefile(source):
        raise UserError(
            f"Expected another file to write than the one to read. Received: "
            f"{target} for both. Name another target."
        )
    if target.is_dir() or (target.exists() and not overwrite):
        raise UserError(
            f"Expected a new file to write. Received: {target}, which exists. "
            "Name another target, or ask to overwrite."
        )
    if not 0 <= crf <= 51:
        raise UserError(f"Expected crf from 0 to 51. Received: {crf}.")


@contextlib.contextmanager
def _one_line(target):
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise UserError(
            f"Cannot write {target}: {error.strerror}. Check its rights and "
            "the free space, or name another target."
        ) from error


def _restore(video, writer, deblur, bar) -> bool:
    """Reads, deblurs and writes, each a frame apart; True if Ctrl-C came."""
    parts = video.parts()
    reading, writing = (
        concurrent.futures.ThreadPoolExecutor(1) for _ in range(2)
    )
    written = None
    try:
        read = reading.submit(next, parts, None)
        while (part := read.result()) is not None:
            read = reading.submit(next, parts, None)
            restored = None if part.frame is None else deblur(part.pixels)
            if written:
                written.result()
            written = writing.submit(writer.write, part, restored)
            bar.update(part.frame is not None)
        if not written:
            raise UserError(
                f"Expected a video. Received: {video.path}, of which no frame "
                "decodes. Replace it."
            )
        written.result()
    except KeyboardInterrupt:
        return True
    finally:
        with _undisturbed():
            reading.shutdown()
            writing.shutdown()
            parts.close()
    return False


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """An impatient second Ctrl-C must not cost the file."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    signals = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, signal.SIG_IGN) for number in signals]
    try:
        yield
    finally:
        for number, handler in zip(signals, before, strict=True):
            signal.signal(number, handler)


def _keep_partial(temporary, target, frames):
    if not frames:
        raise StoppedError(
            "Stopped before the first frame; nothing is written."
        )
    number, partial = 1, target.with_stem(f"{target.stem}_partial")
    while partial.exists():
        number += 1
        partial = target.with_stem(f"{target.stem}_partial{number}")
    os.replace(temporary, partial)
    raise StoppedError(
        f"Stopped by a signal after {frames} frames; {partial} has them and "
        "plays."
    )
