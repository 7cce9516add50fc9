"""Between a video's YCbCr frames (PyAV) and RGB pixels."""

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Interpolation

from sis_keras.errors import UserError

# FFmpeg's numbers of the matrices, and the weights of red and blue in luma.
_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
}
_RGB, _UNSPECIFIED, _BT601, _BT709 = 0, 2, 5, 1
# swscale's default takes the nearest chroma and rounds down.
_EXACT = (
    Interpolation.BICUBIC
    | Interpolation.ACCURATE_RND
    | Interpolation.FULL_CHR_H_INT
    | Interpolation.FULL_CHR_H_INP
)


def matrix_of(frame: av.VideoFrame) -> int:
    """The YCbCr matrix; without a tag, the one that players guess.

    Raises:
        UserError: A rare matrix that is not supported, such as YCgCo.
    """
    if frame.colorspace in (_RGB, _UNSPECIFIED):
        large = frame.width >= 1280 or frame.height > 576
        return _BT709 if large else _BT601
    # 6 is the same matrix, but unknown to PyAV.
    matrix = _BT601 if frame.colorspace == 6 else frame.colorspace
    if matrix not in _WEIGHTS:
        raise UserError(
            "Expected a video in RGB or an ordinary YCbCr. Received: FFmpeg's "
            f"colour space {matrix}. Convert it to BT.709 first."
        )
    return matrix


def full_range(frame: av.VideoFrame) -> bool:
    """Whether luma goes from 0 to 255, not from 16 to 235."""
    return (
        frame.color_range == ColorRange.JPEG
        or frame.format.name.startswith("yuvj")
    )  # fmt: skip


def to_rgb(frame: av.VideoFrame, width: int, height: int) -> np.ndarray:
    """uint8 `(height, width, 3)`; a frame of another size is scaled."""
    matrix = matrix_of(frame)
    rgb = frame.reformat(
        width,
        height,
        "rgb24",
        src_colorspace=None if frame.colorspace == _RGB else matrix,
        src_color_range=frame.color_range,
        interpolation=_EXACT,
    )
    return rgb.to_ndarray()


def tags_like(frame: av.VideoFrame) -> dict[str, int]:
    """The source's colour tags, with a matrix where it had none to keep."""
    rgb = frame.colorspace == _RGB
    full = full_range(frame)
    return {
        "colorspace": matrix_of(frame) if rgb else frame.colorspace,
        "color_range": ColorRange.JPEG if full else ColorRange.MPEG,
        "color_primaries": frame.color_primaries,
        "color_trc": frame.color_trc,
    }


def from_rgb(
    pixels: np.ndarray, pix_fmt: str, matrix: int, full: bool
) -> av.VideoFrame:
    """Encodes uint8 RGB `(height, width, 3)`, rounded to the nearest.

        Y = kr R + kg G + kb B,  Cb = (B - Y) / 2(1 - kb),  Cr likewise

    swscale is not asked: in the full range it rounds chroma down.
    """
    kr, kb = _WEIGHTS[matrix]
    luma = np.array([kr, 1.0 - kr - kb, kb])
    blue = (np.array([0.0, 0.0, 1.0]) - luma) / (2.0 - 2.0 * kb)
    red = (np.array([1.0, 0.0, 0.0]) - luma) / (2.0 - 2.0 * kr)
    black, luma_span, span = (0, 255, 255) if full else (16, 219, 224)
    rows = np.stack([luma_span * luma, span * blue, span * red]) / 255.0
    ycbcr = cv2.transform(
        np.ascontiguousarray(pixels), np.c_[rows, [black, 128, 128]]
    )
    frame = av.VideoFrame.from_ndarray(np.stack(cv2.split(ycbcr)), "yuv444p")
    frame.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return frame.reformat(format=pix_fmt, interpolation=_EXACT)
