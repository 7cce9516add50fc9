"""The work of deblur.py: files through the network, one after another.

The next picture is read and the last one written while the network works on
one, so no more than three are in memory.
"""

import concurrent.futures
import contextlib
import errno
import sys
from collections.abc import Callable, Iterator

import numpy as np
from tqdm import tqdm

from sis_keras.errors import StoppedError, UserError
from sis_keras.files.photographs import (
    Photograph,
    read_photograph,
    writable_format,
    write_photograph,
)
from sis_keras.files.video.frame_by_frame import deblur_video
from sis_keras.restoring.jobs import Job

# Every later file would meet these, too.
ENDS_THE_RUN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Run:
    """Deblurs files.

    Args:
        make_deblur: Makes the `Deblurrer`; called once, after a first file
            was read.
        quality: Of a JPEG or WebP, 1 to 100.
        overwrite: Replace what is there.
        keep_going: Go on past a file that fails.

    Attributes:
        failures: What is wrong with each job that failed.
    """

    def __init__(
        self,
        make_deblur: Callable[[], Callable[..., np.ndarray]],
        quality: int = 95,
        overwrite: bool = False,
        keep_going: bool = True,
    ):
        self._make_deblur = make_deblur
        self._deblur: Callable[..., np.ndarray] | None = None
        self._quality, self._overwrite = quality, overwrite
        self._keep_going = keep_going
        self.failures: dict[Job, str] = {}

    def __call__(self, jobs: list[Job]) -> None:
        """Does the jobs in their order; two or more have a progress bar.

        Raises:
            UserError: A file failed, and the run does not go on past it; or
                a signal stopped it.
            OSError: The disk is full or cannot be written.
        """
        with (
            _thread() as reader,
            _thread() as writer,
            tqdm(
                total=len(jobs),
                unit="file",
                disable=None if len(jobs) > 1 else True,
            ) as bar,
        ):
            last = None
            for job, photograph in _read_ahead(jobs, reader):
                bar.set_postfix_str(job.source.name)
                written = None
                with self._attempt(job):
                    if job.is_video:
                        self._video(job)
                    else:
                        written = self._picture(job, photograph, writer)
                if last:
                    self._finish(*last, bar)
                last = job, written
            if last:
                self._finish(*last, bar)

    def _video(self, job):
        deblur_video(
            job.source,
            job.target,
            self._restored,
            overwrite=self._overwrite,
            progress=sys.stderr.isatty(),
        )

    def _picture(self, job, photograph, writer):
        before = photograph.result()
        self._refuse_existing(job)
        _refuse_sizes(job, before.pixels.shape)
        with _tile_bar() as progress:
            after = self._restored(before.pixels, progress)
        return writer.submit(self._write, job, before, after)

    def _restored(self, image, progress=None):
        if self._deblur is None:
            self._deblur = self._make_deblur()
        return self._deblur(image, progress)

    def _refuse_existing(self, job):
        for path in job.outputs:
            if path.exists() and not self._overwrite:
                raise UserError(
                    f"Expected a new file. Received: {path}, which exists. "
                    "`overwrite` replaces it."
                )

    def _write(self, job, before, after):
        def write_compare():
            both = side_by_side(before, after)
            write_photograph(job.compare, both.pixels, both, self._quality)

        # The target comes last: a kill leaves none without its comparison.
        first = write_compare if job.compare else None
        write_photograph(job.target, after, before, self._quality, first)

    def _finish(self, job, written, bar):
        with self._attempt(job):
            if written:
                written.result()
        bar.update()

    @contextlib.contextmanager
    def _attempt(self, job):
        try:
            yield
        except StoppedError:
            raise
        except (UserError, OSError, MemoryError) as error:
            if getattr(error, "errno", None) in ENDS_THE_RUN:
                raise
            reason = _reason(job, error)
            if not self._keep_going:
                raise UserError(reason) from error
            self.failures[job] = reason


def _refuse_sizes(job, shape):
    height, width, _ = shape
    writable_format(job.target, (height, width))
    if job.compare:
        writable_format(job.compare, (height, 2 * width))


def _reason(job, error):
    if isinstance(error, UserError):
        return " ".join(str(error).split())
    if isinstance(error, MemoryError):
        return f"{job.source}: not enough memory; close other programs."
    return f"{error.filename or job.target}: {error.strerror or error}."


def side_by_side(before: Photograph, after: np.ndarray) -> Photograph:
    """A photograph twice as wide: as it was, and as it became.

    Args:
        before: As read.
        after: Its pixels, deblurred.
    """
    alpha = before.alpha
    if alpha is not None:
        alpha = np.concatenate([alpha, alpha], axis=1)
    pixels = np.concatenate([before.pixels, after], axis=1)
    return before._replace(pixels=pixels, alpha=alpha)


def _read_ahead(
    jobs: list[Job], reader: concurrent.futures.Executor
) -> Iterator[tuple[Job, concurrent.futures.Future | None]]:
    """Each job, and its picture, while the next one is read."""

    def read(job):
        if not job.is_video:
            return reader.submit(read_photograph, job.source)

    following = read(jobs[0]) if jobs else None
    for job, next_job in zip(jobs, [*jobs, None][1:], strict=True):
        current = following
        if current:
            concurrent.futures.wait([current])
        following = read(next_job) if next_job else None
        yield job, current


def _thread():
    return concurrent.futures.ThreadPoolExecutor(max_workers=1)


@contextlib.contextmanager
def _tile_bar():
    """A callback that shows a bar where a picture takes several runs."""
    bars: list[tqdm] = []

    def progress(done, total):
        if total > 1 and not bars:
            bars.append(
                tqdm(
                    total=total,
                    initial=done,
                    unit="tile",
                    leave=False,
                    disable=None,
                )
            )
        elif bars:
            bars[0].update(done - bars[0].n)

    try:
        yield progress
    finally:
        for bar in bars:
            bar.close()
