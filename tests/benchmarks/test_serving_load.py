"""The load test's own arithmetic: what is sent, and what is made of it."""

import itertools
import threading

import numpy as np
import pytest
from small_network import encoded

from benchmarks.serving.__main__ import changed
from benchmarks.serving.clients import EQUAL, ROUNDED, WRONG, compared
from benchmarks.serving.load import (
    Answer,
    arrivals,
    closed_loop,
    open_loop,
    summary,
)


def test_summary_by_hand():
    served = [Answer("OK", x / 100) for x in range(101)]
    refused = [Answer("UNAVAILABLE", 0.5)] * 99
    found = summary(served + refused, 50.0)
    assert found["sent"] == 200
    assert found["served"] == pytest.approx(101 / 50)
    assert found["refused"] == pytest.approx(99 / 200)
    np.testing.assert_allclose(found["latency"], [0.5, 0.9, 0.99, 1.0])
    assert found["refusal"] == 0.5 and found["rounded"] == 0.0
    found = summary([*served, Answer(ROUNDED, 0.0)] * 2, 50.0)
    assert found["rounded"] == pytest.approx(1 / 102)
    assert np.isnan(summary(served, 50.0)["refusal"])


@pytest.mark.parametrize(
    "answers, words",
    [
        ([Answer("OK", 0.1), Answer("INTERNAL", 0.1)], "INTERNAL"),
        ([Answer("HTTP 503", 0.1)], "refusals alone"),
    ],
)
def test_loads_that_show_nothing(answers, words):
    with pytest.raises(RuntimeError, match=words):
        summary(answers, 1.0)


PICTURE = np.full((1, 4, 5, 3), 100, np.uint8)


@pytest.mark.parametrize("form", ["uint8", "float32", "files"])
@pytest.mark.parametrize(
    "apart, expected", [(0, EQUAL), (1, ROUNDED), (3, WRONG)]
)
def test_answers_that_are_off(form, apart, expected):
    def made(picture):
        if form == "files":
            return np.array([encoded(picture[0])], object)
        return picture if form == "uint8" else picture * np.float32(5e-7)

    found = PICTURE.copy()
    found[0, 3, 4, 2] -= apart
    assert compared(made(found), made(PICTURE)) == expected
    assert compared(made(PICTURE), made(found)) == expected
    assert compared(made(PICTURE[:, :3]), made(PICTURE)) == WRONG


def test_arrivals_are_a_poisson_process():
    times = arrivals(1000.0, 20.0, seed=0)
    assert abs(len(times) - 20_000) < 5 * 20_000**0.5
    gaps = np.diff(times)
    assert (gaps >= 0).all() and times[-1] < 20
    # Exponential: the deviation is the mean.
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.03)


def test_open_loop_does_not_wait_for_answers():
    count = len(arrivals(100.0, 0.3, seed=0))
    assert count > 10
    meeting = threading.Barrier(count, timeout=30)  # All at the same time.

    def send():
        meeting.wait()
        return "OK"

    answers, _ = open_loop(send, 100.0, 0.3, seed=0)
    assert len(answers) == count


def test_closed_loop_has_as_many_requests_as_clients():
    meeting = threading.Barrier(3, timeout=30)  # Fewer would wait in vain.
    places = threading.Semaphore(3)
    numbers = itertools.count()

    def send():
        assert places.acquire(blocking=False)  # More would find none left.
        if next(numbers) < 3:
            meeting.wait()
        places.release()
        return "OK"

    answers, _ = closed_loop(send, 3, 0.1)
    assert len(answers) >= 3


def test_changed_values():
    text = "# max_batch_size { value: 1 }\nmax_batch_size { value: 8 }\n"
    found = changed(text, max_batch_size=21)
    assert found == text.replace("value: 8", "value: 21")
    with pytest.raises(ValueError, match="one line of num_batch_threads"):
        changed(text, num_batch_threads=2)
