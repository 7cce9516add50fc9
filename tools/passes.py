"""A network of one pass to one of several: python -m tools.passes WEIGHTS

Each pass computes what the one computed, times --strength, at its own scale,
and all are added (`sis_keras.networks.passes`); what reads the coarser pass's
change begins with zeros. Writes the weights to --write, for train.py
--initial_weights.
"""

import argparse

from sis_keras.commands.program import Parser, guarded
from sis_keras.errors import UserError
from sis_keras.files.writable import check_file
from sis_keras.quiet import import_tensorflow
from sis_keras.weights.card import without_scores


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", help="a released name or a file")
    parser.add_argument("--scales", type=int, default=2, help="passes")
    parser.add_argument("--strength", type=float, default=0.6)
    parser.add_argument("--write", required=True, help="the new weight file")
    given = parser.parse_args(arguments)
    check_file(given.write, "write")
    import_tensorflow()
    from sis_keras.weights.generators import load_generator, save_weights

    generator, metadata = load_generator(given.weights)
    found = metadata["arguments"]
    if found.get("recurrent_scales", 1) != 1 or given.scales < 2:
        raise UserError(
            "Expected weights of one pass and --scales from 2 up. Received: "
            f"{given.weights}, of {found.get('recurrent_scales', 1)}, and "
            f"--scales={given.scales}."
        )
    asked = {**found, "recurrent_scales": given.scales}
    several = of_several_passes(generator, asked, given.strength)
    card = without_scores(metadata["card"])
    save_weights(given.write, several, asked, card)
    print(f"{given.scales} passes: {given.write}")


def of_several_passes(generator, arguments: dict, strength: float):
    """The generator of `arguments`, with the weights of another's one pass."""
    import numpy as np

    from sis_keras.networks.generator import build_generator

    several = build_generator(**arguments)
    once = {v.path: v.numpy() for v in generator.variables}
    for variable in several.variables:
        value = once[variable.path]
        if variable.path.startswith("to_rgb/"):
            value = strength * value
        if value.shape != tuple(variable.shape):  # Of the first layer.
            value = np.concatenate([value, np.zeros_like(value)], axis=2)
        variable.assign(value)
    return several


if __name__ == "__main__":
    guarded(main)
