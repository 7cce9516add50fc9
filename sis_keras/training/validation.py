"""What a run is validated on, in groups, and what counts as better.

A network can gain on one kind of picture what it loses on another; one mean
over all would be that of the kind with the most pictures. So each group
counts once, and sharp pictures, whose halves are equal, are a condition.
"""

import math
from collections.abc import Callable, Iterable

import numpy as np

from sis_keras.evaluation import metrics

# A sharp picture that comes back with less, in dB, is said to be harmed.
LEAST_SHARP = 40.0
# So many pictures tell which units are dead.
PICTURES_FOR_UNITS = 8
MOST_DEAD = 0.25

Example = tuple[str, str, np.ndarray, np.ndarray]


def split_group(text: str) -> tuple[str, str]:
    """`real=FOLDER` to `("real", "FOLDER")`; without a name it is "real"."""
    name, equals, source = text.partition("=")
    if equals and name.isidentifier():
        return name, source
    return "real", text


def validated(
    restore: Callable[[np.ndarray, str], np.ndarray],
    examples: Iterable[Example],
    shown: Callable | None = None,
    dead: Callable[[list[np.ndarray]], float] | None = None,
) -> dict:
    """Restores every picture and compares.

    Args:
        restore: Takes uint8 `(height, width, 3)` and a name, gives uint8.
        examples: `(group, name, blurry, sharp)`.
        shown: Called with each `(name, blurry, restored, sharp)`.
        dead: Gives the share of dead units on the first eight pictures.

    Returns:
        By name: `gain_G`, the mean gain of each group G in dB; `sharp_worst`,
        the least PSNR of pictures whose halves are equal; `gain`, the mean
        over the groups; `psnr`, `ssim_gaussian` and `blurred_psnr`, means over
        the blurred pictures of the first group; `shift`, how much the mean of
        a channel moves over all pictures, of 255, the channel that moves most;
        `dead`, what the argument gives.
    """
    gains: dict[str, list] = {}
    first, worst, shifts = [], math.inf, []
    seen: list[np.ndarray] = []
    for group, name, blurry, sharp in examples:
        restored = restore(blurry, name)
        if len(seen) < PICTURES_FOR_UNITS:
            seen.append(blurry)
        scores = metrics.score(restored, sharp, ("psnr",))
        before = metrics.psnr(blurry, sharp)
        shifts.append(_means(restored) - _means(blurry))
        if shown:
            shown(name, blurry, restored, sharp)
        if math.isinf(before):
            worst = min(worst, scores["psnr"])
            continue
        gains.setdefault(group, []).append(scores["psnr"] - before)
        if group == next(iter(gains)):
            similar = metrics.score(restored, sharp, ("ssim_gaussian",))
            first.append((scores["psnr"], similar["ssim_gaussian"], before))
    row = dict.fromkeys(("psnr", "ssim_gaussian", "blurred_psnr"), math.nan)
    if first:
        means = map(_finite_mean, zip(*first, strict=True))
        row = dict(zip(row, means, strict=True))
    by_group = {name: _finite_mean(values) for name, values in gains.items()}
    row["gain"] = _finite_mean(list(by_group.values()) or [0.0])
    row |= {f"gain_{name}": value for name, value in by_group.items()}
    row["sharp_worst"] = float(worst)
    shift = np.mean(shifts, axis=0)
    row["shift"] = float(shift[np.abs(shift).argmax()])
    if dead:
        row["dead"] = dead(seen)
    return row


def rank(row: dict) -> tuple[bool, float]:
    """What is larger is better: unharmed sharp pictures, then the gain."""
    return row["sharp_worst"] >= LEAST_SHARP, row["gain"]


def best_of(state: dict) -> tuple[bool, float] | None:
    """The best rank that a checkpoint's state tells of.

    Older ones hold a PSNR instead, which says nothing of gains.
    """
    best = state.get("best")
    return best and (bool(best[0]), float(best[1]))


def told(row: dict) -> str:
    """A row in words."""
    groups = [
        f"{key.removeprefix('gain_')} {value:+.3f}"
        for key, value in row.items()
        if key.startswith("gain_")
    ]
    text = f"gains {', '.join(groups)} dB, mean {row['gain']:+.3f}"
    if math.isfinite(row["sharp_worst"]):
        text += f"; sharp pictures at least {row['sharp_worst']:.1f} dB"
    text += f"; brightness {row['shift']:+.2f} of 255"
    share = row.get("dead", 0.0)
    if share > 0:
        text += f"; {share:.1%} of the units dead"
    if share > MOST_DEAD:
        text += " (they learn no more: begin again with a lower learning rate)"
    return text


def _means(picture):
    return picture.reshape(-1, 3).mean(0, dtype=np.float64)


def _finite_mean(values):
    """Without pictures restored exactly, whose PSNR would hide all others."""
    finite = [value for value in values if math.isfinite(value)]
    return float(np.mean(finite or values))
