"""How pictures are shown: crops, projections, what phones write beside."""

import struct

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideData
from clips import copy, element, frames_of, make_video, notes_of, planes

TAGS = {"colorspace": 1, "color_range": 1, "color_primaries": 1, "color_trc": 1}
COLOUR = b"\x55\xb0"  # Matroska's element, which others take the place of.


def marked(path, new, size=(64, 96), picture=None):
    """A video whose header has other elements in place of its colours."""
    options = {"picture": picture} if picture is not None else {}
    clip = make_video(path, 3, size, sound=None, tags=TAGS, **options)
    path.write_bytes(element(clip.read_bytes(), COLOUR, new))
    return path


def cropped(left, right, top, bottom):
    sides = {0xAA: bottom, 0xBB: top, 0xCC: left, 0xDD: right}
    return b"".join(bytes([0x54, key, 0x81, sides[key]]) for key in sides)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm"])
@pytest.mark.parametrize("sides", [(0, 0, 10, 8), (6, 4, 0, 0), (5, 7, 3, 1)])
def test_what_is_cropped_is_not_shown(tmp_path, sides, suffix):
    left, right, top, bottom = sides
    picture = np.full((64, 96, 3), 250, np.uint8)
    picture[top : 64 - bottom, left : 96 - right] = 60
    source = marked(tmp_path / "a.mkv", cropped(*sides), picture=picture)
    seen = []
    copy(source, tmp_path / f"b{suffix}", lambda x: seen.append(x) or x)
    assert seen[0].shape == (64 - top - bottom, 96 - left - right, 3)
    assert np.median(seen[0]) < 70
    with av.open(tmp_path / f"b{suffix}") as file:
        frame = next(file.decode(video=0))
        assert "Cropping" not in _described(file)
    assert (frame.height, frame.width) == seen[0].shape[:2]


def _described(file):
    before = av.logging.get_level()
    av.logging.set_level(av.logging.INFO)
    try:
        return file.dumps_format()
    finally:
        av.logging.set_level(before)


def sphere(yaw=30.0, kind=1):
    turned = b"\x76\x73\x84" + struct.pack(">f", yaw)
    inside = b"\x76\x71\x81" + bytes([kind]) + turned
    return b"\x76\x70" + bytes([128 | len(inside)]) + inside


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".webm"])
def test_a_projection_is_kept(tmp_path, suffix):
    source = marked(tmp_path / "a.mkv", sphere())
    assert not notes_of(source, tmp_path / f"b{suffix}")
    frames = frames_of(tmp_path / f"b{suffix}")
    data = next(
        bytes(x) for x in frames[0].side_data if x.type == SideData.SPHERICAL
    )
    kind, yaw = struct.unpack_from("=Ii", data)
    assert kind == 0
    if suffix == ".mp4":  # It says so twice, and FFmpeg reads the other one.
        written = (tmp_path / "b.mp4").read_bytes()
        assert b"prhd\0\0\0\0\0\x1e\0\0" in written
    else:
        assert yaw == 30 * 65536
    assert len(frames) == 3
    times = [frame.time for frame in frames]
    np.testing.assert_allclose(times, [0, 1 / 30, 2 / 30], atol=0.0011)
    luma = [
        planes(path)[0][:, :96] for path in (source, tmp_path / f"b{suffix}")
    ]
    assert np.abs(luma[0].astype(int) - luma[1]).mean() < 2


def test_a_projection_that_is_lost_is_named(tmp_path):
    source = marked(tmp_path / "a.mkv", sphere())
    assert "360 degrees" in notes_of(source, tmp_path / "b.mov")


KEYS = {
    "com.apple.quicktime.location.ISO6709": "+47.0000+008.0000+400.000/",
    "com.apple.quicktime.make": "Apple",
    "com.android.version": "12",
    "creation_time": "2001-02-03T04:05:06.000000Z",
}


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_what_phones_write_is_kept(tmp_path, suffix):
    clip = make_video(tmp_path / "clip.mp4", 3, sound=None)
    with (
        av.open(clip) as file,
        av.open(
            tmp_path / "a.mov",
            "w",
            container_options={"movflags": "use_metadata_tags"},
        ) as made,
    ):
        made.metadata.update(KEYS)
        stream = made.add_stream_from_template(file.streams[0], opaque=True)
        for packet in file.demux():
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    assert not notes_of(tmp_path / "a.mov", tmp_path / f"b{suffix}")
    with av.open(tmp_path / f"b{suffix}") as file:
        found = {name.lower(): text for name, text in file.metadata.items()}
    for name, text in KEYS.items():
        kept = found[name.lower()]
        assert kept.removesuffix("Z")[:19] == text.removesuffix("Z")[:19]


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_ordinary_tags_stay_where_players_look(tmp_path, suffix):
    wanted = {"title": "A", "artist": "B", "comment": "C", "date": "2001"}
    clip = make_video(tmp_path / "clip.mp4", 3, sound=None)
    with av.open(clip) as file, av.open(tmp_path / "a.mp4", "w") as made:
        made.metadata.update(wanted)
        made.metadata["location"] = "+47.0000+008.0000/"
        stream = made.add_stream_from_template(file.streams[0], opaque=True)
        for packet in file.demux():
            if packet.size:
                packet.stream = stream
                made.mux(packet)
    copy(tmp_path / "a.mp4", tmp_path / f"b{suffix}")
    data = (tmp_path / f"b{suffix}").read_bytes()
    with av.open(tmp_path / f"b{suffix}") as file:
        found = {name.lower(): text for name, text in file.metadata.items()}
    assert wanted.items() <= found.items()
    assert found["location"].startswith("+47.0000+008.0000")
    assert b"mdta" not in data
