"""The command line of export.py."""

import argparse
import os
import pathlib
import re
from typing import Any

from sis_keras.commands.program import Parser, guarded
from sis_keras.errors import UserError
from sis_keras.export.litert.choices import IO_TYPES, QUANTIZATIONS, SIDES
from sis_keras.export.saved_model.batching import check_batch
from sis_keras.restoring.restorer import import_tensorflow_for
from sis_keras.weights.released import DEFAULT_WEIGHTS, weight_file

DESCRIPTION = """\
Takes the network out of Python, for servers, phones and browsers.

--format=saved_model writes a versioned folder for TensorFlow Serving; any size
of picture (docs/serving.md). --format=tflite writes a LiteRT file for one size
(docs/phones.md). Either is compared with Keras before it gets its name, and
evaluate.py and deblur.py take it as --weights.
"""

EPILOG = """\
examples:
  %(prog)s --format=saved_model --weights=sisnet_small --output=export/sisnet/1
  %(prog)s --format=tflite --size=720x1280 --quantize=int8
  %(prog)s --format=tflite --size=512x512 --quantize=dynamic --io=uint8 \\
      --representative_data=photographs:holidays --output=sisnet_512.tflite

exit status:
  0   what was written computes what Keras computes
  2   nothing was written: one line says why
  130 stopped by Ctrl-C or SIGTERM; nothing was written
"""
# Of LiteRT alone, and their defaults.
LITERT_FLAGS = {
    "size": "720x1280",
    "quantize": "none",
    "io": "float32",
    "representative_data": "skimage:train",
    "parity_data": "skimage:test",
}

# Of --parity_data where the blur is made here: several of each picture, as
# long as the released weights were trained for, on which they gain at any size.
PARITY_BLUR: dict[str, Any] = {"versions": 3, "streak": (8.0, 20.0)}


