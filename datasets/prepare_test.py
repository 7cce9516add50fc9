"""`python -m datasets.prepare`: what it writes, prints and returns."""

import pathlib
import subprocess
import sys

import pytest

from datasets import prepare
from sis_keras.errors import UserError

_ROOT = pathlib.Path(__file__).parents[1]
_DUMMY = _ROOT / "datasets" / "gopro" / "dummy_data"


def _prepare(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "datasets.prepare", *map(str, arguments)],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_prepares_and_says_where(tmp_path):
    done = _prepare(
        "gopro/blur", f"--manual_dir={_DUMMY}", f"--data_dir={tmp_path}"
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "gopro" / "blur" / "1.0.0"
    assert str(folder) in done.stdout
    assert "gopro/blur:test: 2 examples" in done.stdout
    assert "gopro/blur:train: 3 examples" in done.stdout
    assert list(folder.glob("gopro-train.tfrecord*"))


def test_prepared_data_need_no_manual_dir(tmp_path):
    expected = prepare.prepared_builder("gopro", tmp_path, _DUMMY)
    builder = prepare.prepared_builder("gopro/blur", tmp_path)
    assert builder.data_dir == expected.data_dir
    assert builder.info.splits["train"].num_examples == 3
    with pytest.raises(UserError, match="gopro/blur_gamma, prepared, in"):
        prepare.prepared_builder("gopro/blur_gamma", tmp_path)


def test_unwritable_data_dir(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="Cannot write .*file/gopro/blur"):
        prepare.prepared_builder("gopro", tmp_path / "file", _DUMMY)


def test_broken_data_end_with_a_line_and_status_2(tmp_path):
    done = _prepare(
        "gopro/blur",
        f"--manual_dir={tmp_path}/none",
        f"--data_dir={tmp_path}/data",
    )
    assert done.returncode == 2
    # TensorFlow's own greeting goes before and cannot be turned off.
    line = done.stderr.splitlines()[-1]
    assert line.startswith("prepare.py: ") and "none does not exist" in line
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["reds"], "gopro or kohler. Received: 'reds'"),
        ([], "Received: none"),
        (["gopro", "kohler"], "Received: gopro kohler"),
        (["gopro", "--manual_dri=x"], "manual_dri"),
    ],
)
def test_mistakes_on_the_command_line(arguments, message):
    done = _prepare(*arguments)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def test_unknown_config():
    with pytest.raises(UserError, match="gopro, blur or blur_gamma. Received"):
        prepare.make_builder("gopro/sharp")


def test_flags_are_not_declared_at_import():
    """train.py declares --data_dir and --manual_dir itself."""
    code = (
        "from absl import flags; import datasets.prepare; "
        "flags.DEFINE_string('data_dir', None, ''); "
        "flags.DEFINE_string('manual_dir', None, '')"
    )
    subprocess.run([sys.executable, "-c", code], cwd=_ROOT, check=True)
