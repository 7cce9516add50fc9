"""What a folder of data lacks, and which recipes it is enough for."""

import os
import pathlib
import subprocess
import sys

import pytest

from sis_keras.errors import UserError
from tools import check_data


def made(folder, without=()):
    """A picture's name in each part, in each sequence that recipes name."""
    names = [part.folder for part in check_data.PARTS]
    names += [f"davis/{x}" for x in ("breakdance", "camel", "parkour")]
    names += ["davis/scooter-black", "gopro/train/GOPR0372_07_00/sharp"]
    names += ["gopro_derived/train/GOPR0477_11_00/sharp"]
    names += ["reds/train/020/sharp"]
    for name in names:
        if not name.startswith(tuple(without)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            (folder / name / "1.png").touch()
    return folder


def checked(folder, capsys):
    """Exit status, and the lines by their first word."""
    status = 0
    try:
        check_data.main([str(folder)])
    except SystemExit as end:
        status = end.code
    out = capsys.readouterr().out
    return status, {x.split()[0].rstrip(":"): x for x in out.splitlines() if x}


def test_all_that_the_recipes_name(tmp_path, capsys):
    status, lines = checked(made(tmp_path), capsys)
    assert status == 0
    assert lines["recipes/mobile.flags"].endswith(": can run")
    assert lines["recipes/small.flags"].endswith(": can run")
    assert lines["urban100"].split()[1:3] == ["1", "100"]
    assert "99 more" in lines["urban100"]
    assert "nothing of this folder" in lines["demo.flags"]
    assert "needs $GOPRO_LARGE" in lines["recipes/gopro_mobile.flags"]


@pytest.mark.parametrize(
    "part, lacking",
    [
        ("urban100", "$SIS_DATA/urban100"),
        ("davis/camel", "$SIS_DATA/davis/camel"),
        ("photos/kodak", "$SIS_DATA/photos/kodak"),
    ],
)
def test_what_is_missing_ends_with_status_2(tmp_path, capsys, part, lacking):
    status, lines = checked(made(tmp_path, [part]), capsys)
    assert status == 2
    assert lines["recipes/mobile.flags"].endswith(f": lacks {lacking}")


def test_a_recipe_may_do_without_what_another_wants(tmp_path, capsys):
    folder = made(tmp_path, ["photos/kodak", "frames_240fps"])
    _, lines = checked(folder, capsys)
    assert "kodak" in lines["recipes/mobile_gpu.flags"]
    assert "frames_240fps" not in lines["recipes/mobile_gpu.flags"]
    # The game trains on less, and is validated on the same.
    assert "frames_240fps" not in lines["recipes/mobile_game.flags"]


def test_no_folder(tmp_path):
    with pytest.raises(UserError, match="none, which is none"):
        check_data.main([str(tmp_path / "none")])


def test_an_unset_variable_is_one_line():
    done = subprocess.run(
        [sys.executable, "-m", "tools.check_data", ""],
        capture_output=True,
        text=True,
        cwd=check_data.ROOT,
    )
    (line,) = done.stderr.splitlines()
    assert done.returncode == 2 and not done.stdout
    assert "an unset shell variable?" in line


@pytest.mark.skipif("SIS_DATA" not in os.environ, reason="needs SIS_DATA")
def test_the_real_folder_is_whole(capsys):
    status, lines = checked(pathlib.Path(os.environ["SIS_DATA"]), capsys)
    assert status == 0
    for part in check_data.PARTS:
        found, expected = lines[part.folder].split()[1:3]
        assert found == expected, part.folder


def test_each_part_is_in_the_docs():
    text = (check_data.ROOT / "docs/data.md").read_text(encoding="utf-8")
    for part in check_data.PARTS:
        assert f"`{part.folder}`" in text, part.folder
