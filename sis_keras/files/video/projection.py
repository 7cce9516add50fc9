"""Videos all around (360 degrees): how a sphere lies in the picture.

PyAV copies what a stream of another file says of it and sets nothing itself.
So a few bytes of Matroska, in memory, have a stream that says it.
"""

import io
import struct

import av
from av.container import OutputContainer

# FFmpeg's numbers of projections: Matroska's, and what it keeps beside.
_EQUIRECTANGULAR, _CUBEMAP, _TILE, _FLAT = 0, 1, 2, 4
_FORMATS = {
    ".mkv": (_EQUIRECTANGULAR, _CUBEMAP, _TILE, _FLAT),
    ".webm": (_EQUIRECTANGULAR, _CUBEMAP, _TILE, _FLAT),
    ".mp4": (_EQUIRECTANGULAR, _CUBEMAP, _TILE),
    ".m4v": (_EQUIRECTANGULAR, _CUBEMAP, _TILE),
}
_CODECS = {
    "libx264": "V_MPEG4/ISO/AVC",
    "libx265": "V_MPEGH/ISO/HEVC",
    "libvpx-vp9": "V_VP9",
    "libsvtav1": "V_AV1",
    "ffv1": "V_FFV1",
}


def keeps_projection(suffix: str, codec: str, mapping: bytes) -> bool:
    """Whether a file can say it."""
    kind = struct.unpack_from("=I", mapping)[0]
    return codec in _CODECS and kind in _FORMATS.get(suffix, ())


def add_projected(
    container: OutputContainer, encoder: av.VideoCodecContext, mapping: bytes
) -> av.VideoStream:
    """A stream with a projection, for the packets of an open encoder."""
    with av.open(io.BytesIO(_file(encoder, mapping))) as file:
        stream = container.add_stream_from_template(
            file.streams.video[0], opaque=True
        )
    stream.codec_context.pix_fmt = encoder.pix_fmt
    return stream


def _file(encoder, mapping):
    kind, yaw, pitch, roll, left, top, right, bottom, padding = (
        struct.unpack_from("=I3i5I", mapping)
    )
    projection = {_EQUIRECTANGULAR: 1, _CUBEMAP: 2, _TILE: 1, _FLAT: 0}[kind]
    private = b""
    if projection == 1:
        private = struct.pack(">5I", 0, top, bottom, left, right)
    elif projection == 2:
        private = struct.pack(">3I", 0, 0, padding)
    sphere = _element("7671", projection.to_bytes(1, "big"))
    sphere += _element("7672", private) if private else b""
    for name, turn in (("7673", yaw), ("7674", pitch), ("7675", roll)):
        sphere += _element(name, struct.pack(">d", turn / 65536))
    video = (
        _element("B0", encoder.width.to_bytes(4, "big"))
        + _element("BA", encoder.height.to_bytes(4, "big"))
        + _element("7670", sphere)
    )
    track = (
        _element("D7", b"\1")
        + _element("73C5", b"\1")
        + _element("83", b"\1")
        + _element("86", _CODECS[encoder.codec.name].encode())
        + _element("63A2", bytes(encoder.extradata or b""))
        + _element("E0", video)
    )
    head = _element("4282", b"matroska") + _element("4287", b"\4")
    info = _element("1549A966", _element("2AD7B1", b"\x0f\x42\x40"))
    tracks = _element("1654AE6B", _element("AE", track))
    cluster = _element("1F43B675", _element("E7", b"\0"))
    return _element("1A45DFA3", head) + _element(
        "18538067", info + tracks + cluster
    )


def _element(name, data):
    """Its name, its length in eight bytes, and what is in it."""
    length = (1 << 56 | len(data)).to_bytes(8, "big")
    return bytes.fromhex(name) + length + data
