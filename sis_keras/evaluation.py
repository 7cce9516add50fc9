"""Scoring a restorer on pairs, the blurred input beside it, by protocol.

The results are plain dictionaries and lists, ready for `report.py`:

    protocol   what every number means and was made with
    images     name, sequence, height, width, blurry, restored, gain, seconds,
               seconds_with_decoding
    sequences  the same scores for each sequence, as means over its images
    all        as means over all images

`blurry` and `restored` hold a float for each metric, `gain` is restored -
blurry. Means leave infinities out and count them under `infinite`.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from tqdm import tqdm

from sis_keras import metrics as metrics_by_name
from sis_keras.errors import UserError
from sis_keras.pictures import to_uint8
from sis_keras.protocol import describe

Restorer = Callable[[np.ndarray], np.ndarray]
Example = tuple[str, np.ndarray, np.ndarray]


def evaluate(
    restorer: Restorer | None,
    examples: Iterable[Example],
    *,
    metrics: Iterable[str] = metrics_by_name.DEFAULT_METRICS,
    protocol: dict | None = None,
    repeats: int = 1,
    total: int | None = None,
    progress: bool = True,
) -> dict:
    """Scores `restorer` on `examples`, one at a time.

    Args:
        restorer: float32 `(1, height, width, 3)` in [0, 1] to the same;
            None scores the blurred input alone (identity).
        examples: Yields (name "sequence/frame", blurry, sharp), both uint8
            RGB `(height, width, 3)`. Read once; no more than one is kept.
        metrics: Names of `metrics.METRICS`.
        protocol: What the caller knows (input, source, weights, device,
            precision, …); it heads the protocol of the results.
        repeats: Timed runs for each image.
        total: Number of examples, where known, for the progress bar.
        progress: Show it.

    Returns:
        The dictionary described at the head of this module. Without a
        restorer `restored`, `gain` and the seconds are absent.

    Raises:
        UserError: No examples, an unknown metric, a picture too small for
            one, or a restorer that returns other than finite numbers.
    """
    names = metrics_by_name.check_names(metrics)
    warm_sizes: set[tuple[int, ...]] = set()
    images = []
    bar = tqdm(
        _timed(examples),
        total=total,
        unit="image",
        desc="Evaluating",
        disable=not progress,
    )
    for (name, blurry, sharp), decoding in bar:
        image = {
            "name": name,
            "sequence": sequence_of(name),
            "height": sharp.shape[0],
            "width": sharp.shape[1],
            "blurry": metrics_by_name.score(blurry, sharp, names),
        }
        if restorer is not None:
            if blurry.shape not in warm_sizes:
                restore(restorer, blurry, name)
                warm_sizes.add(blurry.shape)
            restored, times = restore(restorer, blurry, name, repeats)
            image["restored"] = metrics_by_name.score(restored, sharp, names)
            image["gain"] = _gain(image["blurry"], image["restored"])
            image["seconds"] = times[0]
            image["seconds_with_decoding"] = times[1] + decoding
        images.append(image)
    if not images:
        raise UserError(
            "Expected pairs of blurred and sharp pictures to evaluate on. "
            "Received: none. Check the source of the examples."
        )
    return {
        "protocol": describe(protocol or {}, names, images, repeats),
        "images": images,
        "sequences": _by_sequence(images),
        "all": summarize(images),
    }


def sequence_of(name: str) -> str:
    """The sequence of "sequence/frame"; "." for a name without one."""
    return name.rpartition("/")[0] or "."


def restore(
    restorer: Restorer, blurry: np.ndarray, name: str = "", repeats: int = 1
) -> tuple[np.ndarray, tuple[float, float]]:
    """Restores one uint8 picture.

    Returns:
        The restored picture, uint8 `(height, width, 3)`, and two medians of
        seconds: the restorer alone, and with conversion from and to uint8.

    Raises:
        UserError: The result holds NaN or infinity, or has another shape.
    """
    alone, whole = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        batch = blurry[None].astype(np.float32) / np.float32(255.0)
        ready = time.perf_counter()
        # Fetching the result is what makes an asynchronous device finish.
        result = np.asarray(restorer(batch), np.float32)
        fetched = time.perf_counter()
        if result.shape != batch.shape or not np.isfinite(result).all():
            raise UserError(
                f"Expected finite values of shape {batch.shape} from the "
                f"network. Received: shape {result.shape}, "
                f"{np.count_nonzero(~np.isfinite(result))} not finite, for "
                f"{name or 'a picture'}. The weights are broken or diverged; "
                "use an earlier checkpoint, or float32."
            )
        checked = time.perf_counter()
        restored = to_uint8(result[0])
        alone.append(fetched - ready)
        whole.append(time.perf_counter() - checked + fetched - start)
    return restored, (statistics.median(alone), statistics.median(whole))


def summarize(images: list[dict]) -> dict:
    """Means of the scores and medians of the seconds over `images`.

    Returns:
        `count`; `blurry`, `restored` and `gain` as means over the finite
        values (infinity where none is finite); `infinite`, the number of
        infinite values left out, {column: {metric: count}}, only where there
        are some; the seconds as medians.
    """
    summary: dict = {"count": len(images)}
    infinite: dict = {}
    for column in ("blurry", "restored", "gain"):
        if column not in images[0]:
            continue
        summary[column] = {}
        for name in images[0][column]:
            values = [image[column][name] for image in images]
            finite = [value for value in values if math.isfinite(value)]
            summary[column][name] = (
                math.fsum(finite) / len(finite) if finite else values[0]
            )
            if len(finite) < len(values):
                left_out = len(values) - len(finite)
                infinite.setdefault(column, {})[name] = left_out
    if infinite:
        summary["infinite"] = infinite
    for column in ("seconds", "seconds_with_decoding"):
        if column in images[0]:
            summary[column] = statistics.median(
                image[column] for image in images
            )
    return summary


def extremes(
    restorer: Restorer | None, examples: Iterable[Example], results: dict
) -> list[tuple[str, dict, dict[str, np.ndarray]]]:
    """The worst, median and best image by PSNR gain, restored once more.

    `evaluate` keeps no pictures, so `examples` is opened anew and read up to
    the last of the three. Without a restorer the PSNR of the input ranks.

    Returns:
        (rank, the image's entry in `results`, {"blurry", "sharp", "restored":
        uint8 RGB}) for each; fewer where there are fewer than three images.
    """
    # By place: two sources may have pictures of one name.
    images = results["images"]
    order = sorted(range(len(images)), key=lambda i: _rank(images[i]))
    ranks = {order[len(order) // 2]: "median"}
    ranks |= {order[0]: "worst"} | {order[-1]: "best"}
    found = {}
    for place, (_, blurry, sharp) in enumerate(examples):
        if place in ranks:
            found[place] = {"blurry": blurry, "sharp": sharp}
        if len(found) == len(ranks):
            break
    if restorer is not None:
        for place, pictures in found.items():
            pictures["restored"], _ = restore(
                restorer, pictures["blurry"], images[place]["name"]
            )
    return [
        (ranks[place], images[place], found[place])
        for place in order
        if place in found
    ]


def _rank(image):
    scores = image.get("gain", image["blurry"])
    # Any metric may be left out: then the first one asked for ranks.
    return scores["psnr"] if "psnr" in scores else next(iter(scores.values()))


def _gain(blurry, restored):
    # Identical before and after: no gain, where inf - inf would be NaN.
    return {
        name: 0.0 if blurry[name] == value else value - blurry[name]
        for name, value in restored.items()
    }


def _timed(examples) -> Iterator[tuple[Example, float]]:
    """The examples, each with the seconds that reading it took."""
    iterator = iter(examples)
    while True:
        start = time.perf_counter()
        try:
            example = next(iterator)
        except StopIteration:
            return
        yield example, time.perf_counter() - start


def _by_sequence(images):
    sequences: dict[str, list[dict]] = {}
    for image in images:
        sequences.setdefault(image["sequence"], []).append(image)
    return {name: summarize(group) for name, group in sequences.items()}
