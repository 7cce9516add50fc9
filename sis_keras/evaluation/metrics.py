"""Picture quality by named definitions: PSNR, SSIM, colour.

Every metric compares two uint8 RGB pictures of one shape, `(height, width, 3)`,
at peak 255. A name fixes the definition, and `METRICS` says it in words: the
customary definitions of SSIM differ by 0.03 on one picture.

Example:

>>> score(restored, sharp, ["psnr", "ssim_gaussian"])
{'psnr': 27.38, 'ssim_gaussian': 0.832}
"""

import functools
from collections.abc import Iterable

import numpy as np

from sis_keras.errors import UserError
from sis_keras.evaluation import ssim as similarity
from sis_keras.optional import optional_package

PEAK = 255.0
LUMA_WEIGHTS = (0.299, 0.587, 0.114)  # BT.601, full range

METRICS = {
    "psnr": "PSNR in dB over all pixels and RGB channels together, peak 255",
    "psnr_y": "PSNR in dB of BT.601 luma (full range, not rounded), peak 255",
    "ssim_gaussian": (
        "SSIM of each RGB channel, 11x11 Gaussian window of sigma 1.5, "
        "K 0.01/0.03, population covariance, valid region, mean"
    ),
    "ssim_matlab3d": (
        "SSIM of the RGB volume, 11x11x11 Gaussian window of sigma 1.5, "
        "K 0.01/0.03, replicate padding, mean of the full map"
    ),
    "ssim_uniform": (
        "SSIM of each RGB channel, 7x7 uniform window, K 0.01/0.03, "
        "sample covariance, valid region, mean"
    ),
    "ssim_y": "ssim_gaussian of BT.601 luma (full range, not rounded)",
    "ssim_ms": "five-level multi-scale SSIM of BT.601 luma (Wang 2003)",
    "ciede2000": "mean CIEDE2000 colour difference, sRGB under D65",
    "shift_red": "mean of picture - sharp, red, in 8-bit levels",
    "shift_green": "mean of picture - sharp, green, in 8-bit levels",
    "shift_blue": "mean of picture - sharp, blue, in 8-bit levels",
}
DEFAULT_METRICS = (
    "psnr",
    "ssim_gaussian",
    "ssim_matlab3d",
    "ssim_uniform",
    "ssim_y",
    "ciede2000",
    "shift_red",
    "shift_green",
    "shift_blue",
)


def score(
    restored: np.ndarray,
    sharp: np.ndarray,
    names: Iterable[str] = DEFAULT_METRICS,
) -> dict[str, float]:
    """Several metrics of one pair, sharing the work they have in common.

    Args:
        restored: uint8 RGB `(height, width, 3)`.
        sharp: The same type and shape.
        names: Keys of `METRICS`.

    Returns:
        A float for each name, in the order of `names`.

    Raises:
        UserError: An unknown name, or pictures smaller than an SSIM window.
        ValueError: Arrays that are not uint8 RGB of one shape.
    """
    pair = _Pair(restored, sharp)
    return {name: float(_FUNCTIONS[name](pair)) for name in check_names(names)}


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names as a tuple; a UserError on one that is not in `METRICS`."""
    names = tuple(names)
    unknown = [str(name) for name in names if name not in METRICS]
    if unknown or not names:
        raise UserError(
            f"Expected metrics among {', '.join(METRICS)}. "
            f"Received: {', '.join(unknown) or 'none'}."
        )
    return names


def ranking(scores: Iterable[str]) -> str:
    """The metric that pictures are ordered by: PSNR, or else the first."""
    names = list(scores)
    return "psnr" if "psnr" in names else names[0]


def quality(name: str, value: float) -> float:
    """A score, or what is larger where the score is better.

    Of colours' differences less is better, of shifts what is near to zero.
    """
    if name == "ciede2000":
        return -value
    return -abs(value) if name.startswith("shift_") else value


def psnr(
    restored: np.ndarray, sharp: np.ndarray, definition: str = "rgb"
) -> float:
    """PSNR in dB, "rgb" or "y"; infinite for identical pictures.

    Takes pictures as `score` does, and raises what it raises.
    """
    name = "psnr" if definition == "rgb" else f"psnr_{definition}"
    return score(restored, sharp, [name])[name]


def ssim(
    restored: np.ndarray, sharp: np.ndarray, definition: str = "gaussian"
) -> float:
    """SSIM: "gaussian", "matlab3d", "uniform", "y" or "ms".

    Takes pictures as `score` does, and raises what it raises.
    """
    name = f"ssim_{definition}"
    return score(restored, sharp, [name])[name]


def luma(rgb: np.ndarray) -> np.ndarray:
    """BT.601 luma of RGB: float64 `(height, width)`, in the input's range."""
    return np.asarray(rgb, np.float64) @ np.array(LUMA_WEIGHTS)


def decibels(mean_squared_error: float) -> float:
    """10 log10(255² / MSE); infinity where the error is zero."""
    if mean_squared_error == 0.0:
        return float("inf")
    return float(10.0 * np.log10(PEAK**2 / mean_squared_error))


class _Pair:
    """Two pictures, and what several metrics need of them, computed once."""

    def __init__(self, restored, sharp):
        if (
            restored.dtype != np.uint8
            or sharp.dtype != np.uint8
            or restored.shape != sharp.shape
            or sharp.ndim != 3
            or sharp.shape[2] != 3
            or sharp.size == 0
        ):
            raise ValueError(
                "Expected two uint8 RGB pictures of one shape. Received: "
                f"{restored.dtype} {restored.shape} and "
                f"{sharp.dtype} {sharp.shape}."
            )
        self.restored, self.sharp = restored, sharp
        self.x = restored.astype(np.float64)
        self.y = sharp.astype(np.float64)

    @functools.cached_property
    def difference(self):
        return self.x - self.y

    @functools.cached_property
    def moments(self):
        return similarity.gaussian_moments(self.x, self.y)

    @functools.cached_property
    def luma(self):
        return luma(self.x), luma(self.y)


def _psnr(pair):
    return decibels(np.mean(pair.difference**2))


def _psnr_y(pair):
    restored, sharp = pair.luma
    return decibels(np.mean((restored - sharp) ** 2))


def _ssim_y(pair):
    moments = similarity.gaussian_moments(*pair.luma)
    return similarity.gaussian_ssim(moments, "ssim_y")


def _ciede2000(pair, rows=64):
    # Bands of rows: the formula's many temporaries then stay in the cache.
    color = optional_package("skimage.color", "training")
    total = 0.0
    for top in range(0, len(pair.sharp), rows):
        band = slice(top, top + rows)
        lab_sharp = color.rgb2lab(pair.sharp[band])
        lab_restored = color.rgb2lab(pair.restored[band])
        total += color.deltaE_ciede2000(lab_sharp, lab_restored).sum()
    return total / pair.sharp[..., 0].size


_FUNCTIONS = {
    "psnr": _psnr,
    "psnr_y": _psnr_y,
    "ssim_gaussian": lambda pair: similarity.gaussian_ssim(pair.moments),
    "ssim_matlab3d": lambda pair: similarity.volume_ssim(pair.moments),
    "ssim_uniform": lambda pair: similarity.uniform_ssim(pair.x, pair.y),
    "ssim_y": _ssim_y,
    "ssim_ms": lambda pair: similarity.multi_scale_ssim(*pair.luma),
    "ciede2000": _ciede2000,
    "shift_red": lambda pair: np.mean(pair.difference[..., 0]),
    "shift_green": lambda pair: np.mean(pair.difference[..., 1]),
    "shift_blue": lambda pair: np.mean(pair.difference[..., 2]),
}
