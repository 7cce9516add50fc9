"""Subtitles, covers, attachments and second videos: kept, or named."""

import io
from fractions import Fraction

import av
import numpy as np
import pytest
from av.stream import Disposition
from clips import make_video, notes_of, raw_video
from PIL import Image

from sis_keras.files.video.tags import tags_of_stream


def remuxed(path, clip, add):
    """Copies a clip; `add` adds streams and gives what to write to them."""
    with av.open(clip) as source, av.open(path, "w") as file:
        copies = {
            stream.index: file.add_stream_from_template(stream, opaque=True)
            for stream in source.streams
        }
        more = add(file, source)
        for packet in source.demux():
            if packet.size:
                packet.stream = copies[packet.stream.index]
                file.mux(packet)
        for stream, packet in more:
            packet.stream = stream
            file.mux(packet)
    return path


def single(stream, data, time):
    packet = av.Packet(data)
    packet.time_base = stream.time_base or Fraction(1, 1000)
    packet.pts = packet.dts = time
    packet.duration = 200
    return [(stream, packet)]


def words(file, _):
    stream = file.add_mux_stream("subrip")
    stream.metadata["language"] = "deu"
    return single(stream, b"Guten Tag", 100)


def picture():
    data = io.BytesIO()
    Image.fromarray(np.full((32, 32, 3), 90, np.uint8)).save(data, "PNG")
    return data.getvalue()


def streams(path):
    """Kind, codec, language, whether it is a cover, and its packets."""
    found = []
    with av.open(path) as file:
        data = {stream.index: b"" for stream in file.streams}
        for packet in file.demux():
            data[packet.stream.index] += bytes(packet)
        for stream in file.streams:
            cover = bool(stream.disposition & Disposition.attached_pic)
            kind = "cover" if cover else stream.type
            if stream.type == "attachment":
                data[stream.index] = stream.data
            found.append((kind, stream.language, data[stream.index]))
    return found[1:]


@pytest.fixture
def clip(tmp_path):
    return make_video(tmp_path / "clip.mkv", sound=None)


def test_subtitles_are_kept_or_named(tmp_path, clip):
    source = remuxed(tmp_path / "a.mkv", clip, words)
    assert not notes_of(source, tmp_path / "b.mkv")
    assert streams(tmp_path / "b.mkv") == [("subtitle", "deu", b"Guten Tag")]
    said = notes_of(source, tmp_path / "b.mp4")
    assert said == (
        "Left out: subtitles (subrip), which .mp4 does not take; a .mkv may."
    )
    assert streams(tmp_path / "b.mp4") == []


def test_attachments_are_kept_or_named(tmp_path, clip):
    def add(file, _):
        file.add_attachment("a.ttf", "font/ttf", b"\0\1\0\0 a font")
        return words(file, _)

    source = remuxed(tmp_path / "a.mkv", clip, add)
    assert not notes_of(source, tmp_path / "b.mkv")
    assert sorted(streams(tmp_path / "b.mkv")) == [
        ("attachment", None, b"\0\1\0\0 a font"),
        ("subtitle", "deu", b"Guten Tag"),
    ]
    said = notes_of(source, tmp_path / "b.webm")
    assert "attachment (a.ttf)" in said and "subtitles (subrip)" in said


def cover_in_mp4(path, clip):
    def add(file, _):
        stream = file.add_mux_stream("png", width=32, height=32)
        stream.disposition = Disposition.attached_pic
        return single(stream, picture(), 0)

    return remuxed(path, clip, add)


def test_covers_are_kept_or_named(tmp_path, clip):
    source = cover_in_mp4(tmp_path / "a.mp4", clip)
    assert streams(source) == [("cover", None, picture())]
    for name in ("b.mp4", "b.mkv"):
        assert not notes_of(source, tmp_path / name)
        assert streams(tmp_path / name) == [("cover", None, picture())]
    assert not notes_of(tmp_path / "b.mkv", tmp_path / "c.mp4")
    assert streams(tmp_path / "c.mp4") == [("cover", None, picture())]
    for name in ("b.mov", "b.webm"):
        said = notes_of(source, tmp_path / name)
        assert "cover picture (png)" in said
        assert streams(tmp_path / name) == []


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_a_second_video_is_copied(tmp_path, suffix):
    """One with frames that are stored ahead of others."""
    clip = make_video(tmp_path / "clip.mp4", sound=None)

    def add(file, source):
        stream = file.add_stream_from_template(
            source.streams.video[0], opaque=True
        )
        again = av.open(clip)
        packets = [x for x in again.demux(video=0) if x.size]
        return [(stream, packet) for packet in packets]

    source = remuxed(tmp_path / "a.mkv", clip, add)
    before = streams(source)
    assert not notes_of(source, tmp_path / f"b{suffix}")
    (kind, _, after), *rest = streams(tmp_path / f"b{suffix}")
    assert kind == "video" and not rest and len(after) == len(before[0][2])
    with av.open(tmp_path / f"b{suffix}") as file:
        times = [frame.time for frame in file.decode(video=1)]
    assert len(times) == 12 and np.all(np.diff(times) > 0)


def test_a_track_of_time_codes_is_made_anew(tmp_path):
    grey = [np.full(shape, 99, np.uint8) for shape in ((48, 64), (24, 32))]
    source = raw_video(
        tmp_path / "a.mov",
        [*grey, grey[1]],
        "yuv420p",
        codec="libx264",
        metadata={"timecode": "01:02:03:04"},
    )
    assert not notes_of(source, tmp_path / "b.mov")
    with av.open(tmp_path / "b.mov") as file:
        assert file.streams.video[0].metadata["timecode"] == "01:02:03:04"
        assert len(file.streams.data) == 1


def test_statistics_of_the_source_are_left_out():
    """mkvmerge writes them, with and without a language."""
    kept = {"language": "deu", "title": "A", "BPSY": "1"}
    stale = {
        "BPS": "152783",
        "BPS-eng": "152783",
        "NUMBER_OF_BYTES": "9167",
        "NUMBER_OF_FRAMES-eng": "12",
        "DURATION": "00:00:00.480000000",
        "_STATISTICS_TAGS": "BPS DURATION",
        "_STATISTICS_WRITING_APP-eng": "mkvmerge",
        "ENCODER": "Lavc",
    }
    assert tags_of_stream(kept | stale, encoded=True) == kept
    assert "ENCODER" in tags_of_stream(kept | stale, encoded=False)
