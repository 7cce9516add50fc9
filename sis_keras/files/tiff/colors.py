"""Colours of TIFF pages that are neither RGB nor grey of 8 or 16 bits."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from sis_keras.files.channels import by_profile

WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE = 0, 1, 2, 3
SEPARATED, YCBCR, LAB, ICC_LAB = 5, 6, 8, 9
COUNTS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, YCBCR: 3}
NAMES = {PALETTE: "palette", SEPARATED: "CMYK", LAB: "Lab", ICC_LAB: "Lab"}
BAND = 256  # rows
# XYZ of D50 to linear sRGB, Bradford's adaptation included.
XYZ_TO_SRGB = np.array(
    [
        [3.1338561, -1.6168667, -0.4906146],
        [-0.9787684, 1.9161415, 0.0334540],
        [0.0719453, -0.2289914, 1.4052427],
    ]
)
D50 = np.array([0.96422, 1.0, 0.82521])


class Converted(NamedTuple):
    """Samples whose first ones are grey or RGB.

    Attributes:
        array: `(height, width, samples)`.
        colors: How many of them are colours, 1 or 3.
        inverted: Whether 0 is white in `array`.
        same: Whether nothing was converted.
        icc: Whether the file's profile is still theirs.
        notes: What became what.
    """

    array: np.ndarray
    colors: int
    inverted: bool = False
    same: bool = True
    icc: bool = True
    notes: tuple[str, ...] = ()


def to_rgb(page, array: np.ndarray, icc: bytes | None) -> Converted:
    """Grey or RGB of a page's samples, of 8 or 16 bits if they had no more.

    Args:
        page: Of tifffile.
        array: `(height, width, samples)`, as stored.
        icc: The file's profile, or None.

    Raises:
        ValueError: They are no colours that are known.
    """
    photometric = page.photometric
    if photometric == PALETTE:
        return _of_palette(page, array)
    bits = page.bitspersample
    array, widened = _widened(array, bits)
    notes = (
        (f"{bits}-bit samples became {8 * array.itemsize}-bit ones",)
        if widened
        else ()
    )
    if photometric in COUNTS:
        count = COUNTS[photometric]
        if array.shape[2] < count:
            raise ValueError("too few channels")
        inverted = photometric == WHITE_IS_ZERO
        if inverted and (widened or array.dtype not in (np.uint8, np.uint16)):
            array, inverted = _negative(array), False
            widened = True
        return Converted(array, count, inverted, not widened, True, notes)
    convert: Callable
    if photometric == SEPARATED and array.shape[2] >= 4:
        inks = 4
        convert = _of_cmyk(icc, array.dtype)
    elif photometric in (LAB, ICC_LAB) and array.shape[2] >= 3:
        inks = 3
        convert = _of_lab(photometric == ICC_LAB, array.dtype)
    else:
        raise ValueError(f"photometric interpretation {photometric}")
    if array.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"{array.dtype} of {NAMES[photometric]}")
    rest = array.shape[2] - inks
    result = np.empty((*array.shape[:2], 3 + rest), array.dtype)
    for top in range(0, len(array), BAND):
        band = array[top : top + BAND]
        result[top : top + BAND, :, :3] = convert(band[..., :inks])
        result[top : top + BAND, :, 3:] = band[..., inks:]
    notes = (*notes, f"{NAMES[photometric]} became sRGB")
    return Converted(result, 3, False, False, False, notes)


def _widened(array, bits):
    """1 to 7 bits to 8, 9 to 15 to 16, full range to full range."""
    if array.dtype == bool:
        return array * np.uint8(255), True
    if array.dtype.kind != "u" or not isinstance(bits, int):
        return array, False
    if bits in (8, 16) or bits > 16:
        return array, False
    wide, full = (np.uint8, 255) if bits < 8 else (np.uint16, 65535)
    most = 2**bits - 1
    table = (np.arange(most + 1) * full * 2 + most) // (2 * most)
    return table.astype(wide)[np.minimum(array, most)], True


def _negative(array):
    result = array.copy()
    if array.dtype.kind == "f":
        with np.errstate(invalid="ignore", over="ignore"):
            result[..., 0] = 1 - array[..., 0]
    else:
        result[..., 0] = np.invert(array[..., 0])
    return result


def _of_palette(page, array):
    """RGB of 8 bits, or 16 where its colours need them."""
    table: np.ndarray = np.asarray(page.colormap).T
    if table.ndim != 2 or table.shape[1] != 3 or array.dtype.kind not in "ub":
        raise ValueError("no palette")
    notes = ("the palette became RGB",)
    if not (table % 257).any():
        table = (table // 257).astype(np.uint8)
    elif not (table % 256).any():
        table = (table // 256).astype(np.uint8)
    if table.max(initial=0) < 256 and table.dtype == np.uint16:
        table = table.astype(np.uint8)  # Some writers forget to scale it.
    colors = table[np.minimum(array[..., 0], len(table) - 1)]
    rest = array[..., 1:]
    if rest.shape[2]:
        if rest.dtype != colors.dtype:
            scale = np.iinfo(colors.dtype).max // np.iinfo(rest.dtype).max
            rest = rest * colors.dtype.type(max(scale, 1))
        colors = np.concatenate([colors, rest.astype(colors.dtype)], axis=2)
    return Converted(colors, 3, False, False, True, notes)


def _of_cmyk(icc, dtype):
    most = int(np.iinfo(dtype).max)

    def plainly(inks):
        light = most - inks.astype(np.uint64)
        return (light[..., :3] * light[..., 3:] + most // 2) // most

    if not icc or icc[16:20] != b"CMYK":
        return plainly
    if by_profile(np.zeros((1, 1, 4), dtype), icc, "cmyk") is None:
        return plainly
    return functools.partial(by_profile, icc=icc, colors="cmyk")


def _of_lab(by_icc, dtype):
    deep = dtype == np.uint16
    most = 65535 if deep else 255

    def convert(lab):
        signed = lab[..., 1:].astype(np.float64) / (256 if deep else 1)
        signed = signed - 128 if by_icc else (signed + 128) % 256 - 128
        light = lab[..., 0] * (100 / (65280 if by_icc and deep else most))
        return _srgb_of_lab(light, signed, most)

    return convert


def _srgb_of_lab(light, signed, most):
    """CIE 15: XYZ of L*a*b*, then IEC 61966-2-1."""
    y = (light + 16) / 116
    roots = np.stack(
        [y + signed[..., 0] / 500, y, y - signed[..., 1] / 200], -1
    )
    cubes = np.where(
        roots > 6 / 29, roots**3, 3 * (6 / 29) ** 2 * (roots - 4 / 29)
    )
    linear = np.clip(cubes * D50 @ XYZ_TO_SRGB.T, 0, 1)
    srgb = np.where(
        linear <= 0.0031308,
        12.92 * linear,
        1.055 * linear ** (1 / 2.4) - 0.055,
    )
    return np.rint(srgb * most)
