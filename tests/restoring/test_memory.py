"""The default of max_memory, by a made tree of control groups."""

import types

import pytest

from sis_keras.restoring import memory

GIB = 2**30


def put(root, path, text):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{text}\n")


def version_2(root, group, limit, used, cached=0, high="max"):
    place = f"sys/fs/cgroup{group}"
    put(root, f"{place}/memory.max", limit)
    put(root, f"{place}/memory.high", high)
    put(root, f"{place}/memory.current", used)
    stat = f"anon 5\ninactive_file {cached}\nactive_file 7"
    put(root, f"{place}/memory.stat", stat)


def version_1(root, group, limit, used, cached=0):
    place = f"sys/fs/cgroup/memory{group}"
    put(root, f"{place}/memory.limit_in_bytes", limit)
    put(root, f"{place}/memory.usage_in_bytes", used)
    stat = f"cache 9\ninactive_file 3\ntotal_inactive_file {cached}"
    put(root, f"{place}/memory.stat", stat)


def test_no_groups_no_limit(tmp_path):
    assert memory.container_room(str(tmp_path)) is None
    put(tmp_path, "proc/self/cgroup", "0::/user")
    assert memory.container_room(str(tmp_path)) is None
    version_2(tmp_path, "/user", "max", GIB)
    assert memory.container_room(str(tmp_path)) is None


@pytest.mark.parametrize("high", ["max", str(GIB // 2)])
def test_version_2(tmp_path, high):
    """The tightest of the group and those above; copies of files are free."""
    put(tmp_path, "proc/self/cgroup", "0::/pod/app")
    version_2(tmp_path, "/pod/app", 3 * GIB, GIB, cached=GIB // 4)
    found = memory.container_room(str(tmp_path))
    assert found == 3 * GIB - (GIB - GIB // 4)
    version_2(tmp_path, "/pod", 2 * GIB, GIB * 3 // 2)
    assert memory.container_room(str(tmp_path)) == GIB // 2
    version_2(tmp_path, "/pod/app", "max", GIB // 4, high=high)
    least = GIB // 2 if high == "max" else GIB // 4
    assert memory.container_room(str(tmp_path)) == least
    version_2(tmp_path, "/pod", 2 * GIB, 3 * GIB)
    assert memory.container_room(str(tmp_path)) == 0


def test_a_container_sees_its_own_group_as_the_top(tmp_path):
    put(tmp_path, "proc/self/cgroup", "0::/")
    version_2(tmp_path, "", 2 * GIB, GIB)
    assert memory.container_room(str(tmp_path)) == GIB
    # Or its name outside, which inside is not there.
    put(tmp_path, "proc/self/cgroup", "0::/docker/5f/../../up")
    assert memory.container_room(str(tmp_path)) == GIB


def test_version_1(tmp_path):
    lines = "12:cpu,cpuacct:/x\n7:memory:/docker/5f\n1:name=systemd:/x\n0::/y"
    put(tmp_path, "proc/self/cgroup", lines)
    version_1(tmp_path, "/docker/5f", 2 * GIB, GIB, cached=GIB // 2)
    version_1(tmp_path, "", 9223372036854771712, 8 * GIB)
    assert memory.container_room(str(tmp_path)) == GIB * 3 // 2


@pytest.mark.parametrize(
    "free, room, limit",
    [
        (GIB, None, memory.PROCESS_BYTES + GIB // 2),
        (100 * GIB, None, 2 * GIB),
        (100 * GIB, GIB, 0.9 * 1.5 * GIB),
        (GIB // 2, 50 * GIB, memory.PROCESS_BYTES + GIB // 4),
    ],
)
def test_the_default(monkeypatch, free, room, limit):
    """Half of what is free, the rest of a container, at most 2 GiB."""
    process = types.SimpleNamespace(rss=GIB // 2)
    machine = types.SimpleNamespace(available=free)
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: machine)
    monkeypatch.setattr(
        memory.psutil.Process, "memory_info", lambda self: process
    )
    monkeypatch.setattr(memory, "container_room", lambda: room)
    assert memory.default_limit() == int(limit)
