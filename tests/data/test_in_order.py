import threading

import pytest

from sis_keras.data.in_order import cores, in_order


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_results_come_in_order(threads):
    assert list(in_order(lambda x: x * x, range(20), threads)) == [
        x * x for x in range(20)
    ]
    assert list(in_order(abs, [], threads)) == []


def test_so_many_threads_work_at_once():
    together = threading.Barrier(3)
    # Fewer would wait for ever.
    results = in_order(lambda x: together.wait(60) >= 0 and x, range(6), 3)
    assert list(results) == list(range(6))


def test_no_more_wait_than_there_are_threads():
    begun = []
    results = in_order(lambda x: begun.append(x) or x, range(100), 2)
    for place in range(20):
        assert next(results) == place
        assert len(begun) <= place + 1 + 2
    results.close()
    assert len(begun) < 30


def test_an_error_comes_at_its_turn():
    results = in_order(lambda x: 1 // (x - 2), range(100), 4)
    assert [next(results), next(results)] == [-1, -1]
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_cores():
    assert cores() >= 1
