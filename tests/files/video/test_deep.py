"""More than 8 bits, HDR, and grey: range and bits are kept."""

import struct

import av
import numpy as np
import pytest
from av.sidedata.sidedata import Type as SideData
from clips import copy, frames_of, make_video, notes_of, planes, raw_video

from sis_keras.files.video import encodings

HDR10 = {
    "colorspace": 9,
    "color_range": 1,
    "color_primaries": 9,
    "color_trc": 16,
}
DISPLAY = (
    "log-level=none:hdr10=1:repeat-headers=1:max-cll=800,300:master-display="
    "G(8500,39850)B(6550,2300)R(35400,14600)WP(15635,16450)L(40000000,100)"
)


def side(path, kind):
    frame = frames_of(path)[0]
    return next(bytes(data) for data in frame.side_data if data.type == kind)


def is_near(numbers, wanted):
    values = np.array(numbers[::2]) / np.array(numbers[1::2])
    np.testing.assert_allclose(values, wanted, rtol=1e-3)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov", ".webm"])
def test_hdr_is_kept(tmp_path, suffix):
    """By the standard, SMPTE ST 2086: chromaticities, candelas."""
    source = make_video(
        tmp_path / "a.mp4",
        5,
        size=(64, 64),
        codec="libx265",
        pix_fmt="yuv420p10le",
        sound=None,
        tags=HDR10,
        encoder={"crf": "4", "x265-params": DISPLAY},
    )
    seen, target = [], tmp_path / f"b{suffix}"
    notes = []
    copy(source, target, lambda x: seen.append(x) or x, say=notes.append)
    assert not notes
    assert seen[0].dtype == np.uint16 and seen[0].max() > 50000
    frame = frames_of(target)[0]
    assert frame.format.name == "yuv420p10le"
    assert {name: getattr(frame, name) for name in HDR10} == HDR10
    display = side(target, SideData.MASTERING_DISPLAY_METADATA)
    is_near(
        struct.unpack_from("=20i", display),
        [0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329, 0.01, 4000],
    )
    light = side(target, SideData.CONTENT_LIGHT_LEVEL)
    assert struct.unpack_from("=2I", light) == (800, 300)
    before, after = planes(source)[0], planes(target)[0]
    off = np.abs(before[:, :64].astype(int) - after[:, :64])
    assert off.mean() < 8 and np.unique(after).size > 300


@pytest.mark.parametrize(
    "pix_fmt, becomes",
    [
        ("yuv420p10le", "yuv420p10le"),
        ("yuv422p10le", "yuv422p10le"),
        ("yuv420p12le", "yuv420p12le"),
        ("yuv444p16le", "yuv444p16le"),
        ("gbrp10le", "yuv444p10le"),
        ("yuv422p", "yuv422p"),
    ],
)
def test_a_mkv_keeps_bits_and_chroma(tmp_path, pix_fmt, becomes):
    source = make_video(
        tmp_path / "a.mkv", 3, codec="ffv1", pix_fmt=pix_fmt, sound=None,
        encoder={}, size=(64, 64),
    )  # fmt: skip
    assert not notes_of(source, tmp_path / "b.mkv")
    assert frames_of(tmp_path / "b.mkv")[0].format.name == becomes


def test_bits_that_are_lost_are_named(tmp_path):
    source = make_video(
        tmp_path / "a.mkv", 2, codec="ffv1", pix_fmt="yuv444p16le",
        sound=None, encoder={},
    )  # fmt: skip
    said = notes_of(source, tmp_path / "b.mp4")
    assert said.startswith("12 bits are written where the source has 16")
    source = make_video(
        tmp_path / "a.mkv", 2, codec="ffv1", pix_fmt="yuv422p", sound=None,
        encoder={},
    )  # fmt: skip
    assert "4:2:0" in notes_of(source, tmp_path / "b.mp4")


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_the_shortest_clips_have_decoding_times(tmp_path, frames):
    """By chance x265 gives them none; so several times."""
    source = make_video(
        tmp_path / "a.mkv", frames, codec="ffv1", pix_fmt="yuv444p16le",
        sound=None, encoder={},
    )  # fmt: skip
    for _ in range(15):
        copy(source, tmp_path / "b.mp4", overwrite=True)
        with av.open(tmp_path / "b.mp4") as file:
            found = [p for p in file.demux(video=0) if p.size]
            assert file.streams.video[0].codec_context.name == "hevc"
        assert len(found) == frames
        assert sorted(p.dts for p in found) == [p.dts for p in found]
        assert all(abs(p.pts - p.dts) * p.time_base < 1 for p in found)


