"""Sound, subtitles, covers, data: everything beside the video that is read."""

import contextlib
import io
import mimetypes
from fractions import Fraction
from typing import NamedTuple, cast

import av
from av.container import OutputContainer
from av.stream import Disposition

from sis_keras.files.formats import VIDEO_TARGETS
from sis_keras.files.video import sound
from sis_keras.files.video.tags import tags_of_stream

_NAMES = {
    "audio": "sound",
    "video": "second video",
    "subtitle": "subtitles",
    "data": "data track",
    "attachment": "attachment",
}
# More frames no video is stored ahead of those that are shown first.
_MOST_EARLY = 16


class Plan(NamedTuple):
    """What becomes of a stream of the source.

    Attributes:
        stream: The source's.
        how: "copy", "attach" (a cover, as an attachment), "made" (by the
            writer, from what the video says), an encoder's name, or "" where
            it is left out.
    """

    stream: av.stream.Stream
    how: str


def planned(suffix: str, streams: list) -> tuple[list[Plan], list[str]]:
    """What becomes of each stream, and sentences on what is not kept."""
    plans = [Plan(stream, _how(suffix, stream)) for stream in streams]
    counts: dict[tuple, int] = {}
    for stream, how in plans:
        if how not in ("copy", "attach", "made"):
            key = _name(stream), how
            counts[key] = counts.get(key, 0) + 1
    notes = []
    for (name, how), count in counts.items():
        what = f"{count} × {name}" if count > 1 else name
        done = f"Converted to {sound.NAMES[how]}" if how else "Left out"
        advice = "" if how or suffix == ".mkv" else "; a .mkv may"
        notes.append(f"{done}: {what}, which {suffix} does not take{advice}")
    return plans, notes


def _name(stream):
    name = _NAMES.get(stream.type, "a stream of no known kind")
    if stream.disposition & Disposition.attached_pic:
        name = "cover picture"
    codec = _codec(stream)
    return f"{name} ({codec})" if codec else name


def _codec(stream):
    if stream.type == "attachment":
        return stream.name
    if stream.codec_context is not None:
        return stream.codec_context.codec.canonical_name
    return None


def _how(suffix, stream):
    # A track of time codes; the video's metadata have them, too.
    if stream.type == "data" and "timecode" in stream.metadata:
        return "made"
    if stream.disposition & Disposition.attached_pic:
        if suffix == ".mkv":
            return "attach"
        # A QuickTime file would have a header that says so, and no picture.
        if suffix not in (".mp4", ".m4v"):
            return ""
    if _takes(suffix, stream):
        return "copy"
    if stream.type == "audio" and stream.codec_context is not None:
        return sound.codec_for(suffix, stream)
    return ""


def _takes(suffix, stream):
    """Some formats refuse a codec only when they write the header."""
    if stream.codec_context is None and stream.type == "attachment":
        return suffix == ".mkv"
    # MP4's PCM is so new that players take it for noise.
    if suffix in (".mp4", ".m4v") and (_codec(stream) or "").startswith("pcm"):
        return False
    trial = None
    try:
        trial = av.open(io.BytesIO(), "w", format=VIDEO_TARGETS[suffix])
        added_copy(trial, stream)
        trial.start_encoding()
    except (ValueError, OSError, av.FFmpegError):
        return False
    finally:
        if trial:
            with contextlib.suppress(ValueError, OSError, av.FFmpegError):
                trial.close()
    return True


def added_copy(container: OutputContainer, stream):
    """A stream of the same kind, for the source's packets.

    Raises:
        ValueError, av.FFmpegError: The format does not take it.
    """
    if stream.type == "video":
        added = container.add_stream_from_template(stream, opaque=True)
    else:
        added = container.add_stream_from_template(stream)
    if stream.type == "audio":
        # MP4 refuses, in its index, channels of which no place is known.
        layout = sound.layout_of(stream)
        if layout != stream.codec_context.layout.name:
            added.codec_context.layout = layout
    if stream.type != "attachment":
        added.metadata.update(tags_of_stream(stream.metadata, False))
    added.disposition = stream.disposition
    return added


