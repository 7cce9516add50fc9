import contextlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from places import ROOT

from sis_keras.files.pictures import write_rgb

MAKE = {
    "pools": """
from sis_keras.data.pools import Background
Background([([source], folder)]).wait()
""",
    "parallel_cache": """
from sis_keras.data.parallel_cache import open_caches
open_caches([source], folder, workers=1)
""",
}


def children_of(process):
    """Its direct ones and theirs."""
    with open(f"/proc/{process}/task/{process}/children") as file:
        direct = [int(x) for x in file.read().split()]
    return direct + [y for x in direct for y in children_of(x)]


def running(process):
    try:
        with open(f"/proc/{process}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("made_by", MAKE)
def test_a_killed_parent_leaves_none(made_by, tmp_path):
    write_rgb(tmp_path / "in/a.png", np.zeros((64, 64, 3), np.uint8))
    folder = tmp_path / "out"
    script = tmp_path / "script.py"
    # Blurred so often, it takes minutes.
    script.write_text(f"""
source = {{"text": "photographs:{tmp_path}/in", "versions": 20_000}}
folder = "{folder}"
if __name__ == "__main__":
{MAKE[made_by].replace(chr(10), chr(10) + "    ")}
""")
    parent = subprocess.Popen(
        [sys.executable, script],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    children = []
    try:
        _wait_until(lambda: parent.poll() or list(folder.rglob("*.part")))
        children = children_of(parent.pid)
        assert any(map(running, children))
        parent.kill()
        parent.wait()
        _wait_until(lambda: not any(map(running, children)))
    finally:
        for process in [parent.pid, *children]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        parent.wait()


def _wait_until(true, seconds=120):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)
