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
from sis_keras.files.formats import VIDEO_TARGETS
from sis_keras.files.video.comparison import Comparison
from sis_keras.files.video.encodings import WITH_ALPHA
from sis_keras.files.video.fields import INTERLACED
from sis_keras.files.video.source import Part, Shown, VideoSource
from sis_keras.files.video.target import VideoTarget


def deblur_video(
    source,
    target,
    deblur: Callable[[np.ndarray], np.ndarray],
    *,
    overwrite: bool = False,
    crf: int = 18,
    progress: bool = True,
    say: Callable[[str], None] | None = None,
    compare=None,
    interlaced: str = "deinterlace",
) -> int:
    """Writes a video whose frames went through `deblur`.

    Size, time stamps (a variable frame rate too), pixel aspect, rotation and
    mirroring (the display matrix: `deblur` sees frames as they are stored),
    colours and their places, chapters and metadata are the source's. All other
    streams are copied packet by packet where the format takes them; sound
    that it does not take is encoded anew. What is not kept, `say` is told
    before the first frame is restored. Reading and writing overlap `deblur`;
    memory does not grow with the length.

    8-bit video becomes H.264, in a .webm VP9, and deeper video HEVC or AV1 of
    10 or 12 bits. With transparency it becomes FFV1 (.mkv), ProRes 4444
    (.mov) or VP9 (.webm). In a .mkv colours keep their resolution; in others
    they are 4:2:0, which every player shows, if they have 8 bits; a frame
    with an odd side is 4:4:4, since 4:2:0 has none. A damaged or truncated
    source gives the frames that decode, and a line says so.

    Args:
        source: A video file of any format that FFmpeg reads.
        target: The file to write: .mp4, .m4v, .mov, .mkv or .webm. It appears
            when it is complete. Missing folders are made.
        deblur: Maps RGB `(height, width, 3)` to the same; uint8, or uint16
            for a video of more than 8 bits. The values are those that the
            file's transfer curve gives, PQ's and HLG's too. Called in this
            thread, in the order of the frames.
        overwrite: Whether `target` and `compare` may exist.
        crf: H.264's quality, 0 (lossless) to 51; 18 looks like the source.
        progress: Shows a bar with the time left.
        say: Called with each sentence for a person on what could not be
            kept; without, they go to the standard error.
        compare: A second video to write, of the same formats, without sound:
            each frame as it was beside what it became. None writes none.
        interlaced: "deinterlace" makes a frame of each field, "refuse"
            raises.

    Returns:
        The number of frames.

    Raises:
        UserError: No readable video, a target that exists, cannot be written
            or has another suffix, a full disk. After Ctrl-C too: the frames
            until then are then in `NAME_partial.SUFFIX`.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    say = say or functools.partial(tqdm.tqdm.write, file=sys.stderr)
    compare = None if compare is None else pathlib.Path(compare)
    _check(source, target, compare, overwrite, crf, interlaced)
    suffix = target.suffix.lower()
    with contextlib.ExitStack() as stack:
        video = stack.enter_context(
            VideoSource(source, True, suffix in WITH_ALPHA, interlaced)
        )
        stack.enter_context(_one_line(target))
        temporary = stack.enter_context(atomic_path(target))
        writers = _Writers(video, temporary, suffix, crf)
        if compare:
            stack.enter_context(_one_line(compare))
            beside = stack.enter_context(atomic_path(compare))
            writers.beside = beside, compare.suffix.lower()
        # Inside too: atomic_path names a file to errors, and PyAV's refuse.
        stack.enter_context(_one_line(target))
        stack.callback(writers.abandon)
        bar = tqdm.tqdm(
            desc=source.name,
            total=video.frame_count,
            unit="frame",
            disable=not progress,
        )
        with bar:
            stopped = _restore(video, writers, deblur, bar, say)
        with _undisturbed():
            writers.finish()
            if stopped:
                _keep_partial(temporary, target, writers.frames)
    if video.damaged:
        say(
            f"{source} is damaged or truncated; {target} has the "
            f"{writers.frames} frames that decode."
        )
    return writers.frames


def _check(source, target, compare, overwrite, crf, interlaced):
    if not source.is_file():
        raise UserError(
            f"Expected a video file. Received: {source}, which is "
            f"{'no file' if source.exists() else 'missing'}."
        )
    for path in (target, compare) if compare else (target,):
        _check_target(source, path, overwrite)
    if compare and os.path.abspath(compare) == os.path.abspath(target):
        raise UserError(
            "Expected another file for `compare` than for `target`. Received: "
            f"{target} for both. Name another one."
        )
    if not 0 <= crf <= 51:
        raise UserError(f"Expected crf from 0 to 51. Received: {crf}.")
    if interlaced not in INTERLACED:
        raise UserError(
            f"Expected `interlaced`, {' or '.join(INTERLACED)}. Received: "
            f"{interlaced}."
        )


def _check_target(source, target, overwrite):
    if target.suffix.lower() not in VIDEO_TARGETS:
        raise UserError(
            f"Expected a video to write, {', '.join(VIDEO_TARGETS)}. "
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


@contextlib.contextmanager
def _one_line(target):
    try:
        yield
    except (OSError, av.FFmpegError) as error:
        raise UserError(
            f"Cannot write {target}: {error.strerror}. Check its rights and "
            "the free space, or name another target."
        ) from error


class _Writers:
    """The target and the comparison, which begin with the first frame."""

    def __init__(self, video, temporary, suffix, crf):
        self.video, self.crf = video, crf
        self._temporary, self._suffix = temporary, suffix
        self.beside: tuple[pathlib.Path, str] | None = None
        self._open: list[VideoTarget] = []
        self._comparison: Comparison | None = None

    @property
    def frames(self):
        return self._open[0].frames if self._open else 0

    def begin(self, first: Shown) -> list[str]:
        """Chooses what is written; sentences on what is not kept."""
        target = VideoTarget(
            self._temporary, self._suffix, self.video, first, self.crf
        )
        self._open.append(target)
        if self.beside:
            self._comparison = Comparison(first)
            both = self._comparison.shown(first, first.pixels)
            self._open.append(
                VideoTarget(*self.beside, self.video, both, self.crf, bare=True)
            )
        return target.notes

    def write(self, part, pixels):
        if self._comparison and part.shown:
            both = self._comparison.shown(part.shown, pixels)
            self._open[1].write(Part([], both), both.pixels)
        self._open[0].write(part, pixels)

    def finish(self):
        for writer in self._open:
            if writer.frames:
                writer.finish()

    def abandon(self):
        for writer in self._open:
            writer.abandon()


def _restore(video, writers, deblur, bar, say) -> bool:
    """Reads, deblurs and writes, each a frame apart; True if Ctrl-C came."""
    parts = video.parts()
    reading, writing = (
        concurrent.futures.ThreadPoolExecutor(1) for _ in range(2)
    )
    written, deinterlaced = None, False
    try:
        read = reading.submit(next, parts, None)
        while (part := read.result()) is not None:
            read = reading.submit(next, parts, None)
            if not written:
                for note in writers.begin(part.shown):
                    say(f"{note[0].upper()}{note[1:]}.")
            if video.fields.found and not deinterlaced:
                deinterlaced = True
                bar.total = bar.total and 2 * bar.total
                say("The video is interlaced: each field becomes a frame.")
            restored = None if part.shown is None else deblur(part.pixels)
            if written:
                written.result()
            written = writing.submit(writers.write, part, restored)
            bar.update(part.shown is not None)
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
