"""The work of deblur.py on many machines: the jobs of a `Run` as Ray's tasks.

Ray decides which process of which machine takes which task, and begins those
of lost processes and machines again. Each process keeps the network that it
made. Files do not travel: all machines see one disk, and on it a mark, whose
end calls the work off. (`ray.cancel` races with replies, and sometimes ends
the process that calls it.)
"""

import _thread
import contextlib
import functools
import itertools
import os
import pathlib
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from tqdm import tqdm

from sis_keras.errors import UserError
from sis_keras.files.atomic import held_file
from sis_keras.optional import optional_package
from sis_keras.restoring.jobs import Job
from sis_keras.restoring.progress import Progress
from sis_keras.restoring.ray_cluster import (
    connected,
    in_words,
    last_line,
    share_of_machine,
    slots,
)

# Pictures of a task: the next is read while one is restored.
MOST_PICTURES = 8
# Enough for any cluster, few enough to call off.
MOST_TASKS = 1000
# After the loss of its process or machine, so many times.
RETRIES = 3
# Seconds in which files that were begun are cleared away after a signal;
# between two looks at the mark; after which it is touched, for what is old and
# not seen to be locked is cleared away.
GRACE = 30
LOOK = 0.5
TOUCH = 20


class Outcome(NamedTuple):
    """What came of a task's jobs; see `Run`."""

    done: list[Job]
    notes: dict[Job, list[str]]
    failures: dict[Job, str]
    ended: Exception | None  # Every later file would meet it, too.


class RayRun:
    """Deblurs files on a Ray cluster; a `Run` of many processes.

    Args:
        make_run: Makes the `Run` of a process; Ray pickles it.
        address: `HOST:PORT` of the cluster's head; "auto" takes the cluster
            of this machine, or starts Ray on it.
        memory: Bytes that each process takes.
        overwrite: As that of the `Run`.

    Attributes:
        done, notes, failures: Those of `Run`.
    """

    def __init__(
        self,
        make_run: Callable[[], Any],
        address: str,
        memory: int,
        overwrite: bool = False,
    ):
        self._make_run, self._address = make_run, address
        self._memory, self._overwrite = memory, overwrite
        self.done: list[Job] = []
        self.notes: dict[Job, list[str]] = {}
        self.failures: dict[Job, str] = {}

    def __call__(self, jobs: list[Job]) -> None:
        """Does the jobs, in any order; see `Progress` for the bar.

        Raises:
            UserError: There is no such cluster, or one of its machines does
                not see the outputs' folder.
            OSError: The disk is full or cannot be written.
        """
        if not jobs:
            return
        ray = optional_package("ray", "ray")
        with (
            connected(ray, self._address) as where,
            held_file(jobs[0].target.parent) as mark,
            Progress(jobs) as progress,
        ):
            share = share_of_machine(ray, self._memory)
            room = slots(ray, share)
            tqdm.write(f"On {where}: {in_words(room)}.", file=sys.stderr)
            task = functools.partial(
                ray.remote(max_retries=RETRIES, max_calls=0, **share)(
                    work_on
                ).remote,
                ray.cloudpickle.dumps(self._make_run),
                os.getcwd(),
                mark.absolute(),
                self._overwrite,
                0 if "num_gpus" in share else share["num_cpus"],
            )
            try:
                self._map(ray, task, in_tasks(jobs, sum(room)), mark, progress)
            finally:
                self._order(jobs)

    def _map(self, ray, task, tasks, mark, progress):
        waiting: Iterator[list[Job]] = iter(tasks)
        running: dict[Any, list[Job]] = {}
        suspects: list[list[Job]] = []
        try:
            while True:
                room = MOST_TASKS - len(running)
                for some in itertools.islice(waiting, room):
                    running[task(some)] = some
                # It may have waited in a process that another file ended.
                alone = bool(suspects) and not running
                if alone:
                    some = suspects.pop()
                    running[task(some)] = some
                if not running:
                    return
                os.utime(mark)
                for ready in ray.wait([*running], timeout=TOUCH)[0]:
                    some = running.pop(ready)
                    try:
                        outcome = ray.get(ready)
                    except ray.exceptions.RayTaskError as error:
                        raise _of_a_machine(error) from error
                    except ray.exceptions.RayError as error:
                        if len(some) > 1:  # One of them; which?
                            each = [[job] for job in some]
                            waiting = itertools.chain(each, waiting)
                            continue
                        if not alone:
                            suspects.append(some)
                            continue
                        outcome = _lost(some[0], error)
                    self._take(outcome, progress)
        except BaseException:
            mark.unlink(missing_ok=True)
            self._await(ray, running, progress)
            raise

    def _take(self, outcome, progress):
        self.done += outcome.done
        self.failures |= outcome.failures
        for job, sentences in outcome.notes.items():
            self.notes[job] = sentences
            for sentence in sentences:
                tqdm.write(f"{job.source}: {sentence}", file=sys.stderr)
        for job in (*outcome.done, *outcome.failures):
            progress.end(job)
        if outcome.ended:
            raise outcome.ended

    def _await(self, ray, running, progress):
        """Files under a final name are whole; the others are cleared away."""
        ended, _ = ray.wait([*running], num_returns=len(running), timeout=GRACE)
        for task in ended:
            with contextlib.suppress(Exception):
                self._take(ray.get(task), progress)

    def _order(self, jobs):
        """As one process would have done them."""
        place = {job: number for number, job in enumerate(jobs)}
        self.done.sort(key=place.__getitem__)
        self.failures = {
            job: self.failures[job] for job in jobs if job in self.failures
        }


