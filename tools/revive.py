"""Dead units back to life: python -m tools.revive WEIGHTS --data=PAIRS

Draws the kernels of units that are above zero nowhere on the blurred pictures
of --data anew (`sis_keras.networks.dead_units`), and writes the weights to
--write, for train.py --initial_weights.
"""

import argparse
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from sis_keras.commands.program import Parser, guarded
from sis_keras.data.open_source import open_source
from sis_keras.networks.dead_units import DeadUnits
from sis_keras.weights.generators import load_generator, save_weights


def main():
    parser = Parser(
        description=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", help="a released name or a file")
    parser.add_argument("--data", required=True, help="pairs, as --test_data")
    parser.add_argument("--write", required=True, help="the new weight file")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()

    generator, metadata = load_generator(given.weights)
    pictures = [x for _, x, _ in open_source(given.data).examples()]
    revived = DeadUnits(generator).revive(pictures, given.seed)
    save_weights(
        given.write, generator, metadata["arguments"], metadata["card"]
    )
    print(f"{revived} units were dead and are not any more: {given.write}")


if __name__ == "__main__":
    guarded(main)
