"""The files for phones, on this machine: python -m benchmarks.litert

Exports each preset's released weights in every format and size (float in and
out) and prints a table: size of the file, whether `litert-benchmark
--require_full_delegation` finds every operator on the accelerator, milliseconds
a picture (2 threads) and peak memory of the runtime, PSNR against Keras
on parts of the file's size, and PSNR against the sharp pictures of the 12 GoPro
subset pairs (SIS_DATA), whole frames, in tiles where the file is smaller. Takes
about ten minutes on 2 cores of a Linux machine.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from benchmarks.reporting import machine, text_table
from sis_keras.commands.program import Parser
from sis_keras.data.open_source import open_source
from sis_keras.export.litert.choices import QUANTIZATIONS
from sis_keras.export.litert.convert import fixed_model, float32_file
from sis_keras.export.litert.parity import compare
from sis_keras.export.litert.quantize import quantized
from sis_keras.export.litert.write import inputs, pairs
from sis_keras.restoring.litert import LiteRTRestorer, with_metadata
from sis_keras.restoring.restorer import KerasRestorer
from sis_keras.weights.generators import load_generator

HEADER = [
    "weights",
    "format",
    "size",
    "MB",
    "delegated",
    "ms",
    "MiB",
    "against Keras",
    "error / correction",
    "against sharp",
    "of the gain",
]
# A process of its own, so that the peak is that of the runtime alone.
MEMORY_SCRIPT = """
import re, sys
from ai_edge_litert.interpreter import Interpreter
def peak():
    with open("/proc/self/status") as file:
        return int(re.search(r"VmHWM:\\s+(\\d+)", file.read())[1])
before = peak()
interpreter = Interpreter(sys.argv[1], num_threads=2)
interpreter.allocate_tensors()
interpreter.invoke()
print((peak() - before) / 1024)
"""


def delegation(path: pathlib.Path, runs: int) -> tuple[bool, float]:
    """Whether every operator is delegated, and milliseconds a picture.

    The milliseconds are NaN where an operator is not.

    Raises:
        RuntimeError: The file does not load.
    """
    command = [
        "litert-benchmark",
        f"--model={path}",
        "--num_threads=2",
        f"--num_runs={runs}",
        "--require_full_delegation",
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    text = done.stdout + done.stderr
    full = re.search(r"Fully accelerated: +(True|False)", text)
    if not full:
        raise RuntimeError(f"litert-benchmark failed:\n{text[-2000:]}")
    median = re.search(r"Inference \(median\): +([\d.]+) ms", text)
    return full[1] == "True", float(median[1]) if median else np.nan


def peak_memory(path: pathlib.Path) -> float:
    """MiB that loading a file and one picture take at the peak."""
    command = [sys.executable, "-c", MEMORY_SCRIPT, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return float(done.stdout)


def rows_of(name, height, width, source, folder, formats, runs):
    """The rows of one preset at one size."""
    generator, facts = load_generator(name)
    by_keras = KerasRestorer(generator)
    whole = float32_file(fixed_model(generator, height, width))
    for quantize in formats:
        pictures = inputs(
            open_source("skimage:train"), height, width, "float32"
        )
        content = quantized(whole, quantize, pictures)
        path = pathlib.Path(folder, "model.tflite")
        path.write_bytes(
            with_metadata(content, {**facts, "size": [height, width]})
        )
        full, milliseconds = delegation(path, runs)
        parts = pairs(source, height, width)
        near = compare(LiteRTRestorer(path), by_keras, parts)
        frames = (pair for _, *pair in source.examples())
        figures = compare(LiteRTRestorer(path), by_keras, frames)
        share = figures["share_of_gain"]
        yield [
            name,
            quantize,
            f"{height}x{width}",
            f"{path.stat().st_size / 1e6:.2f}",
            "all" if full else "NOT ALL",
            f"{milliseconds:.0f}",
            f"{peak_memory(path):.0f}",
            f"{near['psnr']:.1f}",
            f"{near['relative_error']:.1%}",
            f"{figures['file_psnr']:.3f}",
            "" if share is None else f"{share:.1%}",
        ]


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--weights", nargs="+", default=["sisnet_mobile", "sisnet_small"])
    add("--sizes", nargs="+", default=["256x256", "512x512", "720x1280"])
    add("--formats", nargs="+", default=QUANTIZATIONS)
    add("--data", default="$SIS_DATA/gopro/test", help="source of pairs")
    add("--runs", type=int, default=20)
    add("--json", help="file to write the table to, too")
    given = parser.parse_args()
    source = open_source(given.data)
    print(f"{machine()}\n\nagainst {source.name}, 2 threads\n", flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name in given.weights:
            for size in given.sizes:
                height, width = map(int, size.split("x"))
                every = rows_of(
                    name,
                    height,
                    width,
                    source,
                    folder,
                    given.formats,
                    given.runs,
                )
                for row in every:
                    print(" ".join(row), file=sys.stderr, flush=True)
                    rows.append(row)
    print(text_table(HEADER, rows))
    if given.json:
        table = [dict(zip(HEADER, row, strict=True)) for row in rows]
        pathlib.Path(given.json).write_text(json.dumps(table, indent=2) + "\n")


if __name__ == "__main__":
    main()
