"""Frames and the other streams' packets into a video file (PyAV)."""

import contextlib
import pathlib
from fractions import Fraction

import av
import numpy as np
from av.codec.context import Flags
from av.container import OutputContainer
from av.sidedata.sidedata import Type as SideData
from av.stream import Disposition

from sis_keras.files.video import tags
from sis_keras.files.video.colours import changed, tags_like
from sis_keras.files.video.encodings import (
    TARGET_FORMATS,
    Encoding,
    choose_encoding,
)
from sis_keras.files.video.planes import frame_of
from sis_keras.files.video.source import Part, Shown, VideoSource
from sis_keras.files.video.tracks import Tracks, planned

# They write a frame's closed captions.
_WITH_CAPTIONS = ("libx264", "libx265")


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
        self.encoding: Encoding = choose_encoding(
            suffix, first.picture.form, first.frame, self.size, crf
        )
        plans = []
        notes = list(self.encoding.notes)
        if not bare:
            plans, more = planned(suffix, source.others)
            notes += more
        captions = first.frame.side_data.get(SideData.A53_CC) is not None
        if captions and self.encoding.codec not in _WITH_CAPTIONS:
            notes.append("closed captions in the pictures are lost")
        self.notes, self._plans = notes, plans
        self.frames = 0
        self._is_open = False
        self._last: int | None = None

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
        options = {}
        if self.suffix in (".mp4", ".m4v", ".mov") and tags.has_keys(metadata):
            options["movflags"] = "use_metadata_tags"
        self.container = av.open(
            f"file:{self.path}",
            "w",
            format=TARGET_FORMATS[self.suffix],
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
        rate = source.rate * (2 if source.fields.found else 1)
        self.stream = self.container.add_stream(
            encoding.codec, rate=rate, options=encoding.options
        )
        self.stream.metadata.update(
            tags.tags_of_stream(source.stream.metadata, True)
        )
        self.stream.disposition = source.stream.disposition
        self.stream.time_base = source.tick
        context = self.stream.codec_context
        context.time_base = source.tick
        context.flags |= Flags.frame_duration
        context.width, context.height = self.size
        context.pix_fmt = encoding.form.layout.pix_fmt
        if encoding.tag:
            context.codec_tag = encoding.tag
        if source.stream.sample_aspect_ratio:
            context.sample_aspect_ratio = source.stream.sample_aspect_ratio
        for name, tag in tags_like(frame, encoding.form).items():
            setattr(context, name, tag)
        turned = frame.side_data.get(SideData.DISPLAYMATRIX)
        if turned is not None:
            self.stream.set_display_matrix(
                np.frombuffer(turned, np.int32).tolist()
            )

    def _encode(self, shown, pixels):
        form = self.encoding.form
        planes = changed(shown.picture, form, shown.pixels, pixels)
        captions = shown.frame.side_data.get(SideData.A53_CC) is not None
        encoded = frame_of(
            planes, form.layout.pix_fmt, shown.frame if captions else None
        )
        for name, tag in tags_like(self._first.frame, form).items():
            setattr(encoded, name, tag)
        tick, frame = self.source.tick, shown.frame
        encoded.time_base = tick
        encoded.pts = self._time(frame)
        unit = frame.time_base or tick
        encoded.duration = round((frame.duration or 0) * unit / tick)
        self.container.mux(self.stream.encode(encoded))
        self.frames += 1

    def _time(self, frame):
        tick, time = self.source.tick, self.source.time_of(frame)
        if self._last is not None:
            if time is None:
                rate = self.source.rate
                time = self._last + round(1 / rate / tick)
            time = max(time, self._last + 1)
        self._last = time or 0
        return self._last

    def finish(self) -> None:
        """Writes what the encoders still hold, and the index."""
        self.tracks.finish()
        self.source.damaged |= self.tracks.damaged
        self.container.mux(self.stream.encode(None))
        self.container.close()
        self._is_open = False

    def abandon(self) -> None:
        """Closes the file, whatever is in it."""
        if self._is_open:
            with contextlib.suppress(OSError, av.FFmpegError):
                self.container.close()
