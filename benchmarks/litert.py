"""Phones' runtime, on this machine: python -m benchmarks.litert

Converts a preset with random weights, or a weight file (--weights), at a fixed
size to LiteRT: float32, dynamic range (int8 weights) and int8 (activations
too), float in and out. For each: does `litert-benchmark
--require_full_delegation` find every operator on the accelerator, what takes
one picture, and how far is the output from Keras's. Speed and operators depend
on the graph alone. Takes about two minutes on 2 cores; wants `ai-edge-litert`
(requirements-test.txt).
"""

import argparse
import os
import pathlib
import re
import subprocess
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import keras
import numpy as np
import tensorflow as tf

from benchmarks.reporting import machine, text_table
from sis_keras.generator import build_generator
from sis_keras.presets import PRESETS, preset_arguments
from sis_keras.sources import open_source
from sis_keras.weights import load_generator

FORMATS = ("float32", "dynamic range", "int8")
HEADER = [
    "format",
    "MB",
    "fully delegated",
    "ms a picture",
    "PSNR against Keras",
    "error / correction",
]


def random_generator(preset: str) -> keras.Model:
    """A generator whose biases and output are not zero.

    A bias of zero is left out of a file, and with it the addition that a
    ReLU after a transposed convolution is fused to.
    """
    generator = build_generator(**preset_arguments(preset))
    random = np.random.default_rng(0)
    for variable in generator.trainable_variables:
        if not variable.numpy().any():
            variable.assign(random.normal(0, 0.02, variable.shape))
    return generator


def at_size(generator: keras.Model, height: int, width: int) -> keras.Model:
    """The same function for one picture of one size."""
    blurry = keras.Input((height, width, 3), batch_size=1, name="blurry")
    return keras.Model(blurry, generator(blurry), name=generator.name)


def pictures(height: int, width: int) -> list[np.ndarray]:
    """scikit-image's photographs, blurred; float32 `(1, height, width, 3)`."""
    examples = open_source("skimage:train").examples()
    blurred = (blurry for _, blurry, _ in examples)
    resized = (cv2.resize(x, (width, height)) for x in blurred)
    return [x[None].astype(np.float32) / 255 for x in resized]


def converted(model: keras.Model, kind: str, samples: list) -> bytes:
    """A LiteRT file: one of `FORMATS`."""
    converter = tf.lite.TFLiteConverter.from_keras_model(model)
    if kind != "float32":
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if kind == "int8":
        converter.representative_dataset = lambda: ([x] for x in samples)
        only = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.target_spec.supported_ops = only
    return converter.convert()


def run_file(path: pathlib.Path, picture: np.ndarray) -> np.ndarray:
    """The file's output for one picture."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=2)
    interpreter.allocate_tensors()
    (taken,) = interpreter.get_input_details()
    (given,) = interpreter.get_output_details()
    interpreter.set_tensor(taken["index"], picture)
    interpreter.invoke()
    return interpreter.get_tensor(given["index"])


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


def measure(model, kind, samples, path, runs) -> list[str]:
    """A row of the table; leaves the file at `path`."""
    path.write_bytes(converted(model, kind, samples))
    try:
        full, milliseconds = delegation(path, runs)
    except RuntimeError:
        return [kind, f"{path.stat().st_size / 1e6:.1f}", "does not load"] + [
            ""
        ] * 3
    blurry, expected = samples[-1], model(samples[-1]).numpy()
    error = run_file(path, blurry) - expected
    correction = np.sqrt(np.mean((expected - blurry) ** 2))
    rms = np.sqrt(np.mean(error**2))
    return [
        kind,
        f"{path.stat().st_size / 1e6:.1f}",
        "yes" if full else "NO",
        f"{milliseconds:.0f}",
        f"{-20 * np.log10(rms):.1f} dB",
        f"{rms / correction:.4f}",
    ]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--preset", default="sisnet_mobile", choices=sorted(PRESETS)
    )
    parser.add_argument("--weights", help="file or released name")
    parser.add_argument("--size", default="720x1280", help="HEIGHTxWIDTH")
    parser.add_argument("--runs", type=int, default=20)
    arguments = parser.parse_args()
    height, width = map(int, arguments.size.split("x"))
    if arguments.weights:
        generator, _ = load_generator(arguments.weights)
    else:
        generator = random_generator(arguments.preset)
    model = at_size(generator, height, width)
    samples = pictures(height, width)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "model.tflite")
        rows = [
            measure(model, kind, samples, path, arguments.runs)
            for kind in FORMATS
        ]
    what = arguments.weights or f"{arguments.preset}, random weights"
    print(f"{machine()}\n\n{what}, {height}x{width}, 2 threads\n")
    print(text_table(HEADER, rows))


if __name__ == "__main__":
    main()
