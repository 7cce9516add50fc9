"""A video file's frames as RGB, and all its other packets (PyAV)."""

import pathlib
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple, cast

import av
import numpy as np
from av.stream import Discard, Disposition

from sis_keras.errors import UserError
from sis_keras.files.limits import MOST_PIXELS
from sis_keras.files.video.colours import (
    cropped,
    on_black,
    to_rgb,
    without_hidden,
)
from sis_keras.files.video.fields import Fields
from sis_keras.files.video.forms import Form, Picture, form_of
from sis_keras.files.video.planes import planes_of
from sis_keras.files.video.stated import stated
from sis_keras.files.video.timeline import Timeline

USUAL_RATE = Fraction(25)  # Where nothing tells it.
# Its formats state the duration in a header; others guess it.
_DURATION_KNOWN = ("mov", "matroska", "avi", "flv")
# Of these a clock set anew is none of a pause.
_BROADCAST = ("mpeg", "mpegts")
# FFmpeg's own decoders of these pass over their alpha.
_WITH_ALPHA = {"vp8": "libvpx", "vp9": "libvpx-vp9"}


class Shown(NamedTuple):
    """A frame."""

    frame: av.VideoFrame  # As decoded: tags, time and side data count.
    picture: Picture
    pixels: np.ndarray  # RGB, (height, width, 3)


class Part(NamedTuple):
    """The other streams' packets before a frame, and the frame, if any."""

    packets: list[av.Packet]
    shown: Shown | None

    @property
    def pixels(self) -> np.ndarray | None:
        """uint8 RGB, `(height, width, 3)`; uint16 from a deep source."""
        return self.shown and self.shown.pixels


