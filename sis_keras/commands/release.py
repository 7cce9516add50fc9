r"""Puts weights among the released ones:

    python -m sis_keras.commands.release \
        --weights=runs/mobile/best.safetensors \
        --name=sisnet_mobile --float16 --validation_data=FOLDER \
        --recipe=mobile.flags --device_hours="5 hours on 2 CPU cores" \
        --limits="Not for portraits."

writes `sis_keras/weights/files/`, of the default weights the LiteRT file, too,
and prints the entry of its manifest.
Afterwards `python -m tools.models` scores the model and writes its card.
"""

import json

from absl import flags

from sis_keras.commands.building import start_keras
from sis_keras.commands.flags import FLAGS, required
from sis_keras.commands.opening import scored_sources
from sis_keras.commands.start import start
from sis_keras.errors import UserError
from sis_keras.files.writable import check_file
from sis_keras.restoring.restorer import prepare_for
from sis_keras.weights.released import DEFAULT_WEIGHTS, weight_file

flags.DEFINE_string("weights", None, "Weight file or checkpoint to release.")
flags.DEFINE_string("name", None, "Of the release; default: that of --preset.")
flags.DEFINE_bool(
    "float16",
    False,
    "Store float16; what it costs is measured on --test_data, or else on "
    "--validation_data.",
)
flags.DEFINE_bool(
    "level",
    False,
    "Take the mean shift of brightness on these pairs out of the output's "
    "bias.",
)
flags.DEFINE_float("most_cost", 0.01, "dB that float16 may cost.")
flags.DEFINE_string("recipe", None, "Flagfile or command that trained them.")
flags.DEFINE_string("device_hours", None, "Of all training, and on what.")
flags.DEFINE_string(
    "keep_trunk",
    None,
    "Release nothing: write the training weights of the checkpoint --weights "
    "to this file in half precision, for --continue_from.",
)
flags.DEFINE_string("limits", None, "What the weights are not good for.")


def main():
    source = required("weights")
    if FLAGS.keep_trunk:
        check_file(FLAGS.keep_trunk, "keep_trunk")
        from sis_keras.training.checkpoint import save_trunk

        save_trunk(source, FLAGS.keep_trunk)
        return
    if FLAGS.level and not FLAGS.float16:
        raise UserError(
            "Expected --float16 with --level, which measures the shift on the "
            "same pairs. Received: --level alone."
        )
    facts = {
        fact: required(fact) for fact in ("recipe", "device_hours", "limits")
    }
    prepare_for(weight_file(source))
    examples = float16_examples() if FLAGS.float16 else None
    start_keras()
    from sis_keras.export.release import release

    name = FLAGS.name or FLAGS.preset
    entry = release(
        source,
        name,
        FLAGS.preset,
        facts,
        examples,
        FLAGS.most_cost,
        FLAGS.level,
    )
    if name == DEFAULT_WEIGHTS:
        from sis_keras.export.litert.release import release_litert

        entry["litert"] = release_litert(name)
    print(json.dumps(entry, indent=2))


def float16_examples():
    """Gives the pairs that float16 is measured on."""
    sources = scored_sources()
    if not sources:
        required("test_data")
    return lambda: (pair for source in sources for pair in source.examples())


def run() -> None:
    """The whole program."""
    start(main, __doc__)


if __name__ == "__main__":
    run()
