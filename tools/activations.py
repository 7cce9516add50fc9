"""What each scale of the trunk does: python -m tools.activations WEIGHTS

On whole pictures of --data (pairs): the largest value of the trunk's maps at
1/2 to 1/32 of the scale, the share of values above zero, both in the pass at
the full scale, and the PSNR lost where a scale's 1x1 convolution (detail_4 …
detail_1, info_0) gives its mean over the picture instead, in all passes. Dead
or exploding scales show here. Then how many units (channels of a ReLU) are
never above zero, and the layers that have no other.
"""

import argparse
import itertools
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from keras import ops

from benchmarks.reporting import machine, text_table
from sis_keras.commands.program import Parser
from sis_keras.data.open_source import open_source
from sis_keras.evaluation.metrics import psnr
from sis_keras.files.pictures import to_uint8
from sis_keras.networks.dead_units import DeadUnits
from sis_keras.networks.passes import inputs_of_passes, network_of
from sis_keras.weights.generators import load_generator

SCALES = {
    "1/2": "detail_4",
    "1/4": "detail_3",
    "1/8": "detail_2",
    "1/16": "detail_1",
    "1/32": "info_0",
}
HEADER = ["scale", "largest", "above zero", "dB lost without"]


class Mean(keras.layers.Layer):
    """A map to its mean over the picture."""

    def call(self, x):
        return ops.zeros_like(x) + ops.mean(x, (1, 2), keepdims=True)


def without(generator: keras.Model, name: str) -> keras.Model:
    """The same network, the layer's output replaced by its mean."""
    network = network_of(generator)

    def called(layer, *inputs, **options):
        output = layer(*inputs, **options)
        return Mean()(output) if layer.name == name else output

    changed = keras.models.clone_model(
        network, call_function=called, clone_function=lambda layer: layer
    )
    if network is generator:
        return changed
    return keras.models.clone_model(
        generator,
        clone_function=lambda layer: changed if layer is network else layer,
    )


def rows_of(generator: keras.Model, pairs: list) -> list[list[str]]:
    """A row for each scale."""
    network = network_of(generator)
    maps = keras.Model(
        network.input,
        [network.get_layer(name).input for name in SCALES.values()],
    )
    last = keras.Model(generator.input, inputs_of_passes(generator)[-1])
    values = [maps(last(_picture(blurry))) for blurry, _ in pairs]
    whole = _score(generator, pairs)
    rows = []
    for number, (scale, name) in enumerate(SCALES.items()):
        at_scale = [np.asarray(x[number]) for x in values]
        rows.append(
            [
                scale,
                f"{max(x.max() for x in at_scale):.3g}",
                f"{np.mean([(x > 0).mean() for x in at_scale]):.1%}",
                f"{whole - _score(without(generator, name), pairs):.3f}",
            ]
        )
    return rows


def dead_units(generator: keras.Model, pairs: list) -> str:
    """How many units are dead, and which layers as a whole."""
    by_layer = DeadUnits(generator).by_layer(blurry for blurry, _ in pairs)
    dead, units = np.sum(list(by_layer.values()), axis=0)
    text = f"{dead} of {units} units dead ({dead / units:.1%})"
    whole = [name for name, (few, all_) in by_layer.items() if few == all_]
    return text + (f"; all of {', '.join(whole)}" if whole else "")


def _score(model, pairs):
    restored = (to_uint8(np.asarray(model(_picture(x)))[0]) for x, _ in pairs)
    return np.mean(
        [psnr(x, sharp) for x, (_, sharp) in zip(restored, pairs, strict=True)]
    )


def _picture(blurry):
    return blurry[None] / np.float32(255)


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", help="released name or weight file")
    parser.add_argument("--data", default="$SIS_DATA/gopro/test")
    parser.add_argument("--limit", type=int, default=3, help="pairs")
    given = parser.parse_args()
    generator, _ = load_generator(given.weights)
    examples = open_source(given.data).examples()
    pairs = [pair for _, *pair in itertools.islice(examples, given.limit)]
    print(f"{machine()}\n\n{given.weights}, {len(pairs)} of {given.data}\n")
    print(text_table(HEADER, rows_of(generator, pairs)))
    print(f"\n{dead_units(generator, pairs)}")


if __name__ == "__main__":
    main()
