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


def write_sound(path, kind, codec):
    """A second of a sine in all channels of a layout, at a rate."""
    layout, rate = kind
    with av.open(path, "w") as file:
        track = file.add_stream(codec, rate=rate, layout=layout)
        for start in range(0, rate, 1024):
            count = av.AudioLayout(layout).nb_channels
            wave = 8000 * np.sin(np.arange(start, start + 1024) / 17)
            frame = av.AudioFrame.from_ndarray(
                np.repeat(wave.astype(np.int16), count)[None], "s16", layout
            )
            frame.sample_rate, frame.pts = rate, start
            file.mux(track.encode(frame))
        file.mux(track.encode())
    return path


def mixed(path):
    """Samples of all channels together, 48 000 a second."""
    mixer = av.AudioResampler("s16", "mono", 48000)
    with av.open(path) as file:
        parts = [
            part.to_ndarray()[0]
            for frame in file.decode(audio=0)
            for part in mixer.resample(frame)
        ]
    return np.concatenate(parts).astype(float)


def with_video(tmp_path, sound, name, frames=30, **options):
    """A clip and a track of sound, copied into a file of another format."""
    clip = make_video(tmp_path / "clip.mkv", frames, sound=None)
    with (
        av.open(clip) as video,
        av.open(sound) as heard_,
        av.open(tmp_path / name, "w") as file,
    ):
        both = [
            (source, file.add_stream_from_template(source, **options))
            for source in (video.streams[0], heard_.streams[0])
        ]
        for source, added in both:
            for packet in source.container.demux(source):
                if packet.size:
                    packet.stream = added
                    file.mux(packet)
    return tmp_path / name


@pytest.mark.parametrize("target", ["b.webm", "b.mov"])
@pytest.mark.parametrize(
    "layout", ["5.1(side)", "quad(side)", "4.0", "2.1", "7.1", "5.0(side)"]
)
def test_channels_in_places_that_the_encoder_lacks(tmp_path, layout, target):
    sound = write_sound(tmp_path / "a.mka", (layout, 48000), codec="flac")
    source = with_video(tmp_path, sound, "a.mkv")
    said = notes_of(source, tmp_path / target)
    assert "Converted to" in said
    with av.open(tmp_path / target) as file:
        count = file.streams.audio[0].codec_context.layout.nb_channels
    assert count == av.AudioLayout(layout).nb_channels
    middle = mixed(tmp_path / target)[12_000:36_000]
    power = np.abs(np.fft.rfft(middle * np.hanning(len(middle))))
    assert power.argmax() * 2 == pytest.approx(HERTZ, abs=20)


def test_channels_that_change_on_the_way(tmp_path):
    """As broadcasts' do: two transport streams, one after the other."""
    parts = []
    for number, kind in enumerate([("mono", 48000), ("stereo", 44100)]):
        sound = write_sound(tmp_path / f"{number}.mka", kind, codec="aac")
        parts.append(with_video(tmp_path, sound, f"{number}.ts").read_bytes())
    (tmp_path / "a.ts").write_bytes(b"".join(parts))
    notes_of(tmp_path / "a.ts", tmp_path / "b.webm")
    samples = mixed(tmp_path / "b.webm")
    assert len(samples) > 1.5 * 48000
    late = samples[len(samples) * 3 // 4 :]
    assert np.abs(late).max() > 0.1 * np.abs(samples).max()


def test_exact_sound_stays_exact(tmp_path):
    source = make_video(tmp_path / "a.mov", sound="pcm_s16le")
    copy(source, tmp_path / "b.mp4")
    (before, _), (after, _) = heard(source), heard(tmp_path / "b.mp4")
    np.testing.assert_array_equal(before, after)


def test_a_mkv_takes_what_no_mkv_holds(tmp_path):
    """AMR, as in the .3gp of old phones."""
    (tmp_path / "a.amr").write_bytes(b"#!AMR\n" + (b"\x3c" + bytes(31)) * 24)
    with_video(tmp_path, tmp_path / "a.amr", "a.3gp", 12, opaque=True)
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
