"""Loads of requests, and what came of them."""

import concurrent.futures
import itertools
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from benchmarks.serving.clients import EQUAL, REFUSED, ROUNDED

MOST_IN_FLIGHT = 200


class Answer(NamedTuple):
    """What came of a request.

    Attributes:
        status: `EQUAL`, `ROUNDED` or why not.
        seconds: From when the request was due to the end of its answer.
    """

    status: str
    seconds: float


def closed_loop(
    send: Callable[[], str], clients: int, seconds: float
) -> tuple[list[Answer], float]:
    """Clients that each wait for an answer before they send again.

    Returns:
        The answers, and how many seconds it took to get them all.
    """
    start = time.perf_counter()

    def client(_):
        answers = []
        while (due := time.perf_counter()) < start + seconds:
            answers.append(_answer(send, due))
        return answers

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        every = pool.map(client, range(clients))
        answers = list(itertools.chain.from_iterable(every))
    return answers, time.perf_counter() - start


def open_loop(
    send: Callable[[], str], rate: float, seconds: float, seed: int = 0
) -> tuple[list[Answer], float]:
    """Requests that come at random, whether others were answered or not.

    Args:
        send: Sends one.
        rate: Requests a second, on average; a Poisson process.
        seconds: For how long they come.
        seed: Of their times.

    Returns:
        The answers, and how many seconds it took to get them all.
    """
    times = arrivals(rate, seconds, seed)
    start = time.perf_counter()
    with concurrent.futures.ThreadPoolExecutor(MOST_IN_FLIGHT) as pool:
        waiting = []
        for after in times:
            time.sleep(max(0.0, start + after - time.perf_counter()))
            # What a busy client sends late has waited, too.
            waiting.append(pool.submit(_answer, send, start + after))
        answers = [x.result() for x in waiting]
    return answers, time.perf_counter() - start


def arrivals(rate: float, seconds: float, seed: int) -> np.ndarray:
    """Times of a Poisson process, in seconds, all below `seconds`."""
    random = np.random.default_rng(seed)
    count = random.poisson(rate * seconds)
    return np.sort(random.uniform(0.0, seconds, count))


def _answer(send, due):
    status = send()
    return Answer(status, time.perf_counter() - due)


def summary(answers: list[Answer], seconds: float) -> dict:
    """Figures of a load.

    Returns:
        sent: Requests.
        served: Requests answered, a second.
        refused: Share of the requests.
        rounded: Share of the served ones that are not bit-equal.
        latency: Seconds within which 50, 90, 99 and 100 % were answered,
            of the served ones.
        refusal: The 99 % of the refused ones; NaN where there are none.

    Raises:
        RuntimeError: A request came to something else, or none was served.
    """
    kinds = {status: [] for status in (EQUAL, ROUNDED, *REFUSED)}
    for status, latency in answers:
        if status not in kinds:
            raise RuntimeError(
                f"Expected answers or refusals ({', '.join(REFUSED)}). "
                f"Received: {status}."
            )
        kinds[status].append(latency)
    rounded = kinds.pop(ROUNDED)
    served = kinds.pop(EQUAL) + rounded
    refused = list(itertools.chain.from_iterable(kinds.values()))
    if not served:
        raise RuntimeError("Expected some answers. Received: refusals alone.")
    return {
        "sent": len(answers),
        "served": len(served) / seconds,
        "refused": len(refused) / len(answers),
        "rounded": len(rounded) / len(served),
        "latency": np.percentile(served, (50, 90, 99, 100)).tolist(),
        "refusal": np.percentile(refused, 99) if refused else np.nan,
    }
