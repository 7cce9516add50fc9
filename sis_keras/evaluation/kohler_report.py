"""Köhler's 4 x 12 tables as text, JSON and CSV: the paper's Table 4."""

import csv
import math
import pathlib

from sis_keras.evaluation.report import (
    aligned,
    all_block,
    number,
    protocol_text,
    write_csv,
    write_json,
)
from sis_keras.files.atomic import atomic_path

IMAGES = range(1, 5)
KERNELS = range(1, 13)
TITLES = {
    "psnr_kohler": "PSNR in dB",
    "ssim_kohler": "MS-SSIM",
    "psnr_single_gt": "PSNR in dB, single-gt (not the benchmark's)",
    "ssim_single_gt": "MS-SSIM, single-gt (not the benchmark's)",
}

Table = dict[int, list[float | None]]


def tables(results: dict) -> dict[str, dict[str, Table]]:
    """The scores by metric, column ("blurry", "restored") and image.

    Args:
        results: From `kohler.evaluate_kohler`.

    Returns:
        For each image 12 scores, by kernel; None where it was not scored.
    """
    by_name = {image["name"]: image for image in results["images"]}
    columns = [
        column for column in ("blurry", "restored") if column in results["all"]
    ]
    return {
        metric: {
            column: {
                image: [
                    by_name[name][column][metric] if name in by_name else None
                    for name in (f"{image}_{kernel}" for kernel in KERNELS)
                ]
                for image in IMAGES
            }
            for column in columns
        }
        for metric in results["all"]["blurry"]
    }


def text_tables(results: dict) -> str:
    """All tables as aligned text, headed by their protocol."""
    blocks = [["Protocol"] + protocol_text(results["protocol"])]
    for metric, columns in tables(results).items():
        for column, table in columns.items():
            blocks.append(_block(metric, column, table))
    blocks.append(all_block(results))
    seconds = math.fsum(x["scoring_seconds"] for x in results["images"])
    comparisons = sum(x["frames"] for x in results["images"])
    blocks[-1].append(
        f"{comparisons} sharp frames compared in {seconds:.1f} s."
    )
    return "\n\n".join("\n".join(block) for block in blocks)


def write_reports(folder, results: dict) -> None:
    """Writes scores.json and scores.csv, and table4.csv with the 4 x 12 tables.

    `table4.csv` has a row for each score, picture ("blurry", "restored") and
    image; a column for each kernel; and the mean of the row.
    """
    folder = pathlib.Path(folder)
    found = tables(results)
    write_json(folder / "scores.json", {**results, "tables": found})
    write_csv(folder / "scores.csv", results)
    with (
        atomic_path(folder / "table4.csv") as temporary,
        open(temporary, "w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["score", "picture", "image", *KERNELS, "mean"])
        for metric, columns in found.items():
            for column, table in columns.items():
                for image, row in table.items():
                    cells = ["" if value is None else value for value in row]
                    writer.writerow([metric, column, image, *cells, _mean(row)])


def _block(metric, column, table):
    title = "blurred" if column == "blurry" else column
    rows = [["image", *map(str, KERNELS), "mean"]]
    for image, row in table.items():
        cells = [*row, _mean(row)]
        rows.append([str(image), *(_cell(metric, value) for value in cells)])
    by_kernel = [_mean(column) for column in zip(*table.values(), strict=True)]
    every = [value for row in table.values() for value in row]
    cells = [*by_kernel, _mean(every)]
    rows.append(["mean", *(_cell(metric, value) for value in cells)])
    return [f"{TITLES[metric]}, {title}, by kernel", *aligned((), rows)]


def _cell(metric, value):
    if value is None or value == "":
        return "-"
    return (
        f"{value:.2f}" if metric.startswith("psnr") else number(metric, value)
    )


def _mean(values):
    """Over the finite ones; "" where there are none."""
    finite = [x for x in values if x is not None and math.isfinite(x)]
    return math.fsum(finite) / len(finite) if finite else ""
