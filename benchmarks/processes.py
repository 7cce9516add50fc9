"""Measurements in processes of their own, where peak memory means something."""

import concurrent.futures
import multiprocessing
from collections.abc import Callable, Iterator

import tqdm


def each_in_a_process(function: Callable, cases: list) -> Iterator[dict]:
    """What a function gives of each case, one after another.

    A child begins with its parent's peak as its own, so this process must
    import no TensorFlow, and neither may the function's module.
    """
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as pool:
        results = pool.map(function, cases)
        yield from tqdm.tqdm(results, "measuring", len(cases))
