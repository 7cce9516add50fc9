"""Times: edit lists, joined recordings."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import copy, frames_of, heard, make_video, notes_of, sound_of


def cut_by_an_edit_list(path, clip, seconds):
    """Times before 0 become an edit list; what they name is not shown."""
    with av.open(clip) as source, av.open(path, "w") as file:
        copies = {
            stream.index: file.add_stream_from_template(stream, opaque=True)
            for stream in source.streams
        }
        for packet in source.demux():
            if packet.size:
                shift = round(Fraction(seconds) / packet.time_base)
                packet.pts -= shift
                packet.dts -= shift
                packet.stream = copies[packet.stream.index]
                file.mux(packet)
    return path


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_what_an_edit_list_cuts_off_stays_off(tmp_path, suffix):
    clip = make_video(tmp_path / "clip.mp4", 30)
    source = cut_by_an_edit_list(tmp_path / "a.mp4", clip, "0.4")
    assert len(frames_of(source)) == 18
    target = tmp_path / f"b{suffix}"
    assert copy(source, target) == 18
    first = frames_of(target)[0].time
    sound = float(sound_of(target)[1][0])
    assert abs(first - sound) < 0.03
    samples, rate = heard(target)
    assert len(samples) / rate == pytest.approx(0.6, abs=0.06)


@pytest.mark.parametrize(
    "suffix, codec, sound",
    [(".mpg", "mpeg2video", "mp2"), (".ts", "libx264", "aac")],
)
def test_times_go_on_in_joined_recordings(tmp_path, suffix, codec, sound):
    parts = [
        make_video(
            tmp_path / f"{frames}{suffix}",
            frames,
            codec=codec,
            sound=sound,
            encoder={},
            tick=Fraction(1, 30),  # All that MPEG-2 takes.
        )
        for frames in (12, 18)
    ]
    source = tmp_path / f"a{suffix}"
    source.write_bytes(b"".join(part.read_bytes() for part in parts))
    lengths = sum(len(heard(part)[0]) for part in parts)
    copy(source, tmp_path / "b.mp4")
    times = [frame.time for frame in frames_of(tmp_path / "b.mp4")]
    assert len(times) == 30
    gaps = np.diff(times)
    assert gaps.min() > 0.02 and gaps.max() < 0.1
    assert times[-1] - times[0] == pytest.approx(29 / 30, abs=0.07)
    samples, _ = heard(tmp_path / "b.mp4")
    assert len(samples) > 0.9 * lengths


def test_a_pause_is_none_of_a_clock_set_anew(tmp_path):
    times = [0, 1, 2, 3, 600, 601, 602]  # 20 s between.
    clip = make_video(tmp_path / "a.mkv", 7, times=times, sound=None)
    assert not notes_of(clip, tmp_path / "b.mkv")
    found = [frame.time * 30 for frame in frames_of(tmp_path / "b.mkv")]
    np.testing.assert_allclose(found, times, atol=0.05)
