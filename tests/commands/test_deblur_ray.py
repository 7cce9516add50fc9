"""deblur.py --ray: a cluster of two machines, both of them this one."""

import os
import subprocess
import sys
import time

import pytest
from deblur_calls import names, write
from places import ROOT

ray = pytest.importorskip("ray")
COUNT = 24
NODE = {
    "num_cpus": 1,
    "memory": 4 << 30,
    "object_store_memory": 80 << 20,
}


def deblur(*arguments):
    """A process that runs the program."""
    return subprocess.Popen(
        [sys.executable, "deblur.py", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "RAY_USAGE_STATS_ENABLED": "0"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("many") / "photos"
    for number in range(COUNT):
        write(folder / f"{number}.png", 96, 128)
    (folder / "corrupt.jpg").write_bytes(b"\xff\xd8\xff no picture")
    return folder


@pytest.fixture(scope="module")
def alone(photos):
    """What one process makes of them."""
    output = photos.parent / "alone"
    process = deblur(photos, f"--output={output}", "--max_memory=2G")
    _, error = process.communicate(timeout=300)
    assert process.returncode == 1, error
    return output


@pytest.fixture
def cluster():
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args=NODE)
    try:
        yield made
    finally:
        made.shutdown()


def test_two_machines_one_of_which_dies(photos, alone, cluster, tmp_path):
    """Nothing is lost or doubled, and each byte is that of one process."""
    other = cluster.add_node(**NODE)
    cluster.wait_for_nodes()
    output = tmp_path / "sharp"
    process = deblur(photos, f"--output={output}", f"--ray={cluster.address}")
    wait_for(lambda: output.is_dir() and any(output.glob("*.png")), process)
    # With SIGKILL, as a machine that loses its power.
    cluster.remove_node(other, allow_graceful=False)
    out, error = process.communicate(timeout=300)
    assert process.returncode == 1, error
    assert "2 machines, 2 processes at once" in error
    assert f"{COUNT} deblurred" in error
    assert "corrupt.jpg" in error
    assert len(set(out.split())) == len(out.split()) == COUNT
    assert names(output) == names(alone)
    for path in output.iterdir():
        assert path.read_bytes() == (alone / path.name).read_bytes(), path.name


def wait_for(done, process):
    end = time.monotonic() + 200
    while not done():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)


def test_no_cluster_there_is_one_line(photos, tmp_path):
    process = deblur(photos, f"--output={tmp_path}/x", "--ray=127.0.0.1:1")
    out, error = process.communicate(timeout=120)
    assert process.returncode == 2 and not out
    assert "127.0.0.1:1" in error and error.count("\n") == 1, error
