"""Frames and sound packets into a video file: H.264 and copies (PyAV)."""

import contextlib
import pathlib

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.sidedata.sidedata import Type as SideData

from sis_keras.errors import UserError
from sis_keras.files.video.colours import (
    from_rgb,
    full_range,
    matrix_of,
    tags_like,
)
from sis_keras.files.video.source import Part, VideoSource

TARGET_FORMATS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
}


class VideoTarget:
    """Writes `Part`s; the file begins with the first frame.

    Raises (all methods):
        UserError: The format does not take one of the sound tracks.
        OSError, av.FFmpegError: Whatever else cannot be written.
    """

    container: OutputContainer  # While it is open.

    def __init__(self, path, target: pathlib.Path, source: VideoSource, crf):
        self.path, self.target, self.source = path, target, source
        self.options = {"crf": str(crf)}
        self.frames = 0
        self._is_open = False
        self._last: int | None = None
        self._heard: dict[av.AudioStream, int] = {}

    def write(self, part: Part, pixels: np.ndarray | None) -> None:
        """Writes the frame `pixels` at `part`'s time, and its sound."""
        if pixels is not None and not self._is_open:
            height, width, _ = pixels.shape
            self._open(part.frame, height, width)
        for packet in part.sound:
            self._copy(packet)
        if pixels is not None:
            self._encode(part.frame, pixels)

    def _copy(self, packet):
        if packet.pts is None:
            return
        packet.pts -= round(self.source.start / packet.time_base)
        packet.dts = packet.pts  # Sound is stored in the order it is heard.
        track = packet.stream = self.sound[packet.stream.index]
        # Muxers fail where a damaged file goes back in time.
        if packet.pts > self._heard.get(track, packet.pts - 1):
            self._heard[track] = packet.pts
            self.container.mux(packet)
        else:
            self.source.damaged = True

    def _open(self, frame, height, width):
        kind = TARGET_FORMATS[self.target.suffix.lower()]
        source = self.source
        self.container = av.open(f"file:{self.path}", "w", format=kind)
        self._is_open = True
        self.container.metadata.update(source.container.metadata)
        self.container.set_chapters(source.container.chapters())
        self.stream = self.container.add_stream(
            "libx264", rate=source.rate, options=self.options
        )
        self.stream.metadata.update(source.stream.metadata)
        self.stream.time_base = source.tick
        context = self.stream.codec_context
        context.time_base = source.tick
        context.flags |= Flags.frame_duration
        context.width, context.height = width, height
        odd = width % 2 or height % 2
        self.format = "yuv444p" if odd else "yuv420p"
        context.pix_fmt = self.format
        if source.stream.sample_aspect_ratio:
            context.sample_aspect_ratio = source.stream.sample_aspect_ratio
        self.matrix, self.full = matrix_of(frame), full_range(frame)
        for name, tag in tags_like(frame).items():
            setattr(context, name, tag)
        turned = frame.side_data.get(SideData.DISPLAYMATRIX)
        if turned is not None:
            self.stream.set_display_matrix(
                np.frombuffer(turned, np.int32).tolist()
            )
        self.sound = {}
        try:
            for track in source.sound:
                self.sound[track.index] = self._add_sound(track)
            self.container.start_encoding()
        # Some formats refuse a sound only when they write the header.
        except (ValueError, av.ArgumentError) as error:
            names = {track.codec_context.name for track in source.sound}
            raise UserError(
                f"Expected sound that {self.target.suffix} takes. Received: "
                f"{', '.join(names) or 'none'} in {source.path}. Write a .mkv "
                "file."
            ) from error

    def _add_sound(self, track):
        added = self.container.add_stream_from_template(track)
        # MP4 refuses, in its index, channels of which no place is known.
        known = {"1 channels": "mono", "2 channels": "stereo"}
        layout = track.codec_context.layout.name
        if layout in known:
            added.codec_context.layout = known[layout]
        added.metadata.update(track.metadata)
        added.disposition = track.disposition
        return added

    def _encode(self, frame, pixels):
        encoded = from_rgb(pixels, self.format, self.matrix, self.full)
        encoded.time_base = self.source.tick
        encoded.pts = self._time(frame)
        encoded.duration = frame.duration
        self.container.mux(self.stream.encode(encoded))
        self.frames += 1

    def _time(self, frame):
        """Some formats state only when a frame is decoded, some nothing."""
        tick = self.source.tick
        time = frame.dts if frame.pts is None else frame.pts
        if time is not None:
            time -= round(self.source.start / tick)
        if self._last is not None:
            if time is None:
                time = self._last + round(1 / self.source.rate / tick)
            time = max(time, self._last + 1)
        self._last = time or 0
        return self._last

    def finish(self) -> None:
        """Writes what the encoder still holds, and the index."""
        self.container.mux(self.stream.encode(None))
        self.container.close()
        self._is_open = False

    def abandon(self) -> None:
        """Closes the file, whatever is in it."""
        if self._is_open:
            with contextlib.suppress(OSError, av.FFmpegError):
                self.container.close()