class Tracks:
    """Writes the packets of the source's other streams.

    Args:
        container: The file that is written, before its header is.
        plans: What becomes of each stream.
        start: The source's first time, seconds.
        covers: The packets of covers that become attachments.

    Attributes:
        damaged: Whether something went back in time or did not decode.
    """

    def __init__(
        self,
        container: OutputContainer,
        plans: list[Plan],
        start: Fraction,
        covers: list[av.Packet],
    ):
        self._container, self._start = container, start
        self._copies: dict[int, av.stream.Stream] = {}
        self._recoded: dict[int, sound.Recoded] = {}
        self._last: dict[int, int] = {}
        # Video whose first packets do not say when they are decoded.
        self._early: dict[int, list[av.Packet]] = {}
        self.damaged = False
        for stream, how in plans:
            if how == "copy":
                self._copies[stream.index] = added_copy(container, stream)
            elif how == "attach":
                self._attach(stream, covers)
            elif how and how != "made":
                heard = cast(av.AudioStream, stream)
                recoded = sound.Recoded(container, heard, how, start)
                recoded.stream.metadata.update(
                    tags_of_stream(stream.metadata, True)
                )
                recoded.stream.disposition = stream.disposition
                self._recoded[stream.index] = recoded

    def _attach(self, stream, covers):
        for packet in covers:
            if packet.stream.index == stream.index:
                codec = stream.codec_context.codec.canonical_name
                suffix = {"mjpeg": "jpg"}.get(codec, codec)
                name = stream.metadata.get("filename", f"cover.{suffix}")
                kind = stream.metadata.get("mimetype") or (
                    mimetypes.guess_type(f"a.{suffix}")[0] or "image/png"
                )
                self._container.add_attachment(name, kind, bytes(packet))

    def write(self, packet: av.Packet) -> None:
        """Writes a packet of the source, its times made to start at 0."""
        index = packet.stream.index
        if index in self._recoded:
            self._container.mux(self._recoded[index].packets(packet))
        elif index in self._copies:
            self._copy(packet, self._copies[index])

    def _copy(self, packet, track):
        if track.disposition & Disposition.attached_pic:
            packet.pts = packet.dts = 0
            packet.stream = track
            self._container.mux(packet)
            return
        if packet.pts is None or _is_cut_off(packet):
            return
        shift = round(self._start / packet.time_base)
        packet.pts -= shift
        if packet.stream.type != "video":
            packet.dts = packet.pts  # Stored in the order they are heard.
        elif packet.dts is not None:
            packet.dts -= shift
        packet.stream = track
        early = self._early.setdefault(track.index, [])
        if packet.dts is None and len(early) < _MOST_EARLY:
            early.append(packet)
            return
        for number, waiting in enumerate([*early, packet]):
            if waiting.dts is None:
                before = (len(early) - number) * (packet.duration or 1)
                last = packet.pts if packet.dts is None else packet.dts
                waiting.dts = min(last - before, waiting.pts)
            self._in_order(waiting, track)
        early.clear()

    def _in_order(self, packet, track):
        """Muxers fail where a damaged file goes back in time.

        Those of MP4 do where two packets have one time, which rounding makes.
        """
        last = self._last.get(track.index, packet.dts - 1)
        if packet.dts == last and not self._container.format.name.startswith(
            ("matroska", "webm")
        ):
            packet.dts = last + 1
            packet.pts = max(packet.pts, packet.dts)
        if packet.dts >= last:
            self._last[track.index] = packet.dts
            self._container.mux(packet)
        else:
            self.damaged = True

    def finish(self) -> None:
        """Writes what the encoders still hold."""
        for recoded in self._recoded.values():
            self._container.mux(recoded.packets(None))
            self.damaged |= recoded.damaged


def _is_cut_off(packet):
    """By an edit list; but the sound just before is decoded with the first."""
    if not packet.is_discard:
        return False
    end = packet.pts + (packet.duration or 0)
    return packet.stream.type != "audio" or not packet.pts < 0 <= end
