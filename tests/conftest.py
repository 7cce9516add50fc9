import signal
import subprocess

import pytest

# What runs in a shell's background ignores Ctrl-C, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def small_disk(tmp_path):
    """A folder that holds 64 kB and no more; only root can make one."""
    folder = tmp_path / "small_disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        done = None
    if done is None or done.returncode:
        pytest.skip("cannot mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@pytest.fixture
def released_folder(tmp_path, monkeypatch):
    """Stands in for sis_keras/weights/; generators are those of tiny.py."""
    import tiny

    from sis_keras import released, weights

    folder = tmp_path / "weights"
    monkeypatch.setattr(released, "FOLDER", folder)
    monkeypatch.setattr(
        weights, "build_generator", lambda **_: tiny.make_generator()
    )
    return folder