def make_parser() -> argparse.ArgumentParser:
    """What the program takes."""
    parser = Parser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add(
        "--format",
        required=True,
        choices=("saved_model", "tflite"),
        help="what to write",
    )
    add(
        "--weights",
        default=DEFAULT_WEIGHTS,
        metavar="NAME",
        help="released weights, or the path of a weight file or of a "
        "training's checkpoint (default: %(default)s)",
    )
    add(
        "--output",
        metavar="PATH",
        help="a folder whose name is a version, or a file (default: "
        "export/NAME/1, or NAME_SIZE_QUANTIZE.tflite)",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace a file that is there (default: never)",
    )
    add(
        "--batch",
        type=int,
        metavar="N",
        help="of --format=saved_model alone: most pictures that a server "
        "restores at once, a power of two (default: 1; 8, say, for a GPU and "
        "clients whose pictures have one size)",
    )
    litert = parser.add_argument_group("of --format=tflite alone")
    add = litert.add_argument
    add(
        "--size",
        metavar="HEIGHTxWIDTH",
        help=f"of the pictures it restores (default: {LITERT_FLAGS['size']})",
    )
    add(
        "--quantize",
        choices=QUANTIZATIONS,
        help="float32; float16 weights; int8 weights, ranges found at run "
        "time; int8 with ranges of --representative_data (default: none)",
    )
    add(
        "--io",
        choices=IO_TYPES,
        help="type of the input and output: float32 in [0, 1], or uint8 "
        "(default: float32)",
    )
    add(
        "--representative_data",
        metavar="SOURCE",
        help="blurred pictures that int8 finds its ranges on; pairs, "
        "photographs:FOLDER and so on, as train.py's (default: skimage:train)",
    )
    add(
        "--parity_data",
        metavar="SOURCE",
        help="pairs that the file and Keras are compared on (default: "
        "skimage:test)",
    )
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Exports what the command line names.

    Raises:
        UserError: A mistake of the user's, or the export differs from Keras.
    """
    given = make_parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # Whatever keras.json says.
    if not weight_file(given.weights).is_file():
        raise UserError(
            "Expected a weight file or released weights to export. Received: "
            f"{given.weights}, which is an export already."
        )
    {"saved_model": export_saved_model, "tflite": export_litert}[given.format](
        given
    )


def export_saved_model(given: argparse.Namespace) -> None:
    """Writes a SavedModel and says so."""
    for flag in LITERT_FLAGS:
        if getattr(given, flag) is not None:
            raise UserError(
                f"Expected --{flag} with --format=tflite alone. Received: "
                "--format=saved_model, which takes every size, in float32."
            )
    if given.overwrite:
        raise UserError(
            "Expected --overwrite with --format=tflite alone. Received: "
            "--format=saved_model. Name the next version with --output: "
            "servers keep the old one until the new one is loaded."
        )
    output = given.output or f"export/{_stem(given.weights)}/1"
    batch = 1 if given.batch is None else given.batch
    check_batch(batch)
    import_tensorflow_for(given.weights)
    from sis_keras.export.saved_model.write import write_saved_model

    write_saved_model(given.weights, output, batch=batch)
    print(output)


def export_litert(given: argparse.Namespace) -> None:
    """Writes a LiteRT file and tells how it compares with Keras."""
    if given.batch is not None:
        raise UserError(
            "Expected --batch with --format=saved_model alone. Received: "
            "--format=tflite, which restores one picture at a time."
        )
    for flag, default in LITERT_FLAGS.items():
        if getattr(given, flag) is None:
            setattr(given, flag, default)
    height, width = parse_size(given.size)
    output = pathlib.Path(
        given.output
        or f"{_stem(given.weights)}_{height}x{width}_{given.quantize}.tflite"
    )
    if output.suffix != ".tflite":
        raise UserError(
            f"Expected --output=NAME.tflite. Received: --output={output}."
        )
    if output.exists() and not given.overwrite:
        raise UserError(
            f"Expected an output that is not there yet. Received: {output}. "
            "Name another with --output, or replace it with --overwrite."
        )
    import_tensorflow_for(given.weights)
    from sis_keras.data.open_source import open_source
    from sis_keras.export.litert.write import write_litert

    facts = write_litert(
        given.weights,
        output,
        height,
        width,
        given.quantize,
        given.io,
        open_source(given.representative_data),
        open_source(given.parity_data, **PARITY_BLUR),
    )
    print(report(output, facts))


def parse_size(text: str) -> tuple[int, int]:
    """`(height, width)` of "720x1280".

    Raises:
        UserError: It is none, or a side is not from 32 to 4096.
    """
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})", text)
    height, width = map(int, found.groups()) if found else (0, 0)
    if not all(SIDES[0] <= side <= SIDES[1] for side in (height, width)):
        raise UserError(
            "Expected --size=HEIGHTxWIDTH, such as 720x1280, each side from "
            f"{SIDES[0]} to {SIDES[1]}. Received: {text}."
        )
    return height, width


def report(path: pathlib.Path, facts: dict) -> str:
    """What a LiteRT file is and how it compares, for the screen."""
    parity, operators = facts["parity"], facts["operators"]
    share = parity["share_of_gain"]
    kept = "no gain to keep" if share is None else f"{share:.1%} of it kept"
    left = operators["left"]
    names = ", ".join(f"{count} {name}" for name, count in left.items())
    worse = [
        "these weights make the pictures above worse, in Keras as in the file: "
        "their blur is not what they were trained for; --parity_data names "
        "others"
    ]
    return "\n".join(
        [
            f"{path}, {path.stat().st_size / 1e6:.2f} MB",
            f"against Keras ({parity['source']}, {parity['pictures']} "
            f"pictures): {parity['psnr']:.1f} dB at worst; error "
            f"{parity['relative_error']:.2%} of the correction",
            f"against sharp: blurred {parity['blurry']:.3f}, Keras "
            f"{parity['keras_psnr']:.3f}, file {parity['file_psnr']:.3f} dB; "
            f"{kept}",
            *(worse if parity["keras_psnr"] < parity["blurry"] else []),
            f"operators: {sum(operators['delegated'].values())} on the "
            f"accelerator (XNNPACK), {f'not: {names}' if left else 'all'}",
        ]
    )


def _stem(weights):
    return pathlib.Path(weights).stem


def run() -> None:
    """The whole program."""
    guarded(main)
