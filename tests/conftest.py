import os
import pathlib
import signal
import subprocess

import pytest

# What runs in a shell's background ignores Ctrl-C, and so would its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# As `sis_keras.quiet` has it, for tests that import TensorFlow themselves:
# their children are to compute the same bits.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Workers of pytest-xdist share the cores, as do the programs that they start.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", 1))
if workers > 1:
    threads = max(1, (os.cpu_count() or 1) // workers)
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", str(threads))

# === Disks and weights ===


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
    """Stands in for weights/files/; generators are those of tiny.py."""
    import tiny

    from sis_keras.weights import generators, released

    folder = tmp_path / "weights"
    monkeypatch.setattr(released, "FOLDER", folder)
    monkeypatch.setattr(
        generators, "build_generator", lambda **_: tiny.make_generator()
    )
    return folder


# === Pages ===


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium."""
    from benchmarks.page import CHROMIUM, FLAGS

    playwright = pytest.importorskip(
        "playwright.sync_api", reason="wants playwright: pip install playwright"
    )
    if CHROMIUM is None:
        pytest.skip("wants Chromium")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


# === deblur.py ===


@pytest.fixture
def inverting_networks(monkeypatch):
    """Inverts pictures; lists the flags that each network was made with.

    Some file stands for every weights' name.
    """
    import numpy as np

    from sis_keras.commands import deblur as deblur_command

    made = []

    def make(given):
        made.append(given)
        return lambda image, progress=None: np.iinfo(image.dtype).max - image

    monkeypatch.setattr(deblur_command, "usable_weights", lambda name: name)
    monkeypatch.setattr(deblur_command, "make_deblurrer", make)
    return made


# === The SavedModel of small_network.py ===


@pytest.fixture(scope="session")
def small_generator():
    import small_network

    return small_network.random_network()


@pytest.fixture(scope="session")
def small_export(small_generator, tmp_path_factory):
    """What `write_saved_model` says of the generator's SavedModel."""
    import small_network

    folder = tmp_path_factory.mktemp("export")
    return small_network.export(small_generator, folder)


@pytest.fixture(scope="session")
def small_saved_model(small_export):
    """Its folder."""
    return pathlib.Path(small_export["path"])


@pytest.fixture(scope="session")
def small_restorer(small_generator):
    """Keras, float32 in [0, 1]."""
    from sis_keras.restoring.restorer import KerasRestorer

    return KerasRestorer(small_generator)


@pytest.fixture(scope="module")
def served_model(small_saved_model):
    import loaded_model

    return loaded_model.Model(small_saved_model)


@pytest.fixture(scope="module")
def grpc_address(served_model):
    from benchmarks.serving.stand_in import serve_grpc

    with serve_grpc(served_model) as address:
        yield address
