"""Colours that nobody sees, as alpha is 0 there."""

from collections.abc import Callable, Iterator

import numpy as np
from PIL import Image

# Of a band, and of the rows around it that its colours may come from.
BAND_PIXELS = 2**20
MARGIN = 64


def restored_as_seen(
    pixels: np.ndarray,
    alpha: np.ndarray | None,
    deblur: Callable[[np.ndarray], np.ndarray],
) -> np.ndarray:
    """What `deblur` makes of a picture when hidden colours do not count.

    Meanwhile hidden pixels have the colours of what is seen around them;
    those that were stored come back, in the result as in `pixels`.

    Args:
        pixels: uint8 or uint16 RGB `(height, width, 3)`.
        alpha: `(height, width)`; 0 hides. None hides nothing.
        deblur: Maps such pixels to new ones of the same shape and dtype.
    """
    if alpha is None or alpha.all():
        return deblur(pixels)
    if not alpha.any():
        return pixels.copy()
    hidden = alpha == 0
    stored = pixels[hidden]
    _fill(pixels, hidden)
    try:
        restored = deblur(pixels)
    finally:
        pixels[hidden] = stored
    restored[hidden] = stored
    return restored


def _fill(pixels, hidden):
    """In place; of the hidden pixels no value is used."""
    elsewhere = None
    for band, around in _bands(*hidden.shape):
        here = hidden[band]
        if not here.any():
            continue
        if hidden[around].all():
            if elsewhere is None:
                elsewhere = pixels[~hidden].mean(axis=0)
            pixels[band] = np.rint(elsewhere)
            continue
        seen = (~hidden[around]).astype(np.float32)
        values = _filled(pixels[around].astype(np.float32), seen)
        values = values[band.start - around.start :][: len(here)]
        pixels[band][here] = np.rint(values[here])


def _bands(height: int, width: int) -> Iterator[tuple[slice, slice]]:
    """Rows, and the same with a margin."""
    rows = max(1, BAND_PIXELS // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        yield (
            slice(top, bottom),
            slice(max(top - MARGIN, 0), min(bottom + MARGIN, height)),
        )


def _filled(values, seen):
    """Float32 values where `seen` is 1, elsewhere coarser and coarser means.

    Push and pull of Gortler et al., The Lumigraph (1996), with 2x2 means.
    """
    if seen.all() or not seen.any():
        return values
    counts = _halved(seen)
    sums = _halved(values * seen[..., None])
    means = sums / np.maximum(counts, np.float32(1))[..., None]
    coarse = _filled(means, (counts > 0).astype(np.float32))
    coarse = _enlarged(coarse, *seen.shape)
    return np.where(seen[..., None] > 0, values, coarse)


def _halved(values):
    """Sums of 2x2; beyond the ends are zeros."""
    ends = [(0, length % 2) for length in values.shape[:2]]
    even = np.pad(values, [*ends, (0, 0)][: values.ndim])
    rows = even[::2] + even[1::2]
    return rows[:, ::2] + rows[:, 1::2]


def _enlarged(values, height, width):
    channels = [
        Image.fromarray(np.ascontiguousarray(values[..., channel])).resize(
            (width, height), Image.Resampling.BILINEAR
        )
        for channel in range(values.shape[2])
    ]
    return np.stack([np.asarray(x) for x in channels], axis=2)
