"""deblur.py with videos, and the signals that end it."""

import clips
import numpy as np
import pytest
from deblur_calls import assert_one_line, run, write

from sis_keras.errors import StoppedError, UserError
from sis_keras.restoring import work as deblur_run
from sis_keras.restoring.comparison import is_video_comparison


@pytest.fixture
def videos(monkeypatch):
    """Stands in for `deblur_video`; lists what was asked of it."""
    asked = []

    def deblur_video(source, target, deblur, **options):
        if source.read_bytes() == b"bad":
            raise UserError(f"Expected a video. Received: {source}.")
        if source.read_bytes() == b"stop":
            raise StoppedError("Stopped after 7 frames.")
        asked.append((source.name, target, options["overwrite"]))
        assert deblur(np.zeros((2, 2, 3), np.uint8)).min() == 255

    monkeypatch.setattr(deblur_run, "deblur_video", deblur_video)
    return asked


def test_videos(tmp_path, inverting_networks, videos, capsys):
    folder = tmp_path / "clips"
    write(folder / "a.png")
    for name, data in (("b.mp4", b"x"), ("c.avi", b"x"), ("d.mov", b"bad")):
        (folder / name).write_bytes(data)
    status, _, err = run(capsys, folder)
    assert status == 1 and "3 deblurred, 1 failed.\n" in err
    assert "d.mov" in err
    output = tmp_path / "clips_deblurred"
    assert videos == [
        ("b.mp4", output / "b.mp4", False),
        ("c.avi", output / "c.avi.mkv", False),
    ]
    run(capsys, folder / "b.mp4", f"--output={tmp_path}/s.mkv", "--overwrite")
    assert videos[2:] == [("b.mp4", tmp_path / "s.mkv", True)]
    result = run(capsys, folder / "b.mp4", f"--output={tmp_path}/s.avi")
    assert_one_line(result, "s.avi", ".mkv")


def test_a_video_is_compared_where_nothing_else_is(
    tmp_path, inverting_networks, monkeypatch, capsys
):
    """What is named like its comparison is the user's own."""
    asked = {}

    def deblur_video(source, target, deblur, **options):
        asked.update(options)

    monkeypatch.setattr(deblur_run, "deblur_video", deblur_video)
    (tmp_path / "a.mp4").write_bytes(b"x")
    arguments = [tmp_path / "a.mp4", "--compare", "--interlaced=refuse"]
    assert run(capsys, *arguments)[0] == 0
    assert asked["compare"] == tmp_path / "a_compare.mp4"
    assert asked["interlaced"] == "refuse"
    (tmp_path / "a_compare.mp4").write_bytes(b"y")
    result = run(capsys, *arguments, "--overwrite")
    assert_one_line(result, "a_compare.mp4, which is of something else")
    assert (tmp_path / "a_compare.mp4").read_bytes() == b"y"


def test_a_comparison_of_an_earlier_run_is_known(tmp_path):
    """By its first frame, beside or above what became of it."""
    scene = np.add.outer(np.arange(64), np.arange(96))[..., None] % 251
    scene = np.repeat(scene, 3, axis=2).astype(np.uint8)
    other = 255 - scene
    for name, picture in {
        "a.mp4": scene,
        "beside.mp4": np.concatenate([scene, other], 1),
        "above.mp4": np.concatenate([other, scene], 0),
        "twice.mp4": np.concatenate([other, other], 1),
        "same.mp4": scene,
    }.items():
        size = picture.shape[:2]
        path = tmp_path / name
        clips.make_video(path, 3, size, picture=picture, sound=None)
    for name, ours in (
        ("beside.mp4", True),
        ("above.mp4", True),
        ("twice.mp4", False),
        ("same.mp4", False),
    ):
        found = is_video_comparison(tmp_path / name, tmp_path / "a.mp4")
        assert found is ours, name


def test_a_signal_ends_a_folder_of_videos(
    tmp_path, inverting_networks, videos, capsys
):
    (tmp_path / "a.mp4").write_bytes(b"stop")
    (tmp_path / "b.mp4").write_bytes(b"x")
    status, out, err = run(capsys, tmp_path, f"--output={tmp_path}/sharp")
    assert (status, out) == (130, "") and not videos
    assert err.startswith("0 deblurred, 2 not begun or not finished.\n")
    assert err.count("\n") == 2
    assert "Stopped after 7 frames. The same command goes on" in err
    flags = [f"--output={tmp_path}/sharp", "--overwrite"]
    assert "without --overwrite" in run(capsys, tmp_path, *flags)[2]


def test_what_a_video_loses_is_said_and_counted(
    tmp_path, inverting_networks, monkeypatch, capsys
):
    def deblur_video(source, target, deblur, *, say, **options):
        say("the subtitles are left out: .mp4 takes none of theirs")

    monkeypatch.setattr(deblur_run, "deblur_video", deblur_video)
    (tmp_path / "a.mp4").write_bytes(b"x")
    (tmp_path / "b.mp4").write_bytes(b"x")
    _, _, err = run(capsys, tmp_path, f"--output={tmp_path}/sharp")
    assert "2 deblurred (2 with notes, see above).\n" in err
    assert f"{tmp_path}/a.mp4: the subtitles are left out" in err
