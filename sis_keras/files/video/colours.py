"""Between a video's planes (YCbCr, RGB or grey) and RGB pixels.

What the network changes is added to the planes of the source: where it
changes nothing, they stay what they were, to the bit.
"""

from typing import NamedTuple

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange

from sis_keras.errors import UserError
from sis_keras.files.video.planes import Layout, layout_of
from sis_keras.files.video.siting import gather, spread

# FFmpeg's numbers of the matrices, and the weights of red and blue in luma.
_WEIGHTS = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.601
    6: (0.299, 0.114),
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020
    10: (0.2627, 0.0593),  # Its constant luminance: nearly the same.
}
_RGB, _UNSPECIFIED, _BT601, _BT709 = 0, 2, 5, 1
# Rows at a time; those beside them reach into their chroma.
_BAND, _BESIDE = 256, 8
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
    if frame.colorspace not in _WEIGHTS:
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


def tags_like(frame: av.VideoFrame, form: Form) -> dict[str, int]:
    """The source's colour tags, with a matrix where it had none to keep."""
    rgb = frame.colorspace == _RGB or form.layout.kind == "rgb"
    return {
        "colorspace": form.matrix if rgb else frame.colorspace,
        "color_range": ColorRange.JPEG if form.full else ColorRange.MPEG,
        "color_primaries": frame.color_primaries,
        "color_trc": frame.color_trc,
    }


def to_rgb(picture: Picture, deep: bool = False) -> np.ndarray:
    """uint8 `(height, width, 3)`, or uint16 if `deep`; alpha is passed over."""
    height, width = picture.planes[0].shape
    most, kind = (65535, np.uint16) if deep else (255, np.uint8)
    rgb = np.empty((height, width, 3), kind)
    for top in range(0, height, _BAND):
        rows = top, min(top + _BAND, height)
        band = rgb[slice(*rows)]
        values = _colours(picture, rows)
        if picture.form.layout.kind != "rgb":
            values = cv2.transform(
                values, np.linalg.inv(_rows(picture.form.matrix))
            )
        values *= most
        np.rint(values, values)
        band[:] = np.clip(values, 0, most, values)
    return rgb


def on_black(picture: Picture) -> Picture:
    """RGB as shown on a black ground, without alpha."""
    layout = picture.form.layout
    deep = layout.bits > 8
    bits = 16 if deep else 8
    rgb = to_rgb(picture, deep)
    opaque = picture.planes[-1] / np.float32((1 << layout.bits) - 1)
    shown = np.rint(rgb * opaque[..., None]).astype(rgb.dtype)
    form = picture.form._replace(layout=Layout("rgb", bits), full=False)
    return Picture([shown[..., 1], shown[..., 2], shown[..., 0]], form)


def picture_of(rgb: np.ndarray, form: Form) -> Picture:
    """RGB pixels, uint8 or uint16, as planes."""
    bits = 8 * rgb.dtype.itemsize
    form = form._replace(layout=Layout("rgb", bits))
    return Picture([rgb[..., 1], rgb[..., 2], rgb[..., 0]], form)


