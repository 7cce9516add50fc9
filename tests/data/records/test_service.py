"""A tf.data service of processes of their own, one of which is killed."""

import re
import signal
import socket
import subprocess
import sys

import numbered_crops
import pytest
from numbered_crops import numbers
from places import ROOT

from sis_keras.data.batches import training_batches
from sis_keras.data.records.crops import CropRecords
from sis_keras.data.records.service import check_answers
from sis_keras.errors import UserError

COUNT = 512
COMMAND = [sys.executable, "-m", "sis_keras.commands.data_service"]


def started(*flags):
    return subprocess.Popen(
        [*COMMAND, *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


@pytest.fixture
def service():
    """The address, and two workers that run."""
    dispatcher = started()
    processes = [dispatcher]
    try:
        port = re.search(r":(\d+)$", dispatcher.stdout.readline())[1]
        workers = [
            started(f"--dispatcher=127.0.0.1:{port}", "--host=127.0.0.1")
            for _ in range(2)
        ]
        processes += workers
        for worker in workers:
            assert worker.stdout.readline().startswith("worker of 127.0.0.1")
        yield f"grpc://127.0.0.1:{port}", workers
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def test_a_worker_that_is_killed_loses_nothing(service, tmp_path):
    """What is left of its records comes from the other one."""
    address, workers = service
    folder = numbered_crops.write(tmp_path, COUNT)
    records = CropRecords(folder, 8, service=address)
    dataset = training_batches(records, 8, hosts=2, replicas=2)
    for key in ("blurry", "sharp"):
        assert dataset.element_spec[key].shape == (2, 8, 8, 3)
    batches = iter(dataset)
    seen = [number for _ in range(40) for number in numbers(next(batches))]
    # Neither gives a crop twice before it gave all; of both some come twice.
    assert max(map(seen.count, seen)) <= 2
    workers[0].send_signal(signal.SIGKILL)
    workers[0].wait()
    # A whole pass of the other, from wherever it is; and what is on its way.
    for _ in range(2 * COUNT // 2 + 50):
        seen += numbers(next(batches))
    assert {*seen} == {*range(COUNT)}
    workers[1].send_signal(signal.SIGTERM)
    assert workers[1].wait(20) == 0


def test_hosts_and_later_runs_have_orders_of_their_own(service, tmp_path):
    address, _ = service
    folder = numbered_crops.write(tmp_path, COUNT)
    records = CropRecords(folder, 8, service=address)
    orders = [
        [
            number
            for batch in training_batches(records, 32, **options).take(4)
            for number in numbers(batch)
        ]
        for options in ({}, {"host": 1, "hosts": 2}, {"start_step": 5})
    ]
    assert orders[0][:64] != orders[1] and orders[0] != orders[2]


def test_nobody_answers():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    with pytest.raises(UserError, match="`data_service`.*no answer"):
        check_answers(f"grpc://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "address", ["127.0.0.1:5050", "grpc://host", "grpc://:1", "http://a:1"]
)
def test_an_address_that_is_none(address):
    with pytest.raises(UserError, match="grpc://HOST:PORT. Received"):
        check_answers(address)


def test_a_port_that_is_taken():
    with socket.socket() as taken:
        taken.bind(("", 0))
        port = taken.getsockname()[1]
        process = started(f"--port={port}")
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert err.count("\n") == 1 and "free --port" in err


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.0.0.1", "a:b"])
def test_a_worker_of_nobody_does_not_wait_for_ever(address):
    worker = started(f"--dispatcher={address}")
    _, error = worker.communicate(timeout=100)
    assert worker.returncode == 2
    assert f"HOST:PORT of one that runs. Received: {address}: " in error
