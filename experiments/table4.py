"""Table 4, Köhler's benchmark: python -m experiments.table4 --data=FOLDER

Scores the weights by the benchmark's protocol and puts the means beside the
rows that the paper prints.
"""

import argparse
import pathlib

from experiments.tables import published, write_table
from sis_keras.commands.program import Parser, guarded

HEADER = ("method", "PSNR", "SSIM", "what it is")
PRINTED = "printed: 48 pictures"


def run(
    output: pathlib.Path, weights: str, data: str, limit: int | None
) -> str:
    """Markdown; the table, and all that evaluate.py writes, in the output.

    Args:
        output: Gets table4.csv and table4.md; and kohler/ with the 4 x 12
            tables.
        weights: Released name or weight file.
        data: The benchmark's folder, or a text of `open_benchmark`.
        limit: Score so many pictures only.

    Raises:
        UserError: The benchmark or a part of it is missing.
    """
    from datasets.kohler.opening import open_benchmark
    from sis_keras.data.source_text import is_benchmark

    text = data if is_benchmark(data) else f"kohler:{data}"
    benchmark = open_benchmark(text, limit, _prepared)
    from sis_keras.evaluation.kohler import evaluate_kohler
    from sis_keras.evaluation.kohler_report import write_reports
    from sis_keras.evaluation.protocol import known_protocol
    from sis_keras.restoring.restorer import load_restorer

    restorer = load_restorer(weights)
    known = known_protocol([benchmark], restorer.name, restorer.precision)
    if limit:
        known["limit"] = f"the first {limit} images"
    results = evaluate_kohler(restorer, benchmark, protocol=known)
    write_reports(output / benchmark.protocol, results)
    return beside_printed(output, restorer.name, results)


def beside_printed(output: pathlib.Path, name: str, results: dict) -> str:
    """Markdown of `evaluate_kohler`'s means and the paper's; table4 written."""
    protocol, means = results["protocol"], results["all"]
    what = f"{protocol['benchmark']}: {means['count']} pictures"
    rows = [[*x.values(), PRINTED] for x in published("table4")]
    for column, called in (("blurry", "blurred input"), ("restored", name)):
        psnr, ssim = means[column].values()
        rows.append([called, f"{psnr:.2f}", f"{ssim:.4f}", what])
    table = write_table(output, "table4", HEADER, rows)
    left_out = "; ".join(
        f"{metric} of {count} {column} pictures is infinite and left out"
        for column, counts in means.get("infinite", {}).items()
        for metric, count in counts.items()
    )
    notes = [
        f"Scored by the protocol `{protocol['benchmark']}`: each picture's "
        "largest PSNR and multi-scale SSIM over its trajectory's frames "
        f"({protocol['sharp frames']}).",
        "The paper does not say by which protocol its own are.",
    ]
    if protocol["benchmark"] != "kohler":
        notes.append("Of one sharp picture each, this is not the benchmark.")
    if means["count"] < 48:
        notes.append(f"Of {means['count']} pictures, not of 48: no comparison.")
    if left_out:
        notes.append(f"{left_out.capitalize()}.")
    return f"{table}\n{' '.join(notes)}\n"


def _prepared(name):
    from datasets.prepare import prepared_builder

    return prepared_builder(name, "data/tfds", "data")


def read_arguments(description: str) -> argparse.Namespace:
    """Of `run`, from the command line."""
    parser = Parser(description=description, allow_abbrev=False)
    parser.add_argument("--data", required=True, help="what is scored")
    parser.add_argument("--weights", default="sisnet_mobile")
    parser.add_argument("--limit", type=int, help="so many pictures only")
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs/experiments")
    )
    return parser.parse_args()


def main():
    given = read_arguments(__doc__.partition("\n")[0])
    print(run(given.output, given.weights, given.data, given.limit))


if __name__ == "__main__":
    guarded(main)
