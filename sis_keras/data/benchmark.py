"""Pictures of the Köhler benchmark: each has many sharp ones."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np


class Shot(NamedTuple):
    """One blurred picture of the benchmark.

    Attributes:
        image: 1 to 4.
        kernel: The trajectory, 1 to 12.
        blurry: uint8 RGB `(height, width, 3)`.
        frames: Gives (number, sharp frame of the same kind), one by one.
    """

    image: int
    kernel: int
    blurry: np.ndarray
    frames: Callable[[], Iterator[tuple[int, np.ndarray]]]


class Benchmark(NamedTuple):
    """Shots to score on.

    Attributes:
        name: As given on the command line.
        protocol: A key of `METRICS` of `evaluation.kohler`.
        size: Number of shots.
        shots: Gives them, in order; no more than one is held.
        input: What the blurred pictures are, in a report's words.
    """

    name: str
    protocol: str
    size: int
    shots: Callable[[], Iterator[Shot]]
    input: str = "recorded camera shake, played back"
