"""Frames and the other streams' packets into a video file (PyAV)."""

import contextlib
import os
import pathlib
from fractions import Fraction
from typing import cast

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition

from sis_keras.files.formats import VIDEO_TARGETS
from sis_keras.files.video import tags
from sis_keras.files.video.colours import changed
from sis_keras.files.video.encodings import (
    Encoding,
    choose_encoding,
)
from sis_keras.files.video.forms import Form, tags_like
from sis_keras.files.video.planes import frame_of, side_data
from sis_keras.files.video.projection import add_projected, keeps_projection
from sis_keras.files.video.source import Part, Shown, VideoSource
from sis_keras.files.video.tracks import Plan, Tracks, planned

# They write a frame's closed captions.
_WITH_CAPTIONS = ("libx264", "libx265")
# x265 begins to know decoding times with a third frame; of shorter clips they
# are what was in its memory. So few are not reordered.
_UNTIMED = 2


class VideoTarget:
    """Writes `Part`s of a source.

    Args:
        path: The file to write.
        suffix: Of its final name, in small letters.
        source: What is read.
        first: Its first frame.
        crf: H.264's quality.
        bare: The pictures alone, without sound and all else.

    Attributes:
        notes: Sentences on what is not kept.
        frames: How many were written.

    Raises (all methods):
        OSError, av.FFmpegError: What cannot be written.
    """

    container: OutputContainer  # While it is open.

    def __init__(
        self,
        path: pathlib.Path,
        suffix: str,
        source: VideoSource,
        first: Shown,
        crf: int,
        bare: bool = False,
    ):
        self.path, self.suffix, self.source = path, suffix, source
        self._first, self._bare = first, bare
        height, width, _ = first.pixels.shape
        self.size = width, height
        form = cast(Form, source.form)
        if bare:
            form = form._replace(layout=form.layout._replace(alpha=False))
        self.encoding: Encoding = choose_encoding(
            suffix, form, first.frame, self.size, crf
        )
        if self.encoding.codec == "libsvtav1":
            # It writes to the terminal; this is how it is told to be silent.
            os.environ.setdefault("SVT_LOG", "1")
        plans: list[Plan] = []
        notes = list(self.encoding.notes)
        if not bare:
            plans, more = planned(suffix, source.others)
            notes += more
        self.notes, self._plans = notes + self._more_notes(), plans
        self.rate = source.rate * (2 if source.fields.found else 1)
        self.frames = 0
        self._is_open = False
        self._last: int | None = None

    def _more_notes(self):
        frame, codec = self._first.frame, self.encoding.codec
        notes = []
        self._projection = side_data(frame, SideData.SPHERICAL)
        if self._projection and (
            self._bare
            or not keeps_projection(self.suffix, codec, self._projection)
        ):
            self._projection = None
            notes.append(
                "the projection of a video all around (360 degrees) is lost: "
                f"{self.suffix} does not take it"
            )
        aspect = self.source.stream.sample_aspect_ratio
        if self.suffix == ".webm" and aspect not in (None, 0, 1):
            notes.append(
                f"pixels are stored as squares, not {aspect} as wide as high: "
                ".webm is not told"
            )
        captions = side_data(frame, SideData.A53_CC)
        if captions and codec not in _WITH_CAPTIONS:
            notes.append("closed captions in the pictures are lost")
        return notes

    def write(self, part: Part, pixels: np.ndarray | None) -> None:
        """Writes the frame `pixels` at `part`'s time, and its packets."""
        if not self._is_open:
            self._open(part.packets)
        for packet in part.packets:
            self.tracks.write(packet)
        if part.shown is not None and pixels is not None:
            self._encode(part.shown, pixels)

    def _open(self, packets):
        source, first = self.source, self._first
        metadata = tags.tags_of_file(source.container.metadata)
        # FFmpeg keeps a projection in an MP4 for those who want it.
        options = {"strict": "unofficial"} if self._projection else {}
        if self.suffix in (".mp4", ".m4v", ".mov") and tags.has_keys(metadata):
            options["movflags"] = "use_metadata_tags"
        self.container = av.open(
            f"file:{self.path}",
            "w",
            format=VIDEO_TARGETS[self.suffix],
            container_options=options,
        )
        self._is_open = True
        self.container.metadata.update(metadata)
        self.container.set_chapters(self._chapters())
        self._add_video(first.frame)
        covers = [
            packet
            for packet in packets
            if packet.stream.disposition & Disposition.attached_pic
        ]
        self.tracks = Tracks(self.container, self._plans, source.start, covers)
        self.container.start_encoding()

    def _chapters(self):
        chapters = [] if self._bare else self.source.container.chapters()
        for chapter in chapters:
            unit = chapter["time_base"] or Fraction(1, 1000)
            for end in ("start", "end"):
                chapter[end] -= round(self.source.start / unit)
        return chapters

    def _add_video(self, frame):
        source, encoding = self.source, self.encoding
        if self._projection:
            self._encoder = cast(
                av.VideoCodecContext,
                av.CodecContext.create(encoding.codec, "w"),
            )
            self._encoder.framerate = self.rate
            self._encoder.time_base = source.tick
            self._encoder.options = dict(encoding.options)
            self._encoder.flags |= Flags.global_header | Flags.frame_duration
            self._configure(self._encoder, frame)
            self._encoder.open()
            self.stream = add_projected(
                self.container, self._encoder, self._projection
            )
        else:
            added = self.container.add_stream(
                encoding.codec, rate=self.rate, options=encoding.options
            )
            self.stream = cast(av.VideoStream, added)
            self._encoder = self.stream.codec_context
            self._encoder.time_base = source.tick
            self._encoder.flags |= Flags.frame_duration
        self._configure(self.stream.codec_context, frame)
        self.stream.metadata.update(
            tags.tags_of_stream(source.stream.metadata, True)
        )
        self.stream.disposition = source.stream.disposition
        self.stream.time_base = source.tick
        turned = side_data(frame, SideData.DISPLAYMATRIX)
        if turned:
            self.stream.set_display_matrix(
                np.frombuffer(turned, np.int32).tolist()
            )

    def _configure(self, context, frame):
        form, aspect = self.encoding.form, self.source.stream
        context.width, context.height = self.size
        context.pix_fmt = form.layout.pix_fmt
        if self.encoding.tag:
            context.codec_tag = self.encoding.tag
        if aspect.sample_aspect_ratio:
            context.sample_aspect_ratio = aspect.sample_aspect_ratio
        for name, tag in tags_like(frame, form, self._bare).items():
            setattr(context, name, tag)

    def _encode(self, shown, pixels):
        form = self.encoding.form
        planes = changed(shown.picture, form, shown.pixels, pixels)
        captions = side_data(shown.frame, SideData.A53_CC)
        encoded = frame_of(
            planes, form.layout.pix_fmt, shown.frame if captions else None
        )
        first = self._first.frame
        for name, tag in tags_like(first, form, self._bare).items():
            setattr(encoded, name, tag)
        frame = shown.frame
        encoded.time_base = self.source.tick
        encoded.pts = self._time(frame)
        encoded.duration = self.source.duration_of(frame, self.rate)
        self._mux(encoded)
        self.frames += 1

    def _mux(self, frame):
        for packet in self._encoder.encode(frame):
            packet.stream = self.stream
            packet.time_base = self.source.tick
            if self._encoder.name == "libx265" and self.frames <= _UNTIMED:
                packet.dts = packet.pts
            self.container.mux(packet)

    def _time(self, frame):
        tick, time = self.source.tick, self.source.time_of(frame)
        if self._last is not None:
            if time is None:
                time = self._last + round(1 / self.rate / tick)
            time = max(time, self._last + 1)
        self._last = time or 0
        return self._last

    def finish(self) -> None:
        """Writes what the encoders still hold, and the index."""
        self.tracks.finish()
        self.source.damaged |= self.tracks.damaged
        self._mux(None)
        self.container.close()
        self._is_open = False

    def abandon(self) -> None:
        """Closes the file, whatever is in it."""
        if self._is_open:
            with contextlib.suppress(OSError, av.FFmpegError):
                self.container.close()
