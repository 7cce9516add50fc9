"""Sound that a format takes is copied; other sound is encoded anew."""

import av
import numpy as np
import pytest
from clips import copy, frames_of, heard, make_video, notes_of, sound_of

HERTZ = 48000 / 17 / 2 / np.pi  # make_video's sine.


def tone(path):
    samples, rate = heard(path)
    middle = samples[len(samples) // 4 : -len(samples) // 4]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert power.max() > 1e-3 * len(middle)
    return np.fft.rfftfreq(len(middle), 1 / rate)[power.argmax()]


@pytest.mark.parametrize(
    "name, codec, sound, target, becomes",
    [
        ("a.wmv", "wmv2", "wmav2", "b.mp4", "AAC"),
        ("a.avi", "mpeg4", "adpcm_ms", "b.mp4", "AAC"),
        ("a.mov", "mpeg4", "pcm_mulaw", "b.mp4", "AAC"),
        ("a.mov", "mpeg4", "pcm_s16le", "b.mp4", "FLAC"),
        ("a.mkv", "mpeg4", "flac", "b.mov", "ALAC"),
        ("a.avi", "mpeg4", "adpcm_ima_wav", "b.mkv", "FLAC"),
        ("a.mp4", "mpeg4", "aac", "b.webm", "Opus"),
    ],
)
def test_other_sound_is_converted_and_said_so(
    tmp_path, name, codec, sound, target, becomes
):
    source = make_video(
        tmp_path / name, 20, codec=codec, sound=sound, encoder={}
    )
    said = notes_of(source, tmp_path / target)
    assert f"Converted to {becomes}: sound ({sound})" in said
    assert len(frames_of(tmp_path / target)) == 20
    assert tone(tmp_path / target) == pytest.approx(HERTZ, abs=20)
    lengths = [
        len(samples) / rate
        for samples, rate in (heard(source), heard(tmp_path / target))
    ]
    assert lengths[1] == pytest.approx(lengths[0], abs=0.08)


def test_exact_sound_stays_exact(tmp_path):
    source = make_video(tmp_path / "a.mov", sound="pcm_s16le")
    copy(source, tmp_path / "b.mp4")
    (before, _), (after, _) = heard(source), heard(tmp_path / "b.mp4")
    np.testing.assert_array_equal(before, after)


def test_a_mkv_takes_what_no_mkv_holds(tmp_path):
    """AMR, as in the .3gp of old phones."""
    (tmp_path / "a.amr").write_bytes(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 24)
    clip = make_video(tmp_path / "clip.mp4", sound=None)
    with (
        av.open(tmp_path / "a.amr") as sound,
        av.open(clip) as video,
        av.open(tmp_path / "a.3gp", "w") as file,
    ):
        both = [
            (source, file.add_stream_from_template(source, opaque=True))
            for source in (video.streams[0], sound.streams[0])
        ]
        for source, added in both:
            for packet in source.container.demux(source):
                if packet.size:
                    packet.stream = added
                    file.mux(packet)
    said = notes_of(tmp_path / "a.3gp", tmp_path / "b.mkv")
    assert "Converted to FLAC: sound (amr_nb)" in said
    samples, rate = heard(tmp_path / "b.mkv")
    assert len(samples) / rate == pytest.approx(0.48, abs=0.03)


def test_converted_sound_stays_in_step(tmp_path):
    """A click and a flash at one time are at one time afterwards."""
    source = make_video(tmp_path / "a.mkv", 30, sound="flac")
    copy(source, tmp_path / "b.mov")
    copy(source, tmp_path / "c.mkv")
    for name in ("b.mov", "c.mkv"):
        samples, rate = heard(tmp_path / name)
        before, _ = heard(source)
        first = float(sound_of(tmp_path / name)[1][0])
        assert first == pytest.approx(0, abs=0.002)
        assert rate == 48000
        scale = np.abs(before).max() / np.abs(samples).max()
        np.testing.assert_allclose(
            samples[:20000] * scale, before[:20000], atol=0.01 * before.max()
        )
