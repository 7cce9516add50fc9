"""Köhler's benchmark: a picture against every frame of its trajectory.

Köhler et al., "Recording and Playback of Camera Shake" (ECCV 2012), 4 images x
12 trajectories: the paper's Table 4. A blurred photograph has no single sharp
picture; the best of some 199 frames along the camera's way counts, found for
PSNR and multi-scale SSIM apart, as the benchmark's MATLAB code does. How a
picture is compared with a frame is in `kohler_steps.py`.

`single-gt` is the same with one sharp picture in place of the frames, and no
number of the benchmark's.
"""

import time
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from sis_keras.data.benchmark import Benchmark
from sis_keras.data.in_order import cores, in_order
from sis_keras.errors import UserError
from sis_keras.evaluation.evaluate import summarize
from sis_keras.evaluation.kohler_steps import SMALLEST, Planes, compare
from sis_keras.evaluation.protocol import describe
from sis_keras.restoring.restorer import restore

STEPS = (
    "after the gain that fits it and the best whole-pixel shift, zero border "
    "within the mean, BT.601 luma, not rounded, peak 255"
)
# Scores by name: those of the benchmark, and those of one sharp picture.
METRICS = {
    "kohler": {
        "psnr_kohler": f"largest PSNR in dB over the sharp frames, {STEPS}",
        "ssim_kohler": (
            "largest five-level multi-scale SSIM over the sharp frames, "
            f"{STEPS}"
        ),
    },
    "single-gt": {
        "psnr_single_gt": f"PSNR in dB against one sharp picture, {STEPS}",
        "ssim_single_gt": (
            f"five-level multi-scale SSIM against one sharp picture, {STEPS}"
        ),
    },
}


def evaluate_kohler(
    restorer: Callable[[np.ndarray], np.ndarray] | None,
    benchmark: Benchmark,
    *,
    protocol: dict | None = None,
    repeats: int = 1,
    progress: bool = True,
) -> dict:
    """Scores `restorer` on the shots, the blurred pictures beside it.

    Frames are read one by one and compared on all cores.

    Args:
        restorer: float32 `(1, height, width, 3)` in [0, 1] to the same; None
            scores the blurred pictures alone.
        benchmark: What to score on.
        protocol: What the caller knows (source, weights, device, …).
        repeats: Timed runs for each picture.
        progress: Show it.

    Returns:
        What `evaluation.evaluate` returns, an image for each shot, with
        `frames` (their number), `best_frames` (the number of the best one, by
        column and metric) and `scoring_seconds` in each.

    Raises:
        UserError: No shots, frames of other sizes than their blurred picture,
            pictures smaller than 161x161, or a restorer that returns other
            than finite numbers.
    """
    names = METRICS[benchmark.protocol]
    warm_sizes: set[tuple[int, ...]] = set()
    images = []
    with tqdm(
        total=benchmark.size, unit="image", desc="Köhler", disable=not progress
    ) as bar:
        for shot in benchmark.shots():
            images.append(
                _score_shot(shot, restorer, list(names), repeats, warm_sizes)
            )
            bar.update()
    if not images:
        raise UserError(
            "Expected pictures of the Köhler benchmark. Received: none from "
            f"{benchmark.name}."
        )
    counts = sorted({image["frames"] for image in images})
    described = describe(protocol or {}, names, images, repeats)
    described["benchmark"] = benchmark.protocol
    described["sharp frames"] = f"{counts[0]} to {counts[-1]} an image"
    described["average"] = "mean over images of each one's largest value"
    if restorer is not None:
        described["timing"] = (
            "batch 1, float32 in, result fetched, after a warm-up for each "
            f"size, median of {repeats} run(s) for each image and of the images"
        )
    groups: dict[str, list[dict]] = {}
    for image in images:
        groups.setdefault(image["sequence"], []).append(image)
    return {
        "protocol": described,
        "images": images,
        "sequences": {name: summarize(group) for name, group in groups.items()},
        "all": summarize(images),
    }


def _score_shot(shot, restorer, names, repeats, warm_sizes):
    name = f"{shot.image}_{shot.kernel}"
    height, width, _ = shot.blurry.shape
    if min(height, width) < SMALLEST:
        raise UserError(
            f"Expected at least {SMALLEST}x{SMALLEST} pixels for multi-scale "
            f"SSIM. Received: {name}, {height}x{width}. Use the benchmark's "
            "own pictures, 800x800."
        )
    pictures = {"blurry": shot.blurry}
    entry = {
        "name": name,
        "sequence": f"image {shot.image}",
        "height": height,
        "width": width,
    }
    if restorer is not None:
        if shot.blurry.shape not in warm_sizes:
            restore(restorer, shot.blurry, name)
            warm_sizes.add(shot.blurry.shape)
        pictures["restored"], times = restore(
            restorer, shot.blurry, name, repeats
        )
        entry["seconds"] = times[0]
    start = time.perf_counter()
    entry |= _best(shot, name, pictures, names)
    entry["scoring_seconds"] = time.perf_counter() - start
    if restorer is not None:
        entry["gain"] = {
            metric: value - entry["blurry"][metric]
            if value != entry["blurry"][metric]
            else 0.0
            for metric, value in entry["restored"].items()
        }
    return entry


def _best(shot, name, pictures, names):
    """The largest scores over the frames, and where they are."""
    planes = {column: Planes(picture) for column, picture in pictures.items()}
    best: dict = {column: dict.fromkeys(names, -np.inf) for column in planes}
    where: dict = {column: dict.fromkeys(names, 0) for column in planes}

    def score(numbered):
        number, frame = numbered
        if frame.shape != shot.blurry.shape:
            raise UserError(
                "Expected frames of the blurred picture's size, "
                f"{shot.blurry.shape[0]}x{shot.blurry.shape[1]}. Received: "
                f"frame {number} of {name}, {frame.shape[0]}x{frame.shape[1]}. "
                "Download the data again."
            )
        sharp = Planes(frame)
        # What is best so far may be of a moment ago, and the result the same.
        return number, {
            column: compare(z, sharp, max(best[column][names[1]], 0.0))
            for column, z in planes.items()
        }

    count = 0
    for number, compared in in_order(score, shot.frames(), cores()):
        count += 1
        for column, comparison in compared.items():
            values = comparison.psnr, comparison.ssim
            for metric, value in zip(names, values, strict=True):
                if value > best[column][metric]:
                    best[column][metric] = value
                    where[column][metric] = number
    if not count:
        raise UserError(
            f"Expected sharp frames of {name}. Received: none. Download the "
            "data again."
        )
    return {"frames": count, **best, "best_frames": where}
