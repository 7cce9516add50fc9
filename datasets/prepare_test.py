"""`python -m datasets.prepare`: what it writes, prints and returns."""

import pathlib
import re
import shutil
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


@pytest.mark.parametrize(
    "name, wanted",
    [
        ("gopro/blur", "GOPRO_Large.zip, .*https://seungjunnah.github.io/"),
        ("kohler/blurred", "BlurryImages.zip .*http://webdav.is.mpg.de/"),
    ],
)
@pytest.mark.parametrize("kind", ["none", "empty", "of others"])
def test_without_the_files_it_says_where_to_get_them(
    tmp_path, name, wanted, kind
):
    manual = tmp_path / kind
    if kind != "none":
        manual.mkdir()
    if kind == "of others":
        (manual / "vgg16_weights.h5").write_bytes(b"")
    done = _prepare(
        name, f"--manual_dir={manual}", f"--data_dir={tmp_path}/data/tfds"
    )
    assert done.returncode == 2 and not done.stdout
    (line,) = done.stderr.splitlines()
    assert line.startswith("prepare.py: ") and str(manual) in line
    assert re.search(wanted, line)
    assert not (tmp_path / "data").exists()


def test_a_failure_on_the_way_leaves_no_folder(tmp_path):
    folder = shutil.copytree(_DUMMY, tmp_path / "manual")
    picture = next(folder.rglob("train/**/sharp/*.png"))
    picture.write_bytes(picture.read_bytes()[:-20])
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError, match="truncated"):
        prepare.prepared_builder("gopro", tmp_path / "data/tfds", folder)
    assert not list((tmp_path / "data").iterdir())


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