def in_tasks(jobs: list[Job], slots: int) -> list[list[Job]]:
    """A video each, which takes longest and comes first; some pictures each.

    Few enough for each process to have several tasks, so that all end at
    about the same time.
    """
    pictures = [job for job in jobs if not job.is_video]
    size = len(pictures) // (4 * max(slots, 1))
    size = max(1, min(size, MOST_PICTURES))
    return [
        *([job] for job in jobs if job.is_video),
        *(pictures[n : n + size] for n in range(0, len(pictures), size)),
    ]


# === In a process of Ray's ===


def work_on(
    made: bytes,
    folder: str,
    mark: pathlib.Path,
    overwrite: bool,
    threads: int,
    jobs: list[Job],
) -> Outcome:
    """Does some jobs; those that a lost process did are passed over.

    Args:
        made: What makes the `Run`, pickled.
        folder: That relative paths begin at.
        mark: A file that a machine sees which shares the outputs' disk.
        overwrite: As that of the `Run`.
        threads: Of an operation; 0 is TensorFlow's choice.
        jobs: The files.

    Raises:
        UserError: This machine does not see the disk.
    """
    try:
        os.chdir(folder)
        mark.open().close()
    except OSError as error:
        raise UserError(
            "Expected folders that every machine sees under the same path. "
            f"Received: {error.filename}: {error.strerror} on "
            f"{socket.gethostname()}. Work on a shared disk; a bucket is one "
            "when it is mounted (gcsfuse BUCKET FOLDER)."
        ) from error
    if threads:
        os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    run = _run_of(made)
    run.done, run.notes, run.failures = [], {}, {}
    there = [] if overwrite else [job for job in jobs if job.is_done]
    ended = None
    try:
        with _interrupted_without(mark):
            run([job for job in jobs if job not in there])
    except (UserError, OSError) as error:
        ended = error
    except KeyboardInterrupt:
        pass  # The work is called off; what is done is told.
    return Outcome([*there, *run.done], run.notes, run.failures, ended)


@contextlib.contextmanager
def _interrupted_without(mark):
    """As by Ctrl-C, once the mark is gone."""
    ended = threading.Event()

    def look():
        while not ended.wait(LOOK):
            try:  # NFS asks its server when a file is opened, and not else.
                mark.open().close()
            except FileNotFoundError:
                return _thread.interrupt_main()
            except OSError:  # A disk that does not answer now.
                pass

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@functools.cache
def _run_of(made):
    """The `Run` of this process, which keeps its network."""
    import ray

    return ray.cloudpickle.loads(made)()


def _lost(job, error):
    """That of a file alone that ends its process each time."""
    reason = (
        f"{job.source}: the process that restored it ended {RETRIES + 1} "
        f"times ({type(error).__name__}); set a lower max_memory, or look at "
        "the file."
    )
    return Outcome([], {}, {job: reason}, None)


def _of_a_machine(error):
    """What ended a task, where no file did."""
    if isinstance(error.cause, UserError):
        return error.cause
    return UserError(
        "Expected the same sis-keras on every machine of the cluster. "
        f"Received: {last_line(error)} Install it there, too."
    )
