"""The work of deblur.py: files through the network, one after another.

The next picture is read and the last one written while the network works on
one, so no more than three are in memory; beside a large one there is none.
"""

import concurrent.futures
import contextlib
import errno
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
from tqdm import tqdm

from sis_keras.errors import CommandError, StoppedError, UserError
from sis_keras.files.atomic import taking_after
from sis_keras.files.hidden import restored_as_seen
from sis_keras.files.photographs import (
    read_photograph,
    writable_format,
    write_photograph,
)
from sis_keras.quiet import heard
from sis_keras.restoring.ahead import LARGE, Ahead, is_large
from sis_keras.restoring.comparison import (
    is_comparison,
    is_video_comparison,
    side_by_side,
)
from sis_keras.restoring.jobs import Job
from sis_keras.restoring.many import deblur_video, restorer_of
from sis_keras.restoring.progress import Progress

# Every later file would meet these, too.
ENDS_THE_RUN = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Run:
    """Deblurs files.

    Each output has the rights and times of its source.

    Args:
        make_deblur: Makes the `Deblurrer`; called once, after a first file
            was read.
        quality: Of a JPEG or WebP, 1 to 100; None is the writer's choice.
        overwrite: Replace what is there.
        keep_going: Go on past a file that fails.
        strict: Refuse damaged pictures, of which else the whole rows are
            restored.
        interlaced: Of videos; see `deblur_video`.

    Attributes:
        done: The jobs whose outputs are there, in their order.
        notes: What of each could not be kept, in sentences.
        failures: What is wrong with each job that failed.
    """

    def __init__(
        self,
        make_deblur: Callable[[], Callable[..., np.ndarray]],
        quality: int | None = None,
        overwrite: bool = False,
        keep_going: bool = True,
        strict: bool = False,
        interlaced: str = "deinterlace",
    ):
        self._make_deblur = make_deblur
        self._deblur: Callable[..., np.ndarray] | None = None
        self._quality: dict[str, Any] = {}
        if quality is not None:
            self._quality["quality"] = quality
        self._strict, self._interlaced = strict, interlaced
        self._overwrite, self._keep_going = overwrite, keep_going
        self._progress = Progress([])
        self.done: list[Job] = []
        self.notes: dict[Job, list[str]] = {}
        self.failures: dict[Job, str] = {}

    def __call__(self, jobs: list[Job]) -> None:
        """Does the jobs in their order; see `Progress` for the bar.

        Raises:
            UserError: A file failed, and the run does not go on past it; or
                a signal stopped it.
            OSError: The disk is full or cannot be written.
        """
        with (
            _thread() as reader,
            _thread() as writer,
            Progress(jobs) as self._progress,
        ):
            ahead, last = Ahead(reader, self._read), None
            following = [*jobs[1:], None] if jobs else []
            for job, next_job in zip(jobs, following, strict=True):
                self._progress.begin(job)
                written = None
                with self._attempt(job):
                    if job.is_video:
                        self._video(job)
                    else:
                        written = self._picture(job, next_job, ahead, writer)
                self._progress.end(job)
                if last:
                    self._finish(*last)
                last = job, written
            if last:
                self._finish(*last)

    def _read(self, path):
        return read_photograph(path, strict=self._strict)

    def _video(self, job):
        there = job.compare and job.compare.exists()
        if there and not is_video_comparison(job.compare, job.source):
            raise _not_ours(job)
        self._many(
            job,
            deblur_video,
            compare=job.compare,
            interlaced=self._interlaced,
        )

    def _many(self, job, restore, **options):
        """Restores a file's pictures one after another."""
        with taking_after(job.source):
            restore(
                job.source,
                job.target,
                lambda pixels: self._restored(job, pixels),
                overwrite=self._overwrite,
                progress=sys.stderr.isatty(),
                say=lambda sentence: self._note(job, sentence),
                **options,
            )
        self.done.append(job)

    def _compare_the_first(self, job):
        """Before and after of the first of many pictures."""
        before = self._read(job.source)
        self._refuse_existing(job, before, of_many=True)
        _refuse_sizes(job, before.pixels.shape)
        both = side_by_side(before, self._restored_picture(job, before))
        with taking_after(job.source):
            write_photograph(job.compare, both.pixels, both, **self._quality)

    def _picture(self, job, following, ahead, writer):
        many = restorer_of(job, **self._quality)
        if many:
            if job.compare:
                self._compare_the_first(job)
            return self._many(job, many)
        before = ahead.take(job.source)
        large = before.pixels[..., 0].size > LARGE
        if following and not (
            following.is_video or large or is_large(following.source)
        ):
            ahead.start(following.source)
        self._refuse_existing(job, before)
        _refuse_sizes(job, before.pixels.shape)
        after = self._restored_picture(job, before)
        if not job.compare:  # Its memory is wanted.
            nothing = np.empty((0, 0, 3), before.pixels.dtype)
            before = before._replace(pixels=nothing)
        written = writer.submit(self._write, job, before, after)
        if large:
            concurrent.futures.wait([written])
        return written

    def _restored_picture(self, job, before):
        return restored_as_seen(
            before.pixels,
            before.alpha,
            lambda pixels: self._restored(job, pixels, alone=True),
        )

    def _restored(self, job, image, alone=False):
        if self._deblur is None:
            try:
                self._deblur = self._make_deblur()
            except UserError as error:
                raise CommandError(str(error)) from error
        height, width, _ = image.shape
        with self._progress.picture(job, height * width, alone) as count:
            return self._deblur(image, count)

    def _refuse_existing(self, job, before, of_many=False):
        there = job.compare and job.compare.exists()
        if there and not is_comparison(job.compare, before):
            raise _not_ours(job)
        # Of many the comparison comes first: a run that was stopped left it.
        for path in [job.target] if of_many else job.outputs:
            if path.exists() and not self._overwrite:
                raise UserError(
                    f"Expected a new file. Received: {path}, which exists. "
                    "`overwrite` replaces it."
                )

    def _write(self, job, before, after):
        def write_compare():
            both = side_by_side(before, after)
            write_photograph(job.compare, both.pixels, both, **self._quality)

        # The target comes last: a kill leaves none without its comparison.
        first = write_compare if job.compare else None
        with taking_after(job.source):
            lost = write_photograph(
                job.target, after, before, **self._quality, first=first
            )
        for sentence in (*before.notes, *lost):
            self._note(job, sentence)
        self.done.append(job)

    def _note(self, job, sentence):
        notes = self.notes.setdefault(job, [])
        if sentence not in notes:
            notes.append(sentence)
            with heard():
                tqdm.write(f"{job.source}: {sentence}", file=sys.stderr)

    def _finish(self, job, written):
        with self._attempt(job):
            if written:
                written.result()

    @contextlib.contextmanager
    def _attempt(self, job):
        try:
            yield
        except (StoppedError, CommandError, ModuleNotFoundError):
            raise  # Every later file would meet it, too.
        except (UserError, OSError, MemoryError) as error:
            if getattr(error, "errno", None) in ENDS_THE_RUN:
                raise
            reason = _reason(job, error)
            if not self._keep_going:
                raise UserError(reason) from error
            self.failures[job] = reason
        except Exception as error:
            # A defect, whose trace is wanted; but the other files are, too.
            if not self._keep_going:
                raise
            self.failures[job] = (
                "This program has a defect, which shows with this file: "
                f"{type(error).__name__}: {error}. Alone, it shows where; "
                "please report that."
            )


def _not_ours(job):
    return UserError(
        "Expected a place for before and after. Received: "
        f"{job.compare}, which is of something else. Rename it, name another "
        "`output`, or leave out `compare`."
    )


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


def _thread():
    return concurrent.futures.ThreadPoolExecutor(max_workers=1)
