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
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np

from sis_keras.cache import PictureCache, open_cache
from sis_keras.errors import UserError
from sis_keras.sources import open_source

if TYPE_CHECKING:
    # It imports TensorFlow, which the process that blurs does without.
    from sis_keras.data import Crops

SEEDS_OF_A_POOL = 1_000_000


class JoinedCaches:
    """Several caches as one; see `PictureCache`."""

    def __init__(self, caches: Sequence[PictureCache]):
        self.names = [name for cache in caches for name in cache.names]
        self.shapes = [shape for cache in caches for shape in cache.shapes]
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


class RefreshedCrops:
    """`Crops` of a pool that changes after every `refresh_steps`.

    Args:
        steady: The pairs that no seed changes.
        changing: Arguments of `open_source`, without the seed, of those that
            one does; they go to another process.
        seed: Of the first pool.
        folder: Of the pools; old ones are removed.
        refresh_steps: How many steps a pool is trained on.
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
        crop_size: int,
        make_crops: Callable[[PictureCache | JoinedCaches], "Crops"],
    ):
        self.steady, self.changing, self.seed = steady, changing, seed
        self.folder, self.refresh_steps = pathlib.Path(folder), refresh_steps
        self.crop_size, self.make_crops = crop_size, make_crops
        self._process: multiprocessing.Process | None = None
        self._making: int | None = None

    def at(self, step: int) -> "tuple[Crops, int]":
        """The crops at a step, and the step from which on they are others.

        Waits until its pool is made, and has the next one begun.

        Raises:
            UserError: The pool could not be made.
        """
        number = step // self.refresh_steps
        self._finish(number)
        made = PictureCache(self._path(number))
        self._remove_all_but(number)
        self._begin(number + 1)
        caches = [made] if self.steady is None else [self.steady, made]
        crops = self.make_crops(JoinedCaches(caches))
        return crops, (number + 1) * self.refresh_steps

    def close(self) -> None:
        """Ends the process that makes the next pool."""
        if self._process is not None and self._process.is_alive():
            self._process.terminate()
            self._process.join()
        self._process = self._making = None

    def _path(self, number):
        return self.folder / f"{number:05d}"

    def _arguments(self, number):
        seed = self.seed + SEEDS_OF_A_POOL * number
        return [{**source, "seed": seed} for source in self.changing]

    def _begin(self, number):
        self._making = number
        # Not forked: TensorFlow's threads would not come along.
        self._process = multiprocessing.get_context("spawn").Process(
            target=_make,
            args=(self._arguments(number), self._path(number)),
            daemon=True,
        )
        self._process.start()

    def _finish(self, number):
        if self._process is not None and self._making == number:
            self._process.join()
            if self._process.exitcode:
                raise UserError(
                    f"Expected a new pool of pairs in {self._path(number)}. "
                    "Received none; what its process printed says why. Then "
                    "go on with --resume."
                )
        self.close()
        sources = [open_source(**x) for x in self._arguments(number)]
        open_cache(sources, self._path(number))

    def _remove_all_but(self, number):
        for path in self.folder.iterdir():
            if path.name.isdecimal() and int(path.name) < number:
                shutil.rmtree(path, ignore_errors=True)


def _make(sources, folder):
    """In a process of its own, which Ctrl-C leaves to its parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "nice"):
        os.nice(19)
    cv2.setNumThreads(1)
    try:
        open_cache([open_source(**x) for x in sources], folder, progress=False)
    except UserError as error:
        sys.exit(str(error))
