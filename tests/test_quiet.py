"""Imports are quiet, and errors are not."""

import json
import os
import subprocess
import sys
import threading
import time

import pytest
from places import ROOT

from sis_keras import quiet
from sis_keras.weights.tensors import write_tensors

# The first operation looks for a GPU.
IMPORTS = [
    "import sis_keras; sis_keras.build_generator",
    "from sis_keras import Deblurrer, DeblurringGAN, evaluate",
    "from sis_keras import load_restorer as load; load('sisnet_mobile')",
    "from sis_keras.restoring.deblurrer import Deblurrer; Deblurrer()",
    "from sis_keras.quiet import import_tensorflow as f; f(); "
    "import tensorflow as tf; tf.config.list_physical_devices()",
]


def ran(script, environment):
    return subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
    )


def test_notes_are_heard_while_another_thread_is_muted(capfd):
    begun = threading.Event()

    def mute():
        with quiet.muted_stderr():
            begun.set()
            time.sleep(0.3)

    thread = threading.Thread(target=mute)
    thread.start()
    begun.wait()
    with quiet.heard():
        os.write(2, b"a note")
    thread.join()
    assert capfd.readouterr().err == "a note"


def test_programs_leave_the_first_import_to_what_knows_the_network():
    """Which chooses the convolutions; later it would be too late."""
    loading = ("load_restorer(", "Deblurrer(", "load_generator(")
    checked = 0
    for folder in ("benchmarks", "experiments", "sis_keras/commands", "tools"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text()
            if any(call in text for call in loading):
                assert " import_tensorflow()" not in text, path
                checked += 1
    assert checked > 10


@pytest.mark.parametrize("script", IMPORTS)
def test_nothing_is_printed(script):
    environment = dict(os.environ)
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = ran(script, environment)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_error_of_an_import_is_raised_and_later_ones_are_printed(
    tmp_path, monkeypatch, capfd
):
    (tmp_path / "broken.py").write_text(
        "import os\nos.write(2, b'greeting')\nraise ValueError('a reason')"
    )
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ValueError, match="a reason"):
        quiet.quiet_import("broken")
    os.write(2, b"an error")
    assert capfd.readouterr().err == "an error"


def test_an_import_may_mute_what_it_does(tmp_path, monkeypatch, capfd):
    (tmp_path / "muting.py").write_text(
        "import os\nfrom sis_keras.quiet import muted_stderr\n"
        "with muted_stderr():\n    os.write(2, b'inner')\n"
        "os.write(2, b'outer')\nx = 1"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert quiet.quiet_import("muting").x == 1
    os.write(2, b"after")
    assert capfd.readouterr().err == "after"


def test_a_process_without_a_standard_error():
    script = "import os; os.close(2); import sis_keras; sis_keras.evaluate"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT)
    assert done.returncode == 0


@pytest.mark.parametrize("given, on", [(None, "True"), ("0", "False")])
def test_fast_convolutions_unless_the_user_says_no(given, on):
    environment = {k: v for k, v in os.environ.items() if "ONEDNN" not in k}
    if given:
        environment["TF_ENABLE_ONEDNN_OPTS"] = given
    script = (
        "from sis_keras.quiet import import_tensorflow; import_tensorflow(); "
        "from tensorflow.python.framework import test_util; "
        "print(test_util.IsMklEnabled())"
    )
    done = ran(script, environment)
    assert done.stdout.strip() == on, done.stderr


@pytest.mark.parametrize(
    "words, width, on",
    [
        ("flags: avx2 fma", 1.0, "False"),
        ("flags: avx2 fma", 0.5, "True"),
        ("flags: avx2 avx512f", 1.0, "True"),
        ("Features: asimd", 1.0, "True"),  # ARM's.
        (None, 1.0, "True"),  # It does not tell.
    ],
)
@pytest.mark.parametrize("by", ["train", "weights", "export"])
def test_wide_networks_do_without_fast_convolutions_that_are_slow(
    words, width, on, by, tmp_path
):
    """As train.py knows the width, and as it is found in files; after the
    package's names, of which a module imports nothing of TensorFlow."""
    told = tmp_path / "cpuinfo"
    if words:
        told.write_text(words)
    weights = tmp_path / "weights.safetensors"
    metadata = {"arguments": {"width_multiplier": width}}
    write_tensors(weights, {}, metadata)
    export = tmp_path / "export/1"
    card = export / "assets.extra/card.json"
    card.parent.mkdir(parents=True)
    card.write_text(json.dumps(metadata))
    load = (
        "from sis_keras.restoring.restorer import import_tensorflow_for as f; "
    )
    begin = {
        "train": f"quiet.prepare_convolutions({width})",
        "weights": f"{load}f({str(weights)!r})",
        "export": f"{load}f({str(export)!r})",
    }
    script = (
        "import pathlib; from sis_keras import Deblurrer, quiet; "
        f"quiet.PROCESSOR = pathlib.Path({str(told)!r}); {begin[by]}; "
        "quiet.import_tensorflow(); "
        "from tensorflow.python.framework import test_util; "
        "print(test_util.IsMklEnabled())"
    )
    environment = {k: v for k, v in os.environ.items() if "ONEDNN" not in k}
    done = ran(script, environment)
    assert done.stdout.strip() == on, done.stderr
