"""Scores weights on pairs: python evaluate.py --flagfile=demo.flags

Takes train.py's flagfiles unchanged and scores what that run made; or
`python evaluate.py --weights=FILE --test_data=FOLDER`, or `--identity` for the
blurred input alone. `--test_data=kohler:FOLDER` or `tfds:kohler:test` gives
the paper's Table 4.
"""

import itertools

from absl import flags

from sis_keras.commands import kohler
from sis_keras.commands.building import generator_arguments, start_keras
from sis_keras.commands.flags import FLAGS, required
from sis_keras.commands.opening import open_sources, scored_sources
from sis_keras.commands.start import start
from sis_keras.errors import UserError
from sis_keras.evaluation.protocol import known_protocol

# Of train.py's flags, those that say what is scored, and what with.
TAKEN = (
    "output",
    "seed",
    "train_data",
    "validation_data",
    "test_data",
    "hold_out",
    "inputs",
    "synthetic_versions",
    "flow_versions",
    "synthetic_streak",
    "synthetic_blur",
    "validation_versions",
    "data_dir",
    "manual_dir",
    "preset",
    "normalization",
    "fusion",
    "residual",
    "intermediate_path",
    "info_box",
    "precision",
    "threads_of_an_operation",
    "operations_at_once",
)

flags.DEFINE_string(
    "weights",
    None,
    "Released name, such as sisnet_mobile, weight file, or what export.py "
    "wrote; default: <output>/best.safetensors.",
)
flags.DEFINE_bool("identity", False, "Score the blurred input alone.")
flags.DEFINE_bool(
    "strong_blur", False, "At half the size, too, as deblur.py's flag."
)
flags.DEFINE_list(
    "metrics",
    None,
    "Of sis_keras/evaluation/metrics.py; default: all but psnr_y and ssim_ms.",
)
flags.DEFINE_integer("repeats", 1, "Timed runs of each image.", 1)
flags.DEFINE_integer("limit", None, "Score this many pairs only.", 1)
flags.DEFINE_string(
    "report",
    None,
    "New folder for a page of all this, index.html, which opens offline.",
)


def main():
    if not FLAGS.identity:
        _prepare()
    elif FLAGS.strong_blur:
        raise UserError(
            "Expected --identity, which restores nothing, or --strong_blur. "
            "Received both."
        )
    named = kohler.named_benchmark()
    if named:
        start_keras()  # TFDS, too, begins with TensorFlow.
        benchmark = kohler.open_named(named)
        restorer, known = restorer_and_protocol([benchmark], "images")
        kohler.score(benchmark, restorer, known)
    else:
        score_pairs(test_sources())


def score_pairs(sources):
    # What the files' heads tell, before an hour of scoring is lost to it.
    items = (item for source in sources for item in source.items or ())
    for item in itertools.islice(items, FLAGS.limit):
        item.size()
    start_keras()
    from sis_keras.evaluation.evaluate import score_into
    from sis_keras.evaluation.metrics import DEFAULT_METRICS

    restorer, known = restorer_and_protocol(sources, "pairs")

    def examples():
        every = (pair for source in sources for pair in source.examples())
        return itertools.islice(every, FLAGS.limit)

    kind = "identity" if FLAGS.identity else "evaluation"
    score_into(
        f"{FLAGS.output or 'runs'}/{kind}",
        restorer,
        examples,
        known,
        FLAGS.metrics or DEFAULT_METRICS,
        FLAGS.repeats,
        FLAGS.limit or total(sources),
        FLAGS.report,
    )


def restorer_and_protocol(sources, unit):
    """None for --identity; and what the report must say of all."""
    restorer = None if FLAGS.identity else load_restorer()
    name = restorer.name if restorer else "none: the blurred input"
    precision = restorer.precision if restorer else FLAGS.precision
    known = known_protocol(sources, name, precision)
    if FLAGS.limit:
        known["limit"] = f"the first {FLAGS.limit} {unit}"
    return restorer, known


def total(sources):
    """How many pairs there are; None where only reading tells."""
    counts = [source.count for source in sources]
    return sum(counts) if all(counts) else None


def test_sources():
    """--test_data; else what the run was validated on."""
    sources = scored_sources()
    if sources:
        return sources
    if not FLAGS.hold_out:
        raise UserError(
            "Expected pairs to score on, such as --test_data=FOLDER with blur/ "
            "and sharp/ in it, or the flagfile of a run. Received neither."
        )
    return [
        source.only(FLAGS.hold_out)
        for source in open_sources(
            required("train_data"), FLAGS.synthetic_versions
        )
    ]


def load_restorer():
    """The weights' restorer; where --preset is given, it must be theirs.

    Released weights are described by their own file alone.
    """
    from sis_keras.restoring.restorer import load_restorer
    from sis_keras.restoring.two_scales import TwoScales
    from sis_keras.weights import released
    from sis_keras.weights.generators import check_arguments

    source = _weights()
    restorer = load_restorer(source)
    if FLAGS["preset"].present and source not in released.manifest():
        check_arguments(
            restorer.metadata["arguments"],
            generator_arguments(),
            source,
        )
    return TwoScales(restorer) if FLAGS.strong_blur else restorer


def _prepare():
    """For the network to come, before anything imports TensorFlow."""
    from sis_keras.restoring.restorer import prepare_for
    from sis_keras.weights.released import weight_file

    prepare_for(weight_file(_weights()))


def _weights():
    return FLAGS.weights or f"{required('output')}/best.safetensors"


def run() -> None:
    """The whole program."""
    start(main, __doc__, TAKEN)


if __name__ == "__main__":
    run()
