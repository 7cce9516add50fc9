"""Inference, training and their memory: python -m benchmarks.network

Seconds of one 720x1280 picture and of one training step on 8 crops of 192,
for each preset and precision; with --game a step of the whole game too. Each
measurement is made in a process of its own, so that its peak resident memory
means something, and beside it the speed of plain convolutions in the same
process: "of peak" is the share that the network reaches of that.

"inference" is `KerasRestorer`, traced once for all sizes, which users get;
"fixed size" is a trace for one. The training step computes the content loss
(Eq. 4) alone. GFLOP are counted from the graph, convolutions alone, two for
each multiply-add. Takes about ten minutes on 2 cores.
"""

import argparse
import json
import statistics

from benchmarks import measuring
from benchmarks.processes import each_in_a_process
from benchmarks.reporting import machine, spread, text_table
from sis_keras.commands.program import Parser
from sis_keras.files.atomic import atomic_path
from sis_keras.networks.presets import PRESETS

PRECISIONS = ("float32", "mixed_bfloat16")
HEADER = [
    "preset",
    "precision",
    "seconds",
    "min..max",
    "GFLOP",
    "GFLOP/s",
    "of peak",
    "peak memory",
]


def measured(cases: list[measuring.Case]) -> list[dict]:
    """Each case in a new process."""
    results = each_in_a_process(measuring.measure, cases)
    return [
        summary(case, result)
        for case, result in zip(cases, results, strict=True)
    ]


def summary(case: measuring.Case, result: dict) -> dict:
    """The case, what was measured, and what follows from it."""
    seconds = statistics.median(result["seconds"])
    gflops = result["gflop"] / seconds
    return {
        **case._asdict(),
        **result,
        "median_seconds": seconds,
        "gflops": gflops,
        "share_of_peak": gflops / result["peak_gflops"],
    }


def table(results: list[dict]) -> str:
    """One part for each task, in the order of measurement."""
    parts = []
    for task in dict.fromkeys(x["task"] for x in results):
        rows = [
            [
                x["preset"],
                x["precision"],
                f"{x['median_seconds']:.3f}",
                spread(x["seconds"], 3),
                f"{x['gflop']:.1f}",
                f"{x['gflops']:.0f}",
                f"{x['share_of_peak']:.0%}",
                f"{x['memory_mib']:.0f} MiB",
            ]
            for x in results
            if x["task"] == task
        ]
        parts.append(f"{title(task, results[0])}\n\n{text_table(HEADER, rows)}")
    return "\n\n".join(parts)


def title(task: str, case: dict) -> str:
    """The task and what it works on."""
    if task in (measuring.TRAINING, measuring.GAME):
        return f"{task}, {case['crops']} crops of {case['crop_size']}"
    return f"{task}, one {case['height']}x{case['width']} picture"


def peaks(results: list[dict]) -> str:
    """The convolution peak of each precision, over all its processes."""
    lines = []
    for precision in dict.fromkeys(x["precision"] for x in results):
        found = [
            x["peak_gflops"] for x in results if x["precision"] == precision
        ]
        lines.append(
            f"convolution peak, {precision}: {statistics.median(found):.0f} "
            f"GFLOP/s ({spread(found, 0)})"
        )
    return "\n".join(lines)


def some_of(allowed):
    """An argument that names some, with commas."""

    def parse(text):
        names = text.split(",")
        if not set(names) <= set(allowed):
            raise argparse.ArgumentTypeError(
                f"Expected some of {','.join(allowed)}. Received: {text}"
            )
        return names

    return parse


def parsed():
    parser = Parser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    add = parser.add_argument
    smallest_first = list(reversed(PRESETS))
    add("--presets", type=some_of(PRESETS), default=smallest_first)
    add("--precisions", type=some_of(PRECISIONS), default=PRECISIONS)
    add("--game", action="store_true", help="a step of the game, too")
    add("--height", type=int, default=720)
    add("--width", type=int, default=1280)
    add("--crops", type=int, default=8)
    add("--crop_size", type=int, default=192)
    add("--repeats", type=int, default=7, help="timed calls of each")
    add("--json", help="file to write everything to")
    return parser.parse_args()


def main():
    arguments = parsed()
    tasks = [measuring.INFERENCE, measuring.FIXED_INFERENCE, measuring.TRAINING]
    if arguments.game:
        tasks.append(measuring.GAME)
    cases = [
        measuring.Case(
            preset,
            task,
            precision,
            arguments.height,
            arguments.width,
            arguments.crops,
            arguments.crop_size,
            arguments.repeats,
        )
        for preset in arguments.presets
        for precision in arguments.precisions
        for task in tasks
    ]
    here = machine()
    print(here, flush=True)
    results = measured(cases)
    print(f"on {results[0]['device']}\n\n{table(results)}\n\n{peaks(results)}")
    if arguments.json:
        with atomic_path(arguments.json) as temporary:
            text = json.dumps({"machine": here, "results": results}, indent=2)
            temporary.write_text(text + "\n")


if __name__ == "__main__":
    main()
