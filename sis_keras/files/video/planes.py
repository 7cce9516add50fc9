"""A decoded frame's planes as arrays, and arrays as a frame (PyAV)."""

from typing import Any, NamedTuple

import av
import numpy as np
from av.sidedata.sidedata import Type as SideData
from av.video.format import VideoFormat
from av.video.reformatter import Interpolation

_SHIFTS = {
    (1, 1): "420",
    (1, 0): "422",
    (0, 0): "444",
    (0, 1): "440",
    (2, 0): "411",
    (2, 2): "410",
}
# FFmpeg has planar formats of these.
_DEPTHS = (8, 9, 10, 12, 14, 16)
_EXACT = Interpolation.BICUBIC | Interpolation.ACCURATE_RND


class Layout(NamedTuple):
    """What the planes are.

    Attributes:
        kind: "yuv" (luma, blue, red), "rgb" (green, blue, red) or "grey".
        bits: Of a sample, 8 to 16.
        shifts: Powers of two by which chroma is narrower and lower.
        alpha: Whether it is the last plane.
    """

    kind: str
    bits: int
    shifts: tuple[int, int] = (0, 0)
    alpha: bool = False

    @property
    def pix_fmt(self) -> str:
        """FFmpeg's name of the planar format; "" where it has none."""
        deep = f"{self.bits}le" if self.bits > 8 else ""
        if self.kind == "grey":
            return f"gray{deep}"
        if self.kind == "rgb":
            return f"gbr{'a' if self.alpha else ''}p{deep}"
        alpha = "a" if self.alpha else ""
        return f"yuv{alpha}{_SHIFTS[self.shifts]}p{deep}"


def layout_of(pixel_format: VideoFormat) -> Layout:
    """The layout that holds all of a pixel format, planar or packed."""
    parts = pixel_format.components
    bits = max(part.bits for part in parts)
    bits = next((depth for depth in _DEPTHS if depth >= bits), 16)
    # A palette's alpha is that of animations, not of videos.
    alpha = any(part.is_alpha for part in parts)
    if pixel_format.has_palette or pixel_format.name.startswith("bayer"):
        return Layout("rgb", 8)
    if pixel_format.name.startswith("xyz"):
        return Layout("rgb", 16)
    if pixel_format.is_rgb:
        return Layout("rgb", bits, alpha=alpha)
    if len(parts) < 3:
        return Layout("grey", bits, alpha=alpha)
    shifts = (_power(pixel_format, 0), _power(pixel_format, 1))
    if shifts not in _SHIFTS:
        shifts = (0, 0)
    return Layout("yuv", bits, shifts, alpha)


def _power(pixel_format, axis):
    """Of two: 1024 of luma are 512 of chroma, so 1."""
    size = pixel_format.chroma_height, pixel_format.chroma_width
    return 10 - (size[1 - axis](1024).bit_length() - 1)


def planes_of(
    frame: av.VideoFrame, layout: Layout, size: tuple[int, int] | None = None
) -> list[np.ndarray]:
    """Copies the planes: uint8, or uint16 above 8 bits, `(height, width)`.

    Args:
        frame: Of any pixel format; packed ones are taken apart.
        layout: What is wanted, of the frame's own kind.
        size: Width and height, where another frame's are wanted.

    Raises:
        av.FFmpegError: A damaged frame that cannot be read.
    """
    wanted = layout.pix_fmt
    if layout.kind == "grey" and layout.alpha:
        wanted = "ya8" if layout.bits == 8 else "ya16le"
    same = frame.format.name.replace("yuvj", "yuv") == wanted
    width, height = size or (frame.width, frame.height)
    if not same or (width, height) != (frame.width, frame.height):
        if same:
            wanted = frame.format.name
        # The range and the matrix are no business of swscale's.
        frame = frame.reformat(
            width,
            height,
            wanted,
            src_color_range=frame.color_range,
            dst_color_range=frame.color_range,
            interpolation=_EXACT,
        )
    if wanted.startswith("ya"):
        pairs = _array(frame.planes[0], 2, wanted.endswith("le"))
        return [pairs[:, ::2].copy(), pairs[:, 1::2].copy()]
    return [_array(plane, 1, layout.bits > 8).copy() for plane in frame.planes]


def frame_of(
    planes: list[np.ndarray], pix_fmt: str, frame: av.VideoFrame | None = None
) -> av.VideoFrame:
    """A frame of these planes.

    Args:
        planes: As many, and as large, as `pix_fmt` has.
        pix_fmt: FFmpeg's name of a planar format.
        frame: Whose captions and other side data are to be kept.
    """
    height, width = planes[0].shape
    if frame is None:
        made = av.VideoFrame(width, height, pix_fmt)
    else:
        made = frame.reformat(width, height, pix_fmt)
        made.make_writable()
        made.pict_type = 0
    for plane, values in zip(made.planes, planes, strict=True):
        _array(plane, 1, values.dtype == np.uint16)[:] = values
    return made


def side_data(frame: av.VideoFrame, kind: SideData) -> bytes | None:
    """What a frame says beside its pixels, in FFmpeg's own layout."""
    every: Any = frame.side_data  # Iterated as a sequence, not a mapping.
    found = [data for data in every if data.type == kind]
    return bytes(found[0]) if found else None


def _array(plane, channels, deep):
    """A view of a plane, without what fills its rows up."""
    values = np.frombuffer(plane, np.uint16 if deep else np.uint8)
    return values.reshape(plane.height, -1)[:, : plane.width * channels]
