"""One device, two of one host, two hosts: the same run; and their faults."""

import csv
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import pytest
import tensorflow as tf

from sis_keras.errors import UserError
from sis_keras.training import strategies
from sis_keras.weights.tensors import read_tensors

SUPPORT = pathlib.Path(__file__).parents[1] / "support"


def started(folder, kind, **environment):
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, SUPPORT / "hosts_script.py", folder, kind],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def started_hosts(folder, count=2):
    workers = [f"127.0.0.1:{port}" for port in free_ports(count)]
    return [
        started(
            folder,
            "multi_worker",
            TF_CONFIG=json.dumps(
                {
                    "cluster": {"worker": workers},
                    "task": {"type": "worker", "index": index},
                }
            ),
        )
        for index in range(count)
    ]


def ended(process, seconds=240):
    """Its status and what it printed."""
    try:
        printed, _ = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, printed


def expect_success(*processes):
    for process in processes:
        status, printed = ended(process)
        assert status == 0, printed[-3000:]


def losses(folder):
    with open(folder / "run" / "training.csv", newline="") as file:
        return {
            int(row["step"]): [
                float(row[key])
                for key in ("loss", "content", "discriminator_loss")
            ]
            for row in csv.DictReader(file)
        }


def weights(folder):
    tensors, _ = read_tensors(folder / "run" / "last.safetensors")
    return {k: v for k, v in tensors.items() if "optimizer" not in k}


def numbers_cut(folder, host):
    return json.loads((folder / f"cut_{host}.json").read_text())


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    expect_success(started(folder, "one"))
    return folder


def assert_same_run(folder, one):
    ours, theirs = losses(folder), losses(one)
    assert list(ours) == list(theirs) == list(range(1, 21))
    np.testing.assert_allclose(
        list(ours.values()), list(theirs.values()), rtol=1e-5, atol=1e-5
    )
    found, expected = weights(folder), weights(one)
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_allclose(found[name], tensor, atol=1e-5)


def test_two_devices_train_as_one(one, tmp_path):
    expect_success(started(tmp_path, "two"))
    assert_same_run(tmp_path, one)


def test_two_hosts_train_as_one(one, tmp_path):
    expect_success(*started_hosts(tmp_path))
    assert_same_run(tmp_path, one)
    # Cut ahead by a few; every number by one host, none left out.
    cut = [set(numbers_cut(tmp_path, host)) for host in (0, 1)]
    assert not cut[0] & cut[1]
    assert (cut[0] | cut[1]) >= set(range(20 * 4))
    assert {x % 4 for x in cut[0]} == {0, 1}


def test_a_host_that_is_killed_ends_the_other(one, tmp_path):
    """And both together go on where the first one saved."""
    first, second = started_hosts(tmp_path)
    saved = tmp_path / "run" / "last.safetensors"
    until = time.monotonic() + 200
    while not (saved.exists() and losses_so_far(tmp_path) >= 7):
        assert time.monotonic() < until and first.poll() is None
        time.sleep(0.05)
    second.send_signal(signal.SIGKILL)
    start = time.monotonic()
    status, printed = ended(first, 90)
    assert time.monotonic() - start < 60
    assert status != 0
    assert "another host does not answer" in printed
    second.communicate()
    expect_success(*started_hosts(tmp_path))
    assert_same_run(tmp_path, one)


def losses_so_far(folder):
    try:
        return len(losses(folder))
    except (OSError, KeyError, TypeError, ValueError):
        return 0


def test_sigterm_to_one_host_stops_both_at_one_step(tmp_path):
    first, second = started_hosts(tmp_path)
    until = time.monotonic() + 200
    while losses_so_far(tmp_path) < 2:
        assert time.monotonic() < until and first.poll() is None
        time.sleep(0.05)
    second.terminate()
    said = [ended(process)[1] for process in (first, second)]
    steps = [text.partition("at step ")[2].partition(" ")[0] for text in said]
    assert steps[0] == steps[1] != ""
    assert "Stopped by a signal to another host" in said[0]
    _, metadata = read_tensors(tmp_path / "run" / "last.safetensors")
    assert metadata["card"]["step"] == int(steps[0])


# === What is asked for, and what is there ===

CONFIG = '{"cluster": {"worker": ["a:1"]}, "task": {"type": "%s", "index": %d}}'


@pytest.mark.parametrize(
    "config",
    [
        "",
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        CONFIG % ("worker", 1),
        CONFIG % ("ps", 0),
    ],
)
def test_a_wrong_tf_config(config, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(UserError, match="Expected TF_CONFIG to name the hosts"):
        strategies.make_strategy("multi_worker")


def test_auto_is_one_device_here(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: [])
    strategy = strategies.make_strategy("auto")
    assert strategy.num_replicas_in_sync == 1
    assert strategies.host_of(strategy) == (0, 1)


def test_no_tpu():
    with pytest.raises(UserError, match="Expected a TPU .*Received none"):
        strategies.make_strategy("tpu")


def test_a_batch_that_does_not_divide():
    class Two:
        num_replicas_in_sync = 2

    strategies.check_batch_size(Two(), 4)
    with pytest.raises(UserError, match="multiple of 2. Received: 5"):
        strategies.check_batch_size(Two(), 5)
    with pytest.raises(UserError, match="one device alone.*with 2 replicas"):
        strategies.check_batch_size(Two(), 4, accumulation=2)
    one = tf.distribute.get_strategy()
    strategies.check_batch_size(one, 6, accumulation=3)
    with pytest.raises(UserError, match="multiple of 4.*Received: 6"):
        strategies.check_batch_size(one, 6, accumulation=4)
