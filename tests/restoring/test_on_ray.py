"""deblur.py --ray on a cluster of two machines, which are this one."""

import itertools
import os
import pathlib
import secrets
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from deblur_calls import assert_one_line, names, read, write
from deblur_calls import run as deblur
from places import ROOT

from sis_keras.errors import UserError
from sis_keras.files.atomic import OURS
from sis_keras.restoring import on_ray
from sis_keras.restoring.jobs import Job

NODE = {
    "num_cpus": 1,
    "memory": 2**31,
    "object_store_memory": 80 * 2**20,
    "include_dashboard": False,
}


@pytest.fixture(scope="module")
def cluster():
    """Two of one core each; nobody else may send them work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        path = f"{ROOT}{os.pathsep}{ROOT / 'tests' / 'support'}"
        patch.setenv("PYTHONPATH", path)
        pytest.importorskip("ray", reason="wants Ray: pip install ray")
        from ray.cluster_utils import Cluster

        cluster = Cluster(initialize_head=True, head_node_args=NODE)
        cluster.add_node(**NODE)
        yield cluster
        cluster.shutdown()


@pytest.fixture
def photos(tmp_path):
    """24 pictures, in folders of their own, and what is no picture."""
    pictures = {}
    for n in range(24):
        name = f"{n % 3}/{n:02}.png"
        pictures[name] = write(tmp_path / "photos" / name)
    (tmp_path / "photos" / "1" / "cut.png").write_bytes(b"cut")
    return tmp_path / "photos", pictures


def assert_inverted(output, pictures, killed=False):
    """`killed`: what a killed process had begun may lie there, hidden."""
    found = names(output)
    if killed:
        found = [x for x in found if not OURS.fullmatch(pathlib.Path(x).name)]
    assert found == sorted(pictures)
    for name, picture in pictures.items():
        np.testing.assert_array_equal(read(output / name), 255 - picture)


def when_some_are_there(output, count, call):
    """Calls in a thread, once so many outputs are there."""

    def wait():
        while len([*output.rglob("*.png")]) < count:
            time.sleep(0.02)
        call()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


# === On a cluster ===


def test_a_lost_machine_loses_and_doubles_nothing(
    cluster, photos, tmp_path, capsys
):
    from ray_calls import run_on

    folder, pictures = photos
    output = tmp_path / "sharp"
    jobs, run = run_on(cluster.address, folder, output, seconds=0.2)
    lost = [*cluster.worker_nodes][-1]
    killing = when_some_are_there(
        output, 8, lambda: cluster.remove_node(lost, allow_graceful=False)
    )
    run(jobs)
    killing.join()
    out, err = capsys.readouterr()
    assert "2 machines, 2 processes at once" in err and not out
    assert len(cluster.worker_nodes) == 0
    cluster.add_node(**NODE)
    assert_inverted(output, pictures, killed=True)
    # Once each, and in the order of one machine.
    assert run.done == [job for job in jobs if job.source.stem != "cut"]
    ((failed, reason),) = run.failures.items()
    assert failed.source == folder / "1" / "cut.png"
    assert reason.startswith("Expected a whole picture")
    (output / "0" / "03.png").unlink()
    jobs, again = run_on(cluster.address, folder, output)
    again(jobs)
    assert [job.source.stem for job in again.done] == ["03"]


def test_ctrl_c_leaves_whole_files(cluster, photos, tmp_path):
    from ray_calls import run_on

    folder, pictures = photos
    output = tmp_path / "sharp"
    jobs, run = run_on(cluster.address, folder, output, seconds=0.3)
    when_some_are_there(output, 3, lambda: os.kill(os.getpid(), signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        run(jobs)
    done = {str(job.target.relative_to(output)) for job in run.done}
    assert 3 <= len(done) < 20
    # Nothing hidden either.
    assert_inverted(output, {name: pictures[name] for name in done})


def test_a_file_that_ends_its_process_fails_alone(cluster, photos, tmp_path):
    from ray_calls import DEADLY, run_on

    folder, pictures = photos
    write(folder / "2" / "deadly.png", width=DEADLY)
    jobs, run = run_on(cluster.address, folder, tmp_path / "sharp")
    run(jobs)
    failed = {job.source.stem: reason for job, reason in run.failures.items()}
    assert sorted(failed) == ["cut", "deadly"]
    assert "deadly.png: the process that restored it ended" in failed["deadly"]
    assert len(run.done) == len(pictures)
    done = {f"{job.source.parent.name}/{job.source.name}" for job in run.done}
    assert done == {*pictures}


def test_the_program_gives_the_bytes_of_one_process(
    cluster, tmp_path, capsys, monkeypatch
):
    """The released network, relative paths, the same status and words."""
    monkeypatch.chdir(tmp_path)
    write(pathlib.Path("photos/a.png"), 40, 56)
    write(pathlib.Path("photos/b/c.jpg"), 64, 48)
    pathlib.Path("photos/d.png").write_bytes(b"cut")
    alone = deblur(capsys, "photos", "--output=alone", "--compare")
    command = [sys.executable, str(ROOT / "deblur.py"), "photos", "--compare"]
    shared = subprocess.run(
        [*command, "--output=alone2", f"--ray={cluster.address}"],
        capture_output=True,
        text=True,
    )
    first, _, rest = shared.stderr.partition("\n")
    assert first.startswith("On the Ray cluster at ")
    assert alone == (
        shared.returncode,
        shared.stdout.replace("alone2", "alone"),
        rest.replace("alone2", "alone"),
    )
    assert shared.returncode == 1 and len(names(tmp_path / "alone")) == 4
    for name in names(tmp_path / "alone"):
        there = tmp_path / "alone2" / name
        assert there.read_bytes() == (tmp_path / "alone" / name).read_bytes()


# === Without one ===


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--ray=ray://a:10001"], ["HOST:PORT", "ray://a:10001"]),
        (["--ray=a"], ["HOST:PORT", "a"]),
        (["--ray=127.0.0.1:1"], ["127.0.0.1:1"]),
        (["--ray=127.0.0.1:99999"], ["127.0.0.1:99999"]),
    ],
)
def test_no_such_cluster(
    tmp_path, inverting_networks, capsys, arguments, words
):
    pytest.importorskip("ray", reason="wants Ray: pip install ray")
    write(tmp_path / "photos" / "a.png")
    result = deblur(capsys, tmp_path / "photos", *arguments)
    assert_one_line(result, *words)
    assert not (tmp_path / "photos_deblurred").exists()


def test_one_file_is_not_shared_out(tmp_path, inverting_networks, capsys):
    write(tmp_path / "a.png")
    result = deblur(capsys, tmp_path / "a.png", "--ray=auto")
    assert_one_line(result, "a.png alone", "--ray")


@pytest.mark.parametrize("lacking", ["folder", "mark"])
def test_a_machine_that_does_not_see_the_disk(tmp_path, monkeypatch, lacking):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / ("nowhere" if lacking == "folder" else "")
    mark = tmp_path / ".sis-mark"
    if lacking == "folder":
        mark.touch()
    with pytest.raises(UserError, match="every machine sees.*gcsfuse"):
        on_ray.work_on(b"", str(folder), mark, False, 1, [])


def test_videos_come_first_and_alone():
    def job(name):
        path = pathlib.Path(name)
        return Job(path, path, None, path.suffix == ".mp4")

    jobs = [job(f"{n}.{'mp4' if n % 10 == 9 else 'jpg'}") for n in range(100)]
    for slots, most in ((0, 8), (2, 8), (5, 4), (100, 1)):
        tasks = on_ray.in_tasks(jobs, slots)
        assert tasks[:10] == [[job] for job in jobs if job.is_video]
        pictures = [*itertools.chain(*tasks[10:])]
        assert pictures == [job for job in jobs if not job.is_video]
        assert max(map(len, tasks)) == most
