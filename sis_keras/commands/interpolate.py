r"""Writes weights between two, as between those of content and of a game:

    python -m sis_keras.commands.interpolate --between=sisnet_mobile \
        --between=runs/game/last.safetensors --share=0.5 \
        --write=runs/game/half.safetensors

A game sharpens textures and adds patterns; part of the way has the one and
hardly the other. `python -m benchmarks.perceptual` compares several. Between
two ends of one training lie weights that validate better than either (model
soups, Wortsman et al., ICML 2022).
"""

from absl import flags

from sis_keras.commands.building import start_keras
from sis_keras.commands.flags import FLAGS, required
from sis_keras.commands.start import start
from sis_keras.errors import UserError
from sis_keras.files.writable import check_file

flags.DEFINE_multi_string(
    "between", [], "Two weight files, checkpoints or released names; each once."
)
flags.DEFINE_float("share", 0.5, "Of the way to the second, in [0, 1].")
flags.DEFINE_float(
    "strength", 1.0, "Of what the network changes; below 1 it changes less."
)
flags.DEFINE_string("write", None, "The new weight file.")


def main():
    if len(FLAGS.between) != 2:
        raise UserError(
            "Expected --between twice: what to begin from, and what to go "
            f"to. Received: {len(FLAGS.between)}."
        )
    path = required("write")
    check_file(path, "write")
    start_keras()
    from sis_keras.weights.interpolation import interpolate

    first, second = FLAGS.between
    interpolate(first, second, FLAGS.share, path, FLAGS.strength)
    print(f"Wrote {path}.")


def run() -> None:
    """The whole program."""
    start(main, __doc__)


if __name__ == "__main__":
    run()
