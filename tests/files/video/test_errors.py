"""What goes wrong with a video: one line, and no half file."""

import os
import pathlib
import signal
import subprocess
import sys

import av
import numpy as np
import pytest
from clips import by_opencv, copy, frames_of, make_video, scene
from places import ROOT

from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr


def refused(match, *arguments, **options):
    """The call raises UserError, in one line, and no file is new."""
    folder = pathlib.Path(arguments[1]).parent
    before = sorted(folder.glob("*"))
    with pytest.raises(UserError, match=match) as caught:
        copy(*arguments, **options)
    assert "\n" not in str(caught.value)
    assert sorted(folder.glob("*")) == before


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mp4")


def test_bad_paths_are_refused(tmp_path, clip):
    kept = clip.read_bytes()
    target = tmp_path / "a.mp4"
    refused("missing", tmp_path / "none.mp4", target)
    refused("no file", tmp_path, target)
    refused(r"\.mkv", clip, tmp_path / "a.txt")
    refused("both", clip, clip, overwrite=True)
    os.link(clip, target)
    refused("both", clip, target, overwrite=True)
    target.unlink()
    refused("crf", clip, target, crf=52)
    refused("Cannot write", clip, clip / "a.mp4")
    with pytest.raises(UserError, match="Cannot write /proc/a.mp4: No such"):
        copy(clip, "/proc/a.mp4")
    assert clip.read_bytes() == kept


def test_a_file_is_overwritten_only_when_asked(tmp_path, clip):
    target = tmp_path / "a.mp4"
    target.write_text("old")
    refused("exists", clip, target)
    assert target.read_text() == "old"
    assert copy(clip, target, overwrite=True) == 12
    assert len(frames_of(target)) == 12


def test_no_videos_are_refused(tmp_path, clip):
    source, random = tmp_path / "a.mp4", np.random.default_rng(0)
    whole = clip.read_bytes()
    for data in (b"", b"text\n" * 99, random.bytes(9999), whole[:3000]):
        source.write_bytes(data)
        refused("does not open", source, tmp_path / "new" / "b.mp4")
        assert not (tmp_path / "new").exists()
    with av.open(clip) as file, av.open(source, "w") as sound:
        copied = sound.add_stream_from_template(file.streams.audio[0])
        for packet in file.demux(audio=0):
            if packet.size:
                packet.stream = copied
                sound.mux(packet)
    refused("no video stream", source, tmp_path / "b.mp4")


def test_a_truncated_video_gives_what_decodes(tmp_path, capsys):
    clip = make_video(tmp_path / "clip.mkv", 60)
    assert copy(clip, tmp_path / "a.mp4") == 60
    assert not capsys.readouterr().err
    data = clip.read_bytes()
    clip.write_bytes(data[: len(data) // 2])
    count = copy(clip, tmp_path / "b.mp4")
    assert 20 < count < 40 and len(frames_of(tmp_path / "b.mp4")) == count
    (line,) = capsys.readouterr().err.splitlines()
    assert f"clip.mkv is damaged or truncated; {tmp_path}/b.mp4 has" in line


def test_damaged_videos_give_frames_or_one_line(tmp_path):
    random = np.random.default_rng(0)
    clip = make_video(tmp_path / "clip.mp4", 6)
    whole, outcomes = clip.read_bytes(), set()
    for _ in range(30):
        data = bytearray(whole)
        for place in random.integers(0, len(data), 30):
            data[place] = random.integers(256)
        clip.write_bytes(data)
        try:
            outcomes.add(copy(clip, tmp_path / "a.mp4", overwrite=True) > 0)
        except UserError as error:
            assert "\n" not in str(error)
            outcomes.add("refused")
    assert outcomes == {True, "refused"}


INTERRUPTED = """
import os, pathlib, signal, sys
from sis_keras.commands.program import guarded
from sis_keras.files.video.frame_by_frame import deblur_video

calls = []

def deblur(picture):
    calls.append(1)
    if len(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), getattr(signal, sys.argv[4]))
    return picture

guarded(lambda: deblur_video(sys.argv[1], sys.argv[2], deblur))
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_ctrl_c_leaves_the_frames_until_then(tmp_path, clip, name):
    earlier = tmp_path / "a_partial.mp4"
    earlier.write_text("old")
    result = subprocess.run(
        [
            sys.executable,
            "-c",
            INTERRUPTED,
            clip,
            tmp_path / "a.mp4",
            "9",
            name,
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode == 130 and "Traceback" not in result.stderr
    partial = tmp_path / "a_partial2.mp4"
    last = result.stderr.splitlines()[-1]
    assert last.endswith(f"after 8 frames; {partial} has them and plays.")
    assert sorted(tmp_path.iterdir()) == [earlier, partial, clip]
    assert earlier.read_text() == "old"
    frames, _ = by_opencv(partial)
    assert len(frames) == 8 and psnr(frames[7], scene(7)) > 29.5


def test_ctrl_c_before_the_first_frame_leaves_nothing(tmp_path, clip):
    def interrupt(_):
        signal.raise_signal(signal.SIGINT)

    refused("before the first frame", clip, tmp_path / "a.mp4", interrupt)


def test_an_error_in_deblur_is_passed_on(tmp_path, clip):
    def fail(_):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        copy(clip, tmp_path / "a.mp4", fail)
    assert list(tmp_path.iterdir()) == [clip]


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_full_disk_leaves_nothing(tmp_path, small_disk, suffix):
    clip, random = make_video(tmp_path / "clip.mp4", 40), np.random
    refused(
        "No space left",
        clip,
        small_disk / f"a{suffix}",
        lambda x: random.default_rng(x.sum()).integers(0, 256, x.shape, "u1"),
    )