def changed(
    picture: Picture, form: Form, before: np.ndarray, after: np.ndarray
) -> list[np.ndarray]:
    """Planes of a form: those of a picture, and what changed in it.

        Y = kr R + kg G + kb B,  Cb = (B - Y) / 2(1 - kb),  Cr likewise

    Args:
        picture: The source.
        form: That of the result, "yuv".
        before: What `to_rgb` made of the picture.
        after: What became of that; the same type and shape.
    """
    alike = picture.form == form
    if alike and np.array_equal(before, after):
        return picture.planes
    height, width = before.shape[:2]
    layout = form.layout
    across, down = layout.shifts
    kind = np.uint16 if layout.bits > 8 else np.uint8
    chroma = -(-height // (1 << down)), -(-width // (1 << across))
    planes = [np.empty((height, width), kind)]
    planes += [np.empty(chroma, kind) for _ in range(2)]
    for top in range(0, height, _BAND):
        rows = top, min(top + _BAND, height)
        for number, values in enumerate(
            _band(picture, form, before, after, rows)
        ):
            first = top >> down if number else top
            part = slice(first, first + len(values))
            if alike:
                values += picture.planes[number][part]
            np.rint(values, values)
            most = (1 << layout.bits) - 1
            planes[number][part] = np.clip(values, 0, most, values)
    if layout.alpha:
        planes.append(_as_deep(picture, layout.bits, kind))
    return planes


def _band(picture, form, before, after, rows):
    """Luma, blue and red: the change alone where the forms are alike."""
    alike = picture.form == form
    top, bottom = rows
    first = max(0, top - _BESIDE)
    last = min(len(before), bottom + _BESIDE)
    most = np.iinfo(before.dtype).max
    change = np.subtract(
        after[first:last], before[first:last], dtype=np.float32
    )
    change /= most
    values = cv2.transform(change, _rows(form.matrix))
    if picture.form.layout.kind == "grey":
        values[..., 1:] = 0  # It stays grey.
    if not alike:
        source = _colours(picture, (first, last))
        if picture.form.layout.kind == "rgb":
            source = cv2.transform(source, _rows(form.matrix))
        elif picture.form.matrix != form.matrix:
            source = cv2.transform(source, _between(picture.form, form))
        values += source
    scale, black = _scale(form)
    yield (
        values[top - first : bottom - first, :, 0] * scale[0]
        + (0 if alike else black[0])
    )
    shift = form.layout.shifts[1]
    ours = slice((top - first) >> shift, -(-(bottom - first) >> shift))
    for channel in (1, 2):
        gathered = gather(
            np.ascontiguousarray(values[..., channel]),
            form.layout.shifts,
            form.siting,
        )
        yield gathered[ours] * scale[1] + (0 if alike else black[1])


def _between(one, other):
    return _rows(other.matrix) @ np.linalg.inv(_rows(one.matrix))


def _colours(picture, rows):
    """float32 `(rows, width, 3)`: RGB, or Y and Cb, Cr from -0.5 to 0.5."""
    planes, (layout, _, _, siting) = picture
    part, width = slice(*rows), planes[0].shape[1]
    scale, black = (np.float32(x) for x in _scale(picture.form))
    if layout.kind == "rgb":
        green, blue, red = (plane[part] for plane in planes[:3])
        return cv2.merge([red, green, blue]) / scale[0]
    luma = (planes[0][part] - black[0]) / scale[0]
    if layout.kind == "grey":
        nothing = np.zeros_like(luma)
        return cv2.merge([luma, nothing, nothing])
    chroma = [
        (spread(plane, layout.shifts, siting, rows, width) - black[1])
        / scale[1]
        for plane in planes[1:3]
    ]
    return cv2.merge([luma, *chroma])


def _scale(form):
    """Luma's and chroma's spans, and where they have their zeros."""
    bits = form.layout.bits
    most, unit = (1 << bits) - 1, 1 << (bits - 8)
    if form.layout.kind == "rgb":
        return (most, most), (0, 0)
    if form.full:
        return (most, most), (0, 128 * unit)
    return (219 * unit, 224 * unit), (16 * unit, 128 * unit)


def _rows(matrix):
    """RGB, each from 0 to 1, to Y, Cb and Cr."""
    kr, kb = _WEIGHTS[matrix]
    luma = np.array([kr, 1.0 - kr - kb, kb])
    blue = (np.array([0.0, 0.0, 1.0]) - luma) / (2.0 - 2.0 * kb)
    red = (np.array([1.0, 0.0, 0.0]) - luma) / (2.0 - 2.0 * kr)
    return np.stack([luma, blue, red])


def _as_deep(picture, bits, kind):
    """Alpha, which is stored in the full range, of as many bits."""
    alpha, had = picture.planes[-1], picture.form.layout.bits
    if had == bits:
        return alpha
    factor = ((1 << bits) - 1) / ((1 << had) - 1)
    return np.rint(alpha * factor).astype(kind)
