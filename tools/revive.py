"""Dead units back to life: python -m tools.revive WEIGHTS --data=PAIRS

Draws the kernels of units that are above zero nowhere on the blurred pictures
of --data anew, to be read with zeros at first; units that go into a sum stay
dead (`sis_keras.networks.dead_units`). Writes the weights to --write, for
train.py --initial_weights.
"""

import argparse

from sis_keras.commands.program import Parser, guarded
from sis_keras.data.open_source import open_source
from sis_keras.files.writable import check_file
from sis_keras.restoring.restorer import import_tensorflow_for
from sis_keras.weights.card import without_scores


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", help="a released name or a file")
    parser.add_argument("--data", required=True, help="pairs, as --test_data")
    parser.add_argument("--write", required=True, help="the new weight file")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    check_file(given.write, "write")
    source = open_source(given.data)
    import_tensorflow_for(given.weights)
    from sis_keras.networks.dead_units import DeadUnits
    from sis_keras.weights.generators import load_generator, save_weights

    generator, metadata = load_generator(given.weights)
    pictures = [blurry for _, blurry, _ in source.examples()]
    revived = DeadUnits(generator).revive(pictures, given.seed)
    card = without_scores(metadata["card"])
    save_weights(given.write, generator, metadata["arguments"], card)
    print(f"{revived} units were dead and are not any more: {given.write}")


if __name__ == "__main__":
    guarded(main)
