"""Sound encoded anew, where a format does not take it as it is (PyAV)."""

from fractions import Fraction
from typing import cast

import av
from av.container import OutputContainer

# Seconds that decoded sound may lie off before it is taken for a gap.
_GAP = Fraction(1, 10)
NAMES = {"aac": "AAC", "flac": "FLAC", "libopus": "Opus", "alac": "ALAC"}
_KNOWN = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}
# Where encoders want so many channels; others take most places.
_TAKEN = {
    "libopus": "mono stereo 3.0 quad 5.0 5.1 6.1 7.1".split(),
    "alac": "mono stereo 3.0 4.0 5.0 5.1 6.1(back) 7.1(wide)".split(),
}


def codec_for(suffix: str, stream: av.AudioStream) -> str:
    """The encoder for sound that the format does not take."""
    if suffix == ".webm":
        return "libopus"
    codec = stream.codec_context.codec
    # Of what is exact, nothing is to be lost.
    exact = codec.lossless and (not codec.lossy or codec.name == "wavpack")
    if suffix == ".mkv" or exact:
        return "alac" if suffix == ".mov" else "flac"
    return "aac"


def layout_of(stream: av.AudioStream) -> str:
    """Its channels' places; of some formats only their number is known."""
    layout = stream.codec_context.layout
    if layout.name.endswith("channels"):
        return _KNOWN.get(layout.nb_channels, layout.name)
    return layout.name


class Recoded:
    """A sound track that is decoded, and encoded with another codec.

    Args:
        container: The file that is written, before its header is.
        stream: The source's track.
        codec: FFmpeg's name of the encoder.
        start: The source's first time, seconds.
    """

    def __init__(
        self,
        container: OutputContainer,
        stream: av.AudioStream,
        codec: str,
        start: Fraction,
    ):
        self._source, self._start = stream, start
        rate = 48000 if codec == "libopus" else stream.codec_context.rate
        self.stream = cast(
            av.AudioStream, container.add_stream(codec, rate=rate)
        )
        context = self.stream.codec_context
        layout = layout_of(stream)
        count, taken = (
            stream.codec_context.layout.nb_channels,
            _TAKEN.get(codec),
        )
        if taken and layout not in taken and count <= len(taken):
            layout = taken[count - 1]
        context.layout = layout
        if codec == "flac" and _is_fine(stream):
            context.format = "s32"
        elif codec == "alac":
            kind = "s32p" if _is_fine(stream) else "s16p"
            context.format = kind
        elif codec in ("aac", "libopus"):
            # AAC's frames of 1024 samples have no more than 6144 bits.
            each = min(96_000, 6 * rate)
            context.bit_rate = each * context.layout.nb_channels
        self._clock: int | None = None
        self._first: tuple | None = None
        self._changed: tuple | None = None
        self._resampler: av.AudioResampler | None = None
        self.damaged = False

    def packets(self, packet: av.Packet | None) -> list[av.Packet]:
        """What becomes of a packet; None ends the track."""
        made: list[av.Packet] = []
        try:
            frames = self._source.decode(packet)
        except av.FFmpegError:
            self.damaged, frames = True, []
        for frame in frames:
            for part in self._as_first(frame):
                self._set_time(part)
                made += self.stream.encode(part)
        if packet is None:
            made += self.stream.encode(None)
        return made

    def _as_first(self, frame):
        """Channels, their rate and format may change on the way."""
        kind = frame.format.name, frame.layout.name, frame.sample_rate
        if self._first is None:
            self._first = kind
        if kind == self._first:
            self._changed = None
            return [frame]
        if kind != self._changed:
            self._changed = kind
            self._resampler = av.AudioResampler(*self._first)
        return cast(av.AudioResampler, self._resampler).resample(frame)

    def _set_time(self, frame):
        """Sample by sample: stated times are often rounded."""
        unit = Fraction(1, frame.sample_rate)
        clock = self._clock
        if frame.pts is not None:
            time = frame.pts * frame.time_base - self._start
            if clock is None or time - clock * unit > _GAP:
                clock = round(time / unit)
        clock = clock or 0
        frame.pts, frame.time_base = clock, unit
        self._clock = clock + frame.samples


def _is_fine(stream):
    """More than 16 bits, and not only since a decoder computes so."""
    codec = stream.codec_context.codec
    name = stream.codec_context.format.name
    return codec.lossless and not name.startswith(("s16", "u8"))
