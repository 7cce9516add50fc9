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

import contextlib
import math
import pathlib
import statistics
import time
from collections.abc import Callable, Iterable, Iterator

import numpy as np
from tqdm import tqdm

from sis_keras.errors import UserError
from sis_keras.evaluation import metrics as metrics_by_name
from sis_keras.evaluation.page import new_page, page_in, write_page
from sis_keras.evaluation.protocol import describe
from sis_keras.evaluation.report import text_table, write_csv, write_json
from sis_keras.evaluation.sheet import write_sheet
from sis_keras.files.writable import check_folder
from sis_keras.restoring.restorer import restore

Call = Callable[[np.ndarray], np.ndarray]
Example = tuple[str, np.ndarray, np.ndarray]


def evaluate(
    restorer: Call | None,
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
            "blurry": _scored(name, blurry, sharp, names),
        }
        if restorer is not None:
            if blurry.shape not in warm_sizes:
                restore(restorer, blurry, name)
                warm_sizes.add(blurry.shape)
            restored, times = restore(restorer, blurry, name, repeats)
            image["restored"] = _scored(name, restored, sharp, names)
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
        "protocol": describe(
            protocol or {},
            {name: metrics_by_name.METRICS[name] for name in names},
            images,
            repeats,
        ),
        "images": images,
        "sequences": _by_sequence(images),
        "all": summarize(images),
    }


def sequence_of(name: str) -> str:
    """The sequence of "sequence/frame"; "." for a name without one."""
    return name.rpartition("/")[0] or "."


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
    restorer: Call | None, examples: Iterable[Example], results: dict
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


def _scored(name, picture, sharp, names):
    try:
        return metrics_by_name.score(picture, sharp, names)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error


def _rank(image):
    name = metrics_by_name.ranking(image["blurry"])
    before, after = (
        metrics_by_name.quality(name, image[which][name])
        for which in ("blurry", "restored" if "gain" in image else "blurry")
    )
    if "gain" not in image:
        return before
    return 0.0 if before == after else after - before


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


def score_into(
    folder,
    restorer: Call | None,
    examples: Callable[[], Iterable[Example]],
    known: dict,
    metrics: Iterable[str] = metrics_by_name.DEFAULT_METRICS,
    repeats: int = 1,
    total: int | None = None,
    report=None,
) -> dict:
    """Prints the table; writes scores.json, scores.csv, before_after.png.

    Args:
        folder: Made if absent; files of these names in it are replaced.
        restorer: As for `evaluate`; None scores the blurred input alone.
        examples: Gives the pairs anew at each call.
        known: What the caller knows of the protocol.
        metrics, repeats, total: As for `evaluate`.
        report: A new folder for the same as a page; None makes none.

    Returns:
        What `evaluate` returns.

    Raises:
        UserError: As `evaluate`; `folder` cannot be written into; or
            something is in `report` already.
    """
    folder = pathlib.Path(folder)
    check_folder(folder)
    with contextlib.ExitStack() as stack:
        # First: where that is impossible, it is said before the work.
        page = stack.enter_context(new_page(report)) if report else None
        results = evaluate(
            restorer,
            examples(),
            metrics=metrics,
            protocol=known,
            repeats=repeats,
            total=total,
        )
        print(text_table(results))
        write_json(folder / "scores.json", results)
        write_csv(folder / "scores.csv", results)
        picture = folder / "before_after.png"
        rows = extremes(restorer, examples(), results)
        write_sheet(picture, rows)
        if page:
            write_page(page, results, rows)
    print(f"\nLook at {picture}; every figure is in {folder / 'scores.json'}.")
    if report:
        print(f"The report, for any browser: {page_in(report)}.")
    return results
