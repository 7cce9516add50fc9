"""How a video's frames hold their colours."""

from typing import NamedTuple

import av
import numpy as np
from av.video.reformatter import ColorRange

from sis_keras.errors import UserError
from sis_keras.files.video.planes import Layout, layout_of

# FFmpeg's numbers of the matrices, and the weights of red and blue in luma.
WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601
    6: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # Its constant luminance: nearly the same.
}
_RGB, _UNSPECIFIED, _BT601, _BT709 = 0, 2, 5, 1
# Of these, grey that says nothing is stored from 16 to 235.
_LIMITED = ("h264", "hevc", "mpeg", "h263", "vp", "av1", "libdav1d", "theora")


class Form(NamedTuple):
    """How planes hold colours.

    Attributes:
        layout: What the planes are.
        matrix: FFmpeg's number of the YCbCr matrix.
        full: Whether luma goes from 0 to 255, not from 16 to 235.
        siting: Where chroma lies, by FFmpeg's name.
    """

    layout: Layout
    matrix: int
    full: bool
    siting: str = "left"


class Picture(NamedTuple):
    """A frame's planes, and their form."""

    planes: list[np.ndarray]
    form: Form


def form_of(frame: av.VideoFrame, codec: str, siting: str) -> Form:
    """The form of a decoded frame.

    Raises:
        UserError: A rare matrix that is not supported, such as YCgCo.
    """
    layout = layout_of(frame.format)
    full = full_range(frame)
    if layout.kind == "grey" and frame.color_range == ColorRange.UNSPECIFIED:
        full |= not codec.startswith(_LIMITED)
    return Form(layout, matrix_of(frame), full, siting)


def matrix_of(frame: av.VideoFrame) -> int:
    """The YCbCr matrix; without a tag, the one that players guess.

    Raises:
        UserError: A rare matrix that is not supported, such as YCgCo.
    """
    if frame.colorspace in (_RGB, _UNSPECIFIED):
        large = frame.width >= 1280 or frame.height > 576
        return _BT709 if large else _BT601
    if frame.colorspace not in WEIGHTS:
        raise UserError(
            "Expected a video in RGB or an ordinary YCbCr. Received: FFmpeg's "
            f"colour space {frame.colorspace}. Convert it to BT.709 first."
        )
    return frame.colorspace


def full_range(frame: av.VideoFrame) -> bool:
    """Whether luma goes from 0 to 255, not from 16 to 235."""
    return (
        frame.color_range == ColorRange.JPEG
        or frame.format.name.startswith("yuvj")
    )  # fmt: skip


def tags_like(
    frame: av.VideoFrame, form: Form, bare: bool = False
) -> dict[str, int]:
    """The source's colour tags, with a matrix where it had none to keep.

    Args:
        frame: The source's.
        form: Of the target.
        bare: Of another size, for which players would guess another one.
    """
    rgb = frame.colorspace == _RGB or form.layout.kind == "rgb"
    rgb |= bare and frame.colorspace == _UNSPECIFIED
    return {
        "colorspace": form.matrix if rgb else frame.colorspace,
        "color_range": ColorRange.JPEG if form.full else ColorRange.MPEG,
        "color_primaries": frame.color_primaries,
        "color_trc": frame.color_trc,
    }
