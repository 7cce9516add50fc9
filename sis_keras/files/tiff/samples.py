"""Samples of a TIFF page: from whatever it holds to RGB, and back."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sis_keras.files.channels import joined, to_8_bits, turned
from sis_keras.files.tiff import colors, scale

ASSOCIATED, STRAIGHT = 1, 2
BAND = 2**20  # samples that are converted at once
EXTRA_KEPT = "a channel beside colours and alpha is kept as it was"
PLAIN = (np.uint8, np.uint16)


class Own(NamedTuple):
    """What only a TIFF file takes over.

    Attributes:
        entries: Tags.
        order: Of bytes.
        big: Whether it was a BigTIFF file.
        inverted: Whether grey was stored with 0 for white.
        associated: Whether colours were multiplied by their alpha.
        extras: uint8 or uint16 `(height, width, n)` beside colours and alpha.
        kinds: What ExtraSamples says of these.
        original: Every sample `(height, width, n)`, where they are of other
            types than uint8 and uint16.
        levels: What of its colours is black and white.
        missing: Where there are no pixels, `(height, width)`.
        nodata: The value of those.
    """

    entries: tuple[Any, ...] = ()
    order: str = "<"
    big: bool = False
    inverted: bool = False
    associated: bool = False
    extras: np.ndarray | None = None
    kinds: tuple[int, ...] = ()
    original: np.ndarray | None = None
    levels: tuple[float, float] = (0, 1)
    missing: np.ndarray | None = None
    nodata: float = 0


class Samples(NamedTuple):
    """`pixels`, `alpha` and `grey` of a `Photograph`, and what else there is.

    Attributes:
        pixels: As a `Photograph`'s.
        alpha: As a `Photograph`'s.
        grey: As a `Photograph`'s.
        own: All but its tags and order.
        icc: Whether the file's profile is still theirs.
        same: Whether what is written has the source's kind of samples.
        notes: What changed.
    """

    pixels: np.ndarray
    alpha: np.ndarray | None
    grey: bool
    own: Own
    icc: bool
    same: bool
    notes: tuple[str, ...]


# === Reading ===


def of_page(page, array: np.ndarray, icc, nodata, orientation) -> Samples:
    """RGB of a page's samples, upright.

    Args:
        page: Of tifffile.
        array: `(height, width, samples)`, as stored.
        icc: The file's profile, or None.
        nodata: The value of pixels that are none, or None.
        orientation: EXIF's, 1 to 8.

    Raises:
        ValueError: No picture is made of such samples.
    """
    found = colors.to_rgb(page, array, icc)
    count = found.colors
    array = turned(found.array, orientation)
    kinds = _kinds(page, array.shape[2] - count)
    clear = kinds[:1] in ((ASSOCIATED,), (STRAIGHT,))
    last = count + clear
    own = Own(
        inverted=found.inverted,
        associated=kinds[:1] == (ASSOCIATED,),
        kinds=kinds[clear:],
    )
    if nodata is not None and found.same:
        missing = (array[..., :count] == nodata).all(axis=2)
        if missing.any():
            own = own._replace(missing=missing, nodata=nodata)
    if array.dtype not in PLAIN:
        levels = scale.levels(array[..., :count], own.missing)
        own = own._replace(original=np.ascontiguousarray(array), levels=levels)
    elif array.shape[2] > last:
        own = own._replace(extras=np.ascontiguousarray(array[..., last:]))
    pixels, alpha = _shown(array[..., :last], count, own)
    return Samples(
        pixels, alpha, count == 1, own, found.icc, found.same, found.notes
    )


def _shown(array, count, own):
    """RGB, and alpha or None; some rows at a time, for memory's sake."""
    plain = array.dtype in PLAIN
    dtype = array.dtype if plain else np.dtype(np.uint16)
    height, width, last = array.shape
    if plain and last == 3 and array.flags.c_contiguous:
        return array, None
    pixels = np.empty((height, width, 3), dtype)
    alpha = np.empty((height, width), dtype) if last > count else None
    for rows in row_bands(height, max(1, BAND // (width * last))):
        band = array[rows]
        if not plain:
            band = _at_16_bits(band, count, last, own.levels)
        if own.inverted:
            band = _inverted(band, count)
        if own.associated:
            band = straight(band)
        pixels[rows] = band[..., :count]
        if alpha is not None:
            alpha[rows] = band[..., count]
    return pixels, alpha


def _kinds(page, count):
    """ExtraSamples of `count` samples; without, a lone one is alpha."""
    tag = page.tags.get(338)
    kinds = tuple(page.extrasamples) if tag else ()
    kinds = tuple(int(x) if x in (ASSOCIATED, STRAIGHT) else 0 for x in kinds)
    if not kinds and count == 1:
        kinds = (STRAIGHT,)
    return (kinds[-count:] if count else ()) + (0,) * (count - len(kinds))


def row_bands(height: int, rows: int) -> Iterator[slice]:
    """Slices of so many rows each, but for the last."""
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def _at_16_bits(band, count, last, levels):
    colored = scale.to_16_bits(band[..., :count], levels)
    full = (0.0, scale.full(band.dtype))
    alpha = scale.to_16_bits(band[..., count:last], full)
    return np.concatenate([colored, alpha], axis=2)


def _inverted(band, count):
    band = band.copy()
    np.invert(band[..., :count], out=band[..., :count])
    return band


def straight(band: np.ndarray) -> np.ndarray:
    """Colours that were multiplied by the last channel, as they were before."""
    most = np.iinfo(band.dtype).max
    alpha = band[..., -1:]
    factors = np.where(alpha > 0, most / np.maximum(alpha, 1.0), 0.0)
    values = np.minimum(np.rint(band[..., :-1] * factors), most)
    return np.concatenate([values.astype(band.dtype), alpha], axis=2)


def associated(band: np.ndarray) -> np.ndarray:
    """Colours multiplied by the last channel, alpha; undoes `straight`."""
    alpha = band[..., -1:]
    values = np.rint(band[..., :-1] * (alpha / np.iinfo(band.dtype).max))
    return np.concatenate([values.astype(band.dtype), alpha], axis=2)


# === Writing ===


class Layout(NamedTuple):
    """The samples of a page to write.

    Attributes:
        shape: `(height, width, samples)`.
        dtype: Native.
        colors: How many of them are colours, 1 or 3.
        extra: ExtraSamples of the others.
        inverted: Whether grey is stored with 0 for white.
        rows: Gives some rows, by their slice.
        notes: What is left out.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype
    colors: int
    extra: tuple[int, ...]
    inverted: bool
    rows: Any
    notes: tuple[str, ...]


def to_page(pixels: np.ndarray, like, own: Any) -> Layout:
    """Lays out the samples of a `Photograph` whose pixels became others."""
    notes = [EXTRA_KEPT] if own.kinds else []
    for held in (own.original, own.extras, own.missing):
        if held is not None and held.shape[:2] != pixels.shape[:2]:
            own, notes = Own(own.entries, own.order, own.big), []
    count = 1 if like.grey else 3
    clear = like.alpha is not None
    if own.original is not None:
        clear = own.original.shape[2] > count + len(own.kinds)
    extra = ((ASSOCIATED if own.associated else STRAIGHT),) * clear
    if own.original is not None:
        return Layout(
            own.original.shape,
            own.original.dtype,
            count,
            (*extra, *own.kinds),
            False,
            lambda rows: _changed(pixels[rows], like.grey, own, rows, clear),
            (
                *notes,
                f"{own.original.dtype} is kept: 16 bits of it were restored, "
                "and the change was added",
            ),
        )
    beside = own.extras.shape[2] if own.extras is not None else 0
    extra += own.kinds[:beside]
    inverted = own.inverted and like.grey

    def band(rows):
        alpha = like.alpha[rows] if clear else None
        made = joined(pixels[rows], alpha, like.grey)
        if own.associated and clear:
            made = associated(made)
        if inverted:
            made = _inverted(made, count)
        if own.missing is not None:
            made[..., :count][own.missing[rows]] = own.nodata
        if beside:
            rest = _of_dtype(own.extras[rows], made.dtype)
            made = np.concatenate([made, rest], axis=2)
        return made

    shape = (*pixels.shape[:2], count + len(extra))
    return Layout(
        shape, pixels.dtype, count, extra, inverted, band, tuple(notes)
    )


def _of_dtype(values, dtype):
    if values.dtype == dtype:
        return values
    if dtype == np.uint16:
        return values * np.uint16(257)
    return to_8_bits(values)


def _changed(pixels, grey, own, rows, clear):
    """The original's own values, and what the 16 bits of them changed by."""
    made = own.original[rows].copy()
    count = 1 if grey else 3
    before = _at_16_bits(made, count, count + clear, own.levels)
    if own.associated:
        before = straight(before)
    after = joined(_of_dtype(pixels, np.dtype(np.uint16)), None, grey)
    change = after.astype(np.float64) - before[..., :count]
    if own.associated:
        change *= before[..., count:] / 65535
    black, white = own.levels
    with np.errstate(invalid="ignore", over="ignore"):
        new = made[..., :count] + change * ((white - black) / 65535)
    if made.dtype.kind in "iu":
        limits = np.iinfo(made.dtype)
        new = np.clip(np.rint(new), limits.min, limits.max)
    moved = change != 0
    if own.missing is not None:
        moved &= ~own.missing[rows][..., None]
    made[..., :count][moved] = new[moved].astype(made.dtype)
    return made
