"""Sound encoded anew, where a format does not take it as it is (PyAV)."""

from fractions import Fraction
from typing import cast

import av
from av.container import OutputContainer

# Seconds that decoded sound may lie off before it is taken for a gap.
_GAP = Fraction(1, 10)
NAMES = {"aac": "AAC", "flac": "FLAC", "libopus": "Opus", "alac": "ALAC"}
_KNOWN = {1: "mono", 2: "stereo", 6: "5.1", 8: "7.1"}


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
        context.layout = layout_of(stream)
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
        self.damaged = False

    def packets(self, packet: av.Packet | None) -> list[av.Packet]:
        """What becomes of a packet; None ends the track."""
        made: list[av.Packet] = []
        try:
            frames = self._source.decode(packet)
        except av.FFmpegError:
            self.damaged, frames = True, []
        for frame in frames:
            self._set_time(frame)
            made += self.stream.encode(frame)
        if packet is None:
            made += self.stream.encode(None)
        return made

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
