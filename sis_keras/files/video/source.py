"""A video file's frames as RGB, and its sound packets (PyAV)."""

import pathlib
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple, cast

import av
import numpy as np
from av.stream import Disposition

from sis_keras.errors import UserError
from sis_keras.files.video.colours import to_rgb

# A damaged header may claim any size; 8K is 33 million.
_MOST_PIXELS = 100_000_000
# Its formats state the duration in a header; others guess it.
_DURATION_KNOWN = ("mov", "matroska", "avi", "flv")


class Part(NamedTuple):
    """The sound packets before a frame, and the frame, if any."""

    sound: list[av.Packet]
    frame: av.VideoFrame | None  # As decoded: the tags count.
    pixels: np.ndarray | None  # uint8 RGB, (height, width, 3)


class VideoSource:
    """Reads the first video stream and the sound; a context manager.

    Attributes:
        frame_count: From the header or the duration; None if neither tells.
        damaged: Whether something did not decode, known after the last part.

    Raises:
        UserError: It cannot be opened or has no video stream.
    """

    def __init__(self, path: pathlib.Path):
        self.path = path
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
        self.stream.thread_type = "AUTO"
        self.stream.codec_context.options = {"max_pixels": str(_MOST_PIXELS)}
        self.sound = [
            stream
            for stream in self.container.streams.audio
            if stream.codec_context is not None
        ]
        self.rate = self.stream.guessed_rate or Fraction(25)
        self.start = Fraction(self.container.start_time or 0, av.time_base)
        self.frame_count = self.stream.frames or self._estimated_frames()
        self.damaged = False
        self._end = self.start

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.container.close()

    @property
    def tick(self) -> Fraction:
        """The unit of the frames' times, seconds."""
        # None only where a stream is made.
        return cast(Fraction, self.stream.time_base)

    def _estimated_frames(self):
        if self.stream.duration:
            return round(self.stream.duration * self.tick * self.rate)
        if self.container.duration:
            return round(self.container.duration * self.rate / av.time_base)
        return None

    def parts(self) -> Iterator[Part]:
        """Yields everything in the file's order, a frame at a time."""
        sound, size = [], None
        for packet in self._packets():
            if packet is not None and packet.stream in self.sound:
                sound.append(packet)
            if packet is None or packet.stream is self.stream:
                for frame in self._decode(packet):
                    size = size or (frame.width, frame.height)
                    try:
                        pixels = to_rgb(frame, *size)
                    except av.FFmpegError:
                        self.damaged = True
                        continue
                    yield Part(sound, frame, pixels)
                    sound = []
            # The writer starts with a frame; then memory must not grow.
            if size and len(sound) >= 256:
                yield Part(sound, None, None)
                sound = []
        if size and sound:
            yield Part(sound, None, None)

    def _packets(self):
        """All packets, then None."""
        try:
            for packet in self.container.demux():
                if not packet.size:
                    continue
                self.damaged |= packet.is_corrupt
                if packet.pts is not None:
                    end = packet.pts + (packet.duration or 0)
                    self._end = max(self._end, end * packet.time_base)
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

    def _decode(self, packet):
        try:
            frames = self.stream.decode(packet)
        except av.FFmpegError:
            self.damaged = True
            return
        for frame in frames:
            self.damaged |= frame.is_corrupt
            yield frame
