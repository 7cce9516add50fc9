"""Pools of pairs that are blurred anew while a run goes on.

Blur is made ahead and kept in a `PictureCache`. A run that only had one would
see every photograph with the same few blurs again and again; so after some
steps it gets another, of another seed, made by a process of low priority
beside the training. Which pool a step trains on depends on the step alone, so
that a run resumes with what it would have seen.
"""

import multiprocessing
import os
import pathlib
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence

import numpy as np

from sis_keras.data.cache import PictureCache, open_cache
from sis_keras.data.child_process import start_child
from sis_keras.data.in_order import cores
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError

SEEDS_OF_A_POOL = 1_000_000


class JoinedCaches:
    """Several caches as one; see `PictureCache`."""

    def __init__(self, caches: Sequence[PictureCache]):
        self.names = [name for cache in caches for name in cache.names]
        self.shapes = [shape for cache in caches for shape in cache.shapes]
        self.folders = [x for cache in caches for x in cache.folders]
        self.digests = [x for cache in caches for x in cache.digests]
        self.synthetic = np.concatenate([x.synthetic for x in caches])
        self.fingerprint = " ".join(x.fingerprint for x in caches)
        self._places = [
            (cache, number) for cache in caches for number in range(len(cache))
        ]

    def __len__(self):
        return len(self.names)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        cache, place = self._places[number]
        return cache[place]


class Background:
    """Makes caches in processes of their own, which end with this one.

    Args:
        tasks: Arguments of `open_source` for each cache, and its folder.
        workers: Processes.
        ahead: Nobody waits yet: the priority is low, and no progress shown.
    """

    def __init__(
        self,
        tasks: Sequence[tuple[list[dict], object]],
        workers: int = 1,
        ahead: bool = False,
    ):
        # Not forked: TensorFlow's threads would not come along.
        context = multiprocessing.get_context("spawn")
        workers = min(workers, len(tasks))
        # Ahead, the training has the cores.
        threads = 1 if ahead else max(1, cores() // max(1, workers))
        self._processes = [
            context.Process(
                target=_make,
                args=(tasks[n::workers], ahead, threads),
                daemon=True,
            )
            for n in range(workers)
        ]
        for process in self._processes:
            process.start()

    def wait(self) -> None:
        """Until all are made.

        Raises:
            UserError: One could not be made.
        """
        for process in self._processes:
            process.join()
        if any(process.exitcode for process in self._processes):
            raise UserError(
                "Expected a new pool of pairs. Received none; what its "
                "process printed says why. Then go on with `resume`."
            )

    def stop(self) -> None:
        """Ends those that are still at it."""
        for process in self._processes:
            if process.is_alive():
                process.terminate()
                process.join()


class Kept:
    """What a run is trained on from its first step to its last."""

    def __init__(self, used):
        self.used = used

    def at(self, step: int) -> tuple[object, None]:
        """As of `Refreshed`."""
        del step
        return self.used, None

    def close(self) -> None:
        """Nothing is left to end."""


class Refreshed:
    """What a run is trained on, exchanged after every `refresh_steps`.

    Args:
        tasks: Takes a pool's number and folder, gives the tasks of
            `Background` that make it.
        use: Takes the folder of a made pool, gives what is trained on.
        folder: Of the pools; old ones are removed.
        refresh_steps: How many steps a pool is trained on.
        steps: Of the whole run; no pool is made for steps after it.
        workers: Processes that make the next pool.
    """

    def __init__(
        self,
        tasks: Callable[[int, pathlib.Path], list],
        use: Callable[[pathlib.Path], object],
        folder,
        refresh_steps: int,
        steps: int,
        workers: int = 1,
    ):
        self.tasks, self.use, self.steps = tasks, use, steps
        self.folder, self.refresh_steps = pathlib.Path(folder), refresh_steps
        self.workers = workers
        self._background: Background | None = None
        self._making: int | None = None
        self._used: tuple[int, object] | None = None

    def at(self, step: int) -> tuple[object, int]:
        """What is trained on at a step, and the step from which on no more.

        Waits until its pool is made, and has the next one begun.

        Raises:
            UserError: The pool could not be made.
        """
        number = step // self.refresh_steps
        until = (number + 1) * self.refresh_steps
        if self._used is not None and self._used[0] == number:
            return self._used[1], until
        self._used = None
        background = self._background
        if background is None or self._making != number:
            self.close()
            background = self._begin(number, ahead=False)
        background.wait()
        self._used = number, self.use(self._path(number))
        self._remove_all_before(number)
        if until < self.steps:
            self._begin(number + 1, ahead=True)
        return self._used[1], until

    def close(self) -> None:
        """Ends the processes that make the next pool."""
        if self._background is not None:
            self._background.stop()
        self._background = self._making = None

    def _path(self, number):
        return self.folder / f"{number:05d}"

    def _begin(self, number, ahead) -> Background:
        tasks = self.tasks(number, self._path(number))
        self._background = Background(tasks, self.workers, ahead)
        self._making = number
        return self._background

    def _remove_all_before(self, number):
        """Pools alone: other folders there may have numbers for names."""
        for path in self.folder.iterdir():
            of_a_pool = re.fullmatch(r"\d{5}", path.name) and any(
                path.glob(f"{parts}index.json") for parts in ("", "*/")
            )
            if of_a_pool and int(path.name) < number:
                shutil.rmtree(path, ignore_errors=True)


class RefreshedCrops(Refreshed):
    """`Crops` of a pool that changes after every `refresh_steps`.

    Args:
        steady: The pairs that no seed changes.
        changing: Arguments of `open_source`, without the seed, of those that
            one does; they go to another process.
        seed: Of the first pool.
        folder: Of the pools.
        refresh_steps: How many steps a pool is trained on.
        steps: Of the whole run.
        crop_size: Of the crops.
        make_crops: Takes a cache, gives `Crops`.
    """

    def __init__(
        self,
        steady: PictureCache | None,
        changing: Sequence[dict],
        seed: int,
        folder,
        refresh_steps: int,
        steps: int,
        crop_size: int,
        make_crops: Callable,
    ):
        def tasks(number, path):
            return [(seeded(changing, seed, number), path)]

        def use(path):
            made = PictureCache(path)
            caches = [made] if steady is None else [steady, made]
            return make_crops(JoinedCaches(caches))

        super().__init__(tasks, use, folder, refresh_steps, steps)
        self.crop_size = crop_size


def seeded(sources: Sequence[dict], seed: int, number: int) -> list[dict]:
    """Arguments of `open_source` with the seed of a pool."""
    seed += SEEDS_OF_A_POOL * number
    return [{**source, "seed": seed} for source in sources]


def _make(tasks, ahead, threads):
    """In a process of its own, which Ctrl-C leaves to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if ahead and hasattr(os, "nice"):
        os.nice(19)
    start_child()
    try:
        for sources, folder in tasks:
            opened = [open_source(**source) for source in sources]
            open_cache(opened, folder, not ahead, threads)
    except UserError as error:
        sys.exit(str(error))
