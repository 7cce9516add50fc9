"""Interlaced video is deinterlaced, or refused."""

from fractions import Fraction

import av
import numpy as np
import pytest
from clips import copy, frames_of, notes_of, planes

from sis_keras.errors import UserError
from sis_keras.files.video.planes import frame_of

TOP, BOTTOM = 60, 200


def interlaced(path, first="tff", frames=8):
    """Its top fields are dark and its bottom fields bright."""
    luma = np.full((64, 96), TOP, np.uint8)
    luma[1::2] = BOTTOM
    grey = np.full((32, 48), 128, np.uint8)
    graph = av.filter.Graph()
    source = graph.add(
        "buffer", "video_size=96x64:pix_fmt=yuv420p:time_base=1/25"
    )
    graph.link_nodes(
        source, graph.add("setfield", first), graph.add("buffersink")
    )
    graph.configure()
    with av.open(path, "w") as file:
        video = file.add_stream(
            "libx264",
            25,
            options={"crf": "1", "x264-params": f"{first}=1"},
        )
        video.width, video.height = 96, 64
        for index in range(frames):
            frame = frame_of([luma, grey, grey], "yuv420p")
            frame.pts, frame.time_base = index, Fraction(1, 25)
            graph.push(frame)
            file.mux(video.encode(graph.pull()))
        file.mux(video.encode())
    return path


@pytest.mark.parametrize("first", ["tff", "bff"])
def test_each_field_becomes_a_frame(tmp_path, first):
    source = interlaced(tmp_path / "a.mkv", first)
    assert frames_of(source)[0].interlaced_frame
    seen = []
    target = tmp_path / "b.mp4"
    said = []
    count = copy(source, target, lambda x: seen.append(x) or x, say=said.append)
    assert count == 16 and "interlaced" in said[0]
    levels = []
    for number, frame in enumerate(frames_of(target)):
        assert not frame.interlaced_frame
        luma = planes(target, number)[0][8:-8].astype(float)
        combed = np.abs(luma[1:-1] - (luma[:-2] + luma[2:]) / 2).mean()
        assert combed < 6
        levels.append(luma.mean())
    order = [TOP, BOTTOM] if first == "tff" else [BOTTOM, TOP]
    np.testing.assert_allclose(levels[2:14], 6 * order, atol=12)
    times = [frame.time for frame in frames_of(target)]
    np.testing.assert_allclose(np.diff(times), 0.02, atol=1e-6)


def test_interlaced_video_can_be_refused(tmp_path):
    source = interlaced(tmp_path / "a.mkv")
    with pytest.raises(UserError, match="progressive.*interlaced"):
        copy(source, tmp_path / "b.mp4", interlaced="refuse")
    assert not (tmp_path / "b.mp4").exists()
    with pytest.raises(UserError, match="`interlaced`"):
        copy(source, tmp_path / "b.mp4", interlaced="weave")


def test_progressive_video_passes(tmp_path):
    from clips import make_video

    clip = make_video(tmp_path / "a.mp4")
    assert "interlaced" not in notes_of(clip, tmp_path / "b.mp4")
    assert copy(clip, tmp_path / "c.mp4", interlaced="refuse") == 12
