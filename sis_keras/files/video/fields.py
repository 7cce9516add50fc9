"""Interlaced video: each field becomes a frame (FFmpeg's yadif)."""

from collections.abc import Iterator

import av

from sis_keras.errors import UserError

INTERLACED = ("deinterlace", "refuse")


class Fields:
    """Passes frames on; from the first interlaced one, deinterlaced.

    Args:
        name: Of the video, for the error.
        interlaced: "deinterlace", or "refuse".

    Attributes:
        found: Whether an interlaced frame came.

    Raises (all methods):
        UserError: An interlaced frame that is to be refused.
    """

    def __init__(self, name: str, interlaced: str):
        self.name, self.interlaced = name, interlaced
        self.found = False
        self._graph: av.filter.Graph | None = None
        self._kind: tuple | None = None

    def frames(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """The frames that are ready, in their order; None ends the video."""
        if frame is None:
            yield from self._rest()
            return
        if frame.interlaced_frame and self.interlaced == "refuse":
            raise UserError(
                f"Expected a progressive video. Received: {self.name}, which "
                "is interlaced. Deinterlace it, or let it be deinterlaced."
            )
        self.found |= frame.interlaced_frame
        if not self.found:
            yield frame
            return
        kind = frame.width, frame.height, frame.format.name
        if kind != self._kind:
            yield from self._rest()
            self._kind = kind
            self._graph = _graph_for(frame)
        assert self._graph is not None
        if frame.pts is None:
            frame.pts = frame.dts
        self._graph.push(frame)
        yield from self._ready()

    def _rest(self):
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready()
            self._graph = self._kind = None

    def _ready(self):
        assert self._graph is not None
        while True:
            try:
                yield self._graph.pull()
            except (BlockingIOError, EOFError):
                return


def _graph_for(frame):
    """Its colours are stated, so that no filter takes them for others."""
    graph = av.filter.Graph()
    source = graph.add(
        "buffer",
        f"video_size={frame.width}x{frame.height}:"
        f"pix_fmt={frame.format.name}:time_base={frame.time_base}:"
        f"colorspace={frame.colorspace}:range={int(frame.color_range)}",
    )
    # Frames that are progressive pass. bwdif would leave fields woven that
    # differ from each other and not in time.
    yadif = graph.add("yadif", "mode=send_field:deint=interlaced")
    graph.link_nodes(source, yadif, graph.add("buffersink"))
    graph.configure()
    return graph
