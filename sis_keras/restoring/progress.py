"""How far a run over files is, in pixels: a large file takes its time."""

import contextlib
import threading
from collections.abc import Callable, Iterator

from tqdm import tqdm

from sis_keras.restoring.areas import job_pixels
from sis_keras.restoring.jobs import Job


class Progress:
    """A bar on the standard error, where that is a terminal.

    Several files have it from the beginning, one picture from its first tile
    on. What the files hold is read from their heads meanwhile, in a thread of
    its own; until that is done, the bar has no end.

    Args:
        jobs: Of the run.
    """

    def __init__(self, jobs: list[Job]):
        self._jobs = jobs
        self._bar: tqdm | None = None
        self._pixels: dict[Job, int] = {}
        self._counted, self._ended = 0, 0
        self._closed = threading.Event()
        self._reader: threading.Thread | None = None

    def __enter__(self) -> "Progress":
        if len(self._jobs) > 1:
            self._bar = bar = _bar(None)
            if not bar.disable:
                self._reader = threading.Thread(
                    target=self._read_heads, args=[bar], daemon=True
                )
                self._reader.start()
        return self

    def __exit__(self, *_) -> None:
        self._closed.set()
        if self._reader:
            self._reader.join()
        if self._bar is not None:
            self._bar.close()

    def begin(self, job: Job) -> None:
        """Names a file."""
        self._counted = 0
        if self._bar is not None and not self._bar.disable:
            number = f"file {self._ended + 1} of {len(self._jobs)}"
            self._bar.set_postfix_str(f"{number}, {job.source.name}")

    def end(self, job: Job) -> None:
        """Counts what of a file was not counted, as of one that failed."""
        self._ended += 1
        if self._bar is not None and not self._bar.disable:
            self._bar.update(self._of(job) - self._counted)
        self._counted = 0

    @contextlib.contextmanager
    def picture(
        self, job: Job, pixels: int, alone: bool = False
    ) -> Iterator[Callable[[int, int], None]]:
        """Counts a picture of a file, by what tells how far that is.

        Args:
            job: The file, which has begun.
            pixels: Of the picture.
            alone: Whether one of several tiles may have a bar of its own.

        Yields:
            Takes the number of runs of the network that are done, and of all.
        """
        before = self._counted

        def count(done, total):
            if alone and total > 1 and self._bar is None:
                self._bar = _bar(pixels, leave=False)
                self._pixels[job] = pixels
            self._count(job, before + pixels * done // total)

        yield count
        self._count(job, before + pixels)

    def _count(self, job, pixels):
        """No more than the head said, for the others would seem done."""
        if self._bar is None or self._bar.disable:
            return
        pixels = min(pixels, self._of(job))
        self._bar.update(pixels - self._counted)
        self._counted = pixels

    def _of(self, job):
        if job not in self._pixels:
            self._pixels[job] = job_pixels(job)
        return self._pixels[job]

    def _read_heads(self, bar):
        total = 0
        for job in self._jobs:
            if self._closed.is_set():
                return
            total += self._of(job)
        bar.total = total
        bar.refresh()


def _bar(total, leave=True):
    return tqdm(
        total=total,
        unit="px",
        unit_scale=True,
        leave=leave,
        miniters=1,  # Tiles are far apart.
        disable=None,
    )
