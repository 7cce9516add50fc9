"""deblur.py with videos, and the signals that end it."""

import numpy as np
import pytest
from deblur_calls import assert_one_line, run, write

from sis_keras.errors import StoppedError, UserError
from sis_keras.restoring import work as deblur_run


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
    status, out, err = run(capsys, folder)
    assert status == 1 and out.startswith("3 deblurred, 1 failed.\n")
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


def test_comparisons_are_of_pictures_alone(
    tmp_path, inverting_networks, videos, capsys
):
    """What is named like a video's is the user's own."""
    for name in ("a.mp4", "a_compare.mp4"):
        (tmp_path / name).write_bytes(b"x")
    run(capsys, tmp_path / "a.mp4", tmp_path / "a_compare.mp4", "--compare")
    assert [name for name, *_ in videos] == ["a.mp4", "a_compare.mp4"]


def test_a_signal_ends_a_folder_of_videos(
    tmp_path, inverting_networks, videos, capsys
):
    (tmp_path / "a.mp4").write_bytes(b"stop")
    (tmp_path / "b.mp4").write_bytes(b"x")
    status, out, err = run(capsys, tmp_path, f"--output={tmp_path}/sharp")
    assert status == 2 and err.count("\n") == 1 and not videos
    assert "Stopped after 7 frames. The same command goes on" in err
    assert out == "0 deblurred, 2 not begun or not finished.\n"
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
    _, out, err = run(capsys, tmp_path, f"--output={tmp_path}/sharp")
    assert out.startswith("2 deblurred (2 with notes, see above).\n")
    assert f"{tmp_path}/a.mp4: the subtitles are left out" in err
