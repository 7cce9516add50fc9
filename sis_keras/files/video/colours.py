"""Between a video's planes (YCbCr, RGB or grey) and RGB pixels.

What the network changes is added to the planes of the source: where it
changes nothing, they stay what they were, to the bit.
"""

import cv2
import numpy as np

from sis_keras.files.video.forms import WEIGHTS, Form, Picture
from sis_keras.files.video.planes import Layout
from sis_keras.files.video.siting import gather, spread

# Rows at a time; those beside them reach into their chroma.
_BAND, _BESIDE = 256, 8


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
    rgb = to_rgb(picture, picture.form.layout.bits > 8)
    form = picture.form._replace(full=False)
    return picture_of(over_black(rgb, picture), form)


def over_black(rgb: np.ndarray, picture: Picture) -> np.ndarray:
    """RGB pixels as a picture's alpha, if it has one, shows them on black."""
    layout = picture.form.layout
    if not layout.alpha:
        return rgb
    opaque = picture.planes[-1] / np.float32((1 << layout.bits) - 1)
    return np.rint(rgb * opaque[..., None]).astype(rgb.dtype)


def without_hidden(rgb: np.ndarray, picture: Picture) -> np.ndarray:
    """RGB pixels; those that alpha hides have the colour of the nearest seen.

    What lies there is often black, and would darken the edge.
    """
    hidden = picture.planes[-1] == 0
    if not picture.form.layout.alpha or not hidden.any() or hidden.all():
        return rgb
    _, nearest = cv2.distanceTransformWithLabels(
        hidden.astype(np.uint8),
        cv2.DIST_L2,
        3,
        labelType=cv2.DIST_LABEL_PIXEL,
    )
    colours = np.empty((nearest.max() + 1, 3), rgb.dtype)
    colours[nearest[~hidden]] = rgb[~hidden]
    return colours[nearest]


def cropped(picture: Picture, sides: tuple[int, int, int, int]) -> Picture:
    """Without pixels at its left, right, top and bottom.

    Where that would cut a sample of chroma in two, it becomes RGB.
    """
    left, right, top, bottom = sides
    planes, form = picture
    across, down = form.layout.shifts
    height, width = planes[0].shape
    if left + right >= width or top + bottom >= height:
        return picture  # A damaged header.
    if left % (1 << across) or top % (1 << down):
        opaque = picture_of(to_rgb(picture, form.layout.bits > 8), form)
        form = opaque.form
        planes = opaque.planes + planes[3:]
        across = down = 0
    cut = []
    for number, plane in enumerate(planes):
        wide, high = (across, down) if number in (1, 2) else (0, 0)
        rows = slice(top >> high, -(-(height - bottom) >> high))
        columns = slice(left >> wide, -(-(width - right) >> wide))
        cut.append(np.ascontiguousarray(plane[rows, columns]))
    return Picture(cut, form)


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
    if picture.form == form and np.array_equal(before, after):
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
            np.rint(values, values)
            most = (1 << layout.bits) - 1
            planes[number][part] = np.clip(values, 0, most, values)
    if layout.alpha:
        planes.append(_as_deep(picture, layout.bits, kind))
    return planes


def _band(picture, form, before, after, rows):
    """Luma, blue and red of some rows."""
    top, bottom = rows
    first = max(0, top - _BESIDE)
    last = min(len(before), bottom + _BESIDE)
    change = np.subtract(
        after[first:last], before[first:last], dtype=np.float32
    )
    change /= np.iinfo(before.dtype).max
    values = cv2.transform(change, _rows(form.matrix))
    if picture.form.layout.kind == "grey":
        values[..., 1:] = 0  # It stays grey.
    alike = _lie_alike(picture.form, form)
    if not alike:
        values += _ycbcr(picture, form.matrix, (first, last))
    scale, black = _scale(form)
    for number in range(3):
        chroma = bool(number)
        channel = np.ascontiguousarray(values[..., number])
        shift = 0
        if chroma:
            channel = gather(channel, form.layout.shifts, form.siting)
            shift = form.layout.shifts[1]
        ours = slice((top - first) >> shift, -(-(bottom - first) >> shift))
        channel = channel[ours] * scale[chroma]
        if alike:
            start = top >> shift
            channel += _rescaled(
                picture.planes[number][start : start + len(channel)],
                picture.form,
                form,
                chroma,
            )
        else:
            channel += black[chroma]
        yield channel


def _lie_alike(one, other):
    """Whether their samples lie at the same places, and mean the same."""
    return (
        one.layout.kind == other.layout.kind
        and one.layout.shifts == other.layout.shifts
        and one[1::2] == other[1::2]  # The matrix and the siting.
    )


def _rescaled(values, one, other, chroma):
    """Samples of one depth and range as those of another."""
    (was, zero), (is_now, black) = (
        [pair[chroma] for pair in _scale(form)] for form in (one, other)
    )
    if was == is_now:
        return values
    return (values.astype(np.float32) - zero) * (is_now / was) + black


def _ycbcr(picture, matrix, rows):
    """float32 `(rows, width, 3)`: Y from 0 to 1, Cb, Cr from -0.5 to 0.5."""
    source, form = _colours(picture, rows), picture.form
    if form.layout.kind == "rgb":
        return cv2.transform(source, _rows(matrix))
    if form.matrix != matrix:
        both = _rows(matrix) @ np.linalg.inv(_rows(form.matrix))
        return cv2.transform(source, both)
    return source


def _colours(picture, rows):
    """float32 `(rows, width, 3)`: RGB, or Y and Cb, Cr from -0.5 to 0.5."""
    planes, (layout, _, _, siting) = picture
    part, width = slice(*rows), planes[0].shape[1]
    scale, black = (tuple(map(float, x)) for x in _scale(picture.form))
    if layout.kind == "rgb":
        green, blue, red = (plane[part] for plane in planes[:3])
        return cv2.merge([red, green, blue]).astype(np.float32) / scale[0]
    luma = (planes[0][part].astype(np.float32) - black[0]) / scale[0]
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
    kr, kb = WEIGHTS[matrix]
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