@pytest.mark.parametrize("suffix", [".mkv", ".mp4"])
@pytest.mark.parametrize(
    "pix_fmt, full, levels",
    [
        ("gray", 1, (16, 235)),
        ("gray", 2, (0, 255)),
        ("gray", 0, (0, 255)),  # As FFmpeg and OpenCV read it.
        ("gray10le", 1, (64, 940)),
        ("gray16le", 1, (4096, 60160)),
    ],
)
def test_grey_keeps_its_black_and_white(
    tmp_path, pix_fmt, full, levels, suffix
):
    kind = np.uint16 if max(levels) > 255 else np.uint8
    luma = np.full((48, 64), levels[0], kind)
    luma[:, 32:] = levels[1]
    source = raw_video(
        tmp_path / "a.mkv", [luma], pix_fmt, tags={"color_range": full}
    )
    target, seen = tmp_path / f"b{suffix}", []
    copy(source, target, lambda x: seen.append(x) or x)
    most = np.iinfo(seen[0].dtype).max
    assert np.abs(seen[0][:, :20].astype(int)).max() <= most // 255
    assert seen[0][:, 40:].min() >= most - most // 255
    found, frame = planes(target), frames_of(target)[0]
    bits = frame.format.components[0].bits
    unit = 1 << (bits - 8)
    assert frame.color_range in (0, 1)  # H.264 says only what is full.
    assert np.abs(found[0][:, :20] / unit - 16).max() < 1.5
    assert np.abs(found[0][:, 40:] / unit - 235).max() < 1.5
    for chroma in found[1:]:
        np.testing.assert_array_equal(chroma[:, :20], 128 * unit)


def test_grey_stays_grey_whatever_the_network_does(tmp_path):
    luma = np.full((48, 64), 120, np.uint8)
    source = raw_video(tmp_path / "a.mkv", [luma], "gray")

    def tint(picture):
        picture = picture.copy()
        picture[..., 0] += 20
        return picture

    copy(source, tmp_path / "b.mkv", tint)
    for chroma in planes(tmp_path / "b.mkv")[1:]:
        assert np.abs(chroma[:, :32].astype(int) - 128).max() <= 1


def test_a_packed_format_is_taken_apart_exactly(tmp_path):
    from sis_keras.files.video.planes import frame_of, layout_of, planes_of

    random = np.random.default_rng(0)
    values = [
        random.integers(0, 256, shape, np.uint8)
        for shape in ((32, 48), (16, 24), (16, 24))
    ]
    packed = frame_of(values, "yuv420p").reformat(format="nv12")
    layout = layout_of(packed.format)
    assert layout.pix_fmt == "yuv420p"
    for new, old in zip(planes_of(packed, layout), values, strict=True):
        np.testing.assert_array_equal(new, old)
    assert isinstance(packed, av.VideoFrame)


@pytest.mark.parametrize(
    "suffix, pix_fmt, said",
    [(".mp4", "yuv420p10le", ""), (".webm", "yuv420p", "8 bits are written")],
)
def test_without_its_encoders_it_takes_others(
    tmp_path, monkeypatch, suffix, pix_fmt, said
):
    source = make_video(
        tmp_path / "a.mkv", 3, codec="ffv1", pix_fmt="yuv420p10le",
        sound=None, encoder={}, size=(64, 64),
    )  # fmt: skip
    has_encoder = encodings.has_encoder
    monkeypatch.setattr(
        encodings,
        "has_encoder",
        lambda name, *more: (
            name not in ("libx265", "libsvtav1") and has_encoder(name, *more)
        ),
    )
    assert notes_of(source, tmp_path / f"b{suffix}").startswith(said)
    assert frames_of(tmp_path / f"b{suffix}")[0].format.name == pix_fmt
