"""Samples of 32 bits, or floats, as 16 bits that a network can restore."""

import numpy as np

# Where 99 % of a picture is darker than this, its own white is taken.
DARK = 0.25
MOST_SAMPLES = 2**20


def full(dtype: np.dtype) -> float:
    """White, by the type alone: 1, or the greatest integer."""
    return 1.0 if dtype.kind == "f" else float(np.iinfo(dtype).max)


def levels(
    colors: np.ndarray, missing: np.ndarray | None
) -> tuple[float, float]:
    """What of a picture's values is black and white.

    0 and the type's own white, unless few values are between. Values beyond
    these are kept as they are.

    Args:
        colors: `(height, width, n)`, signed, unsigned or floating.
        missing: Pixels that do not count, `(height, width)`. Or None.
    """
    step = max(1, int(np.sqrt(colors.size / MOST_SAMPLES)))
    some = colors[::step, ::step]
    some = some[~missing[::step, ::step]] if missing is not None else some
    some = some[np.isfinite(some)].astype(np.float64)
    if not some.size:
        return 0.0, 1.0
    least, low, bright, most = np.quantile(some, [0.001, 0.01, 0.99, 0.999])
    # Not that of a few pixels, far beyond.
    least = max(some.min(), 2 * least)
    most = min(some.max(), 2 * most)
    black = 0.0 if low >= 0 else float(least)
    white = full(colors.dtype)
    if bright > white:
        white = float(most)
    elif bright < DARK * white:
        white = min(float(most), white)
    return (black, white) if white > black else (black, black + 1)


def to_16_bits(values: np.ndarray, between: tuple[float, float]) -> np.ndarray:
    """uint16 of the same shape: black to white becomes 0 to 65535."""
    black, white = between
    with np.errstate(invalid="ignore", over="ignore"):
        part = (values.astype(np.float64) - black) / (white - black)
    part = np.nan_to_num(part, nan=0.0, posinf=1.0, neginf=0.0)
    return np.rint(np.clip(part, 0, 1) * 65535).astype(np.uint16)
