"""Work of several threads, its results in order."""

import collections
import concurrent.futures
import os
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_order(
    function: Callable[[Item], Result], items: Iterable[Item], threads: int
) -> Iterator[Result]:
    """`map`, in threads. No more results wait than there are threads.

    One thread is the caller's own. OpenCV and NumPy let go of Python's lock
    while they work on a picture.

    Raises:
        Exception: What `function` raises, at that item's turn.
    """
    if threads == 1:
        yield from map(function, items)
        return
    waiting: collections.deque = collections.deque()
    with concurrent.futures.ThreadPoolExecutor(threads) as executor:
        try:
            for item in items:
                waiting.append(executor.submit(function, item))
                if len(waiting) > threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            executor.shutdown(cancel_futures=True)