class VideoSource:
    """Reads the first video stream and all else; a context manager.

    Args:
        path: The file.
        deep: uint16 pixels where a sample has more than 8 bits.
        alpha: Whether it is kept beside; without, the ground is black.
        interlaced: "deinterlace" or "refuse".

    Attributes:
        others: The streams beside that video.
        form: Of the first frame, known when it is.
        frame_count: From the header or the duration; None if neither tells.
        damaged: Whether something did not decode, known after the last part.

    Raises:
        UserError: It cannot be opened or has no video stream.
    """

    def __init__(
        self,
        path: pathlib.Path,
        deep: bool = False,
        alpha: bool = False,
        interlaced: str = "deinterlace",
    ):
        self.path = path
        self._deep, self._alpha = deep, alpha
        try:
            # A name may have a colon, and look like another protocol.
            self.container = av.open(f"file:{path}", metadata_errors="replace")
        except (OSError, av.FFmpegError) as error:
            raise UserError(
                f"Expected a video. Received: {path}, which does not open: "
                f"{error.strerror}. Replace it."
            ) from error
        streams = [
            stream
            for stream in self.container.streams.video
            if stream.codec_context is not None
            and not stream.disposition & Disposition.attached_pic
        ]
        if not streams:
            self.container.close()
            raise UserError(
                f"Expected a video. Received: {path}, which has no video "
                "stream that can be decoded. Replace it."
            )
        self.stream = streams[0]
        self._decoder = self._made_decoder()
        # Those to be discarded are chapters, which are read as such.
        self.others = [
            stream
            for stream in self.container.streams
            if stream is not self.stream and stream.discard != Discard.all
        ]
        self.stated = stated(self.container, self.stream)
        self.rate = self.stream.guessed_rate or USUAL_RATE
        self.start = Fraction(self.container.start_time or 0, av.time_base)
        self.frame_count = _frame_count(self.container, self.stream)
        self.fields = Fields(str(path), interlaced)
        self.form: Form | None = None
        self.damaged = False
        self._timeline = Timeline(
            self.container.format.name.split(",")[0] in _BROADCAST
        )
        self._end = self.start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.container.close()

    @property
    def tick(self) -> Fraction:
        """The unit of the frames' times, seconds; halved where it is coarse.

        Fields are half a frame apart.
        """
        # None only where a stream is made.
        tick = cast(Fraction, self.stream.time_base)
        return tick / 2 if tick > Fraction(1, 500) else tick

    @property
    def codec(self) -> str:
        """FFmpeg's name of the video's codec."""
        return self.stream.codec_context.codec.canonical_name

    def time_of(self, frame: av.VideoFrame) -> int | None:
        """When it is shown, ticks from the start.

        Some formats state only when a frame is decoded, some nothing.
        """
        time = frame.dts if frame.pts is None else frame.pts
        if time is None:
            return None
        return round((time * self._unit(frame) - self.start) / self.tick)

    def duration_of(self, frame: av.VideoFrame, rate: Fraction) -> int:
        """How long it is shown, ticks; where nothing is said, by the rate."""
        time = (frame.duration or 0) * self._unit(frame) or 1 / rate
        return round(time / self.tick)

    def _unit(self, frame):
        # The last frames of all have none.
        return frame.time_base or cast(Fraction, self.stream.time_base)

    def _made_decoder(self):
        context: av.CodecContext = self.stream.codec_context
        name = _WITH_ALPHA.get(context.codec.canonical_name)
        tag = self.stream.metadata.get("alpha_mode") or (
            self.stream.metadata.get("ALPHA_MODE")
        )
        if tag == "1" and name in av.codecs_available:
            context = av.CodecContext.create(name, "r")
        context.thread_type = "AUTO"
        # A damaged header may claim any size; 8K is 33 million.
        context.options = {"max_pixels": str(MOST_PIXELS)}
        return context

    def parts(self) -> Iterator[Part]:
        """Yields everything in the file's order, a frame at a time.

        Raises:
            UserError: An interlaced frame that is to be refused, or colours
                that are not known.
        """
        packets, first = [], None
        for packet in self._packets():
            if packet is not None and packet.stream is not self.stream:
                packets.append(packet)
            else:
                for frame in self._frames(packet):
                    try:
                        shown = self._shown(frame, first)
                    except av.FFmpegError:
                        self.damaged = True
                        continue
                    first = first or frame
                    yield Part(packets, shown)
                    packets = []
            # The writer starts with a frame; then memory must not grow.
            if first and len(packets) >= 256:
                yield Part(packets, None)
                packets = []
        if first and packets:
            yield Part(packets, None)

    def _shown(self, frame, first):
        """Of the first frame's size and kind, whatever comes later."""
        form = form_of(frame, self.codec, self.stated.siting)
        self.form = self.form or form
        size = None
        if first and (frame.width, frame.height) != (first.width, first.height):
            size = first.width, first.height
        picture = Picture(planes_of(frame, form.layout, size), form)
        if any(self.stated.crop):
            picture = cropped(picture, self.stated.crop)
        if form.layout.alpha and not self._alpha:
            picture = on_black(picture)
        deep = self._deep and form.layout.bits > 8
        pixels = without_hidden(to_rgb(picture, deep), picture)
        return Shown(frame, picture, pixels)

    def _packets(self):
        """All packets, then None."""
        try:
            for packet in self.container.demux():
                if not packet.size or packet.stream not in (
                    self.stream,
                    *self.others,
                ):
                    continue
                self.damaged |= packet.is_corrupt
                if packet.pts is not None:
                    end = packet.pts + (packet.duration or 0)
                    self._end = max(self._end, end * packet.time_base)
                self._timeline.place(packet)
                if packet.stream.type != "audio" or not packet.is_corrupt:
                    yield packet
        except av.FFmpegError:
            self.damaged = True
        except IndexError:
            pass  # PyAV's at the end, where a stream began in the midst.
        yield None
        if self.container.format.name.startswith(_DURATION_KNOWN):
            duration = Fraction(self.container.duration or 0, av.time_base)
            missing = self.start + duration - self._end
            self.damaged |= missing > Fraction(1, 4)

    def _frames(self, packet):
        try:
            frames = self._decoder.decode(packet)
        except av.FFmpegError:
            self.damaged = True
            frames = []
        for frame in frames:
            self.damaged |= frame.is_corrupt
            yield from self.fields.frames(frame)
        if packet is None:
            yield from self.fields.frames(None)


def header_pixels(path: pathlib.Path) -> int:
    """Pixels of all frames of a video, as far as its header tells them.

    Raises:
        OSError, av.FFmpegError, IndexError: It does not open, or has none.
    """
    with av.open(f"file:{path}", metadata_errors="replace") as container:
        stream = container.streams.video[0]
        frames = _frame_count(container, stream) or 1
        return stream.width * stream.height * frames


def _frame_count(container, stream):
    if stream.frames:
        return stream.frames
    rate = stream.guessed_rate or USUAL_RATE
    if stream.duration:
        unit = cast(Fraction, stream.time_base)
        return round(stream.duration * unit * rate)
    if container.duration:
        return round(container.duration * rate / av.time_base)
    return None
