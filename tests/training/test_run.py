"""Where a run is written to: mistakes that are found before any work."""

import pathlib

import pytest

from sis_keras.errors import UserError
from sis_keras.training.run import LAST, check_output


def test_a_new_folder_is_not_made_yet(tmp_path):
    output = tmp_path / "a" / "b"
    check_output(output, resume=False)
    assert not list(tmp_path.iterdir())


def test_an_old_run_is_not_overwritten(tmp_path):
    (tmp_path / LAST).touch()
    with pytest.raises(UserError, match="new run.*`resume`"):
        check_output(tmp_path, resume=False)
    check_output(tmp_path, resume=True)


def test_nothing_to_go_on_with(tmp_path):
    with pytest.raises(UserError, match="Leave out `resume`"):
        check_output(tmp_path, resume=True)


@pytest.mark.parametrize("below", ["", "runs/mobile"])
def test_a_file_where_a_folder_should_be(tmp_path, below):
    path = tmp_path / "file"
    path.touch()
    with pytest.raises(UserError, match="folder to write into"):
        check_output(path / below, resume=False)


def test_where_nothing_can_be_written():
    """Not even by root."""
    if not pathlib.Path("/proc").is_dir():
        pytest.skip("needs /proc")
    with pytest.raises(UserError, match="Name another"):
        check_output("/proc/runs/mobile", resume=False)
