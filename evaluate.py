"""Scores weights on pairs: python evaluate.py --flagfile=demo.flags

Takes train.py's flagfiles unchanged and scores what that run made; or
`python evaluate.py --weights=FILE --test_data=FOLDER`, or `--identity` for the
blurred input alone.
"""

import itertools

from absl import flags

import run_flags

flags.adopt_module_key_flags(run_flags)  # for --help
FLAGS = run_flags.FLAGS
flags.DEFINE_string(
    "weights",
    None,
    "Released name, such as sisnet_mobile, weight file, or what export.py "
    "wrote; default: <output>/best.safetensors.",
)
flags.DEFINE_bool("identity", False, "Score the blurred input alone.")
flags.DEFINE_list(
    "metrics",
    None,
    "Of sis_keras/metrics.py; default: all but psnr_y and ssim_ms.",
)
flags.DEFINE_integer("repeats", 1, "Timed runs of each image.", 1)
flags.DEFINE_integer("limit", None, "Score this many pairs only.", 1)


def main():
    sources = test_sources()
    run_flags.start_keras()
    from sis_keras.metrics import DEFAULT_METRICS
    from sis_keras.scoring import score_into

    restorer = None if FLAGS.identity else load_restorer()

    def examples():
        every = (pair for source in sources for pair in source.examples())
        return itertools.islice(every, FLAGS.limit)

    known = run_flags.known_protocol(
        sources, restorer.name if restorer else "none: the blurred input"
    )
    if restorer and "quantize" in restorer.metadata:
        known["precision"] = f"LiteRT, quantize={restorer.metadata['quantize']}"
    kind = "identity" if FLAGS.identity else "evaluation"
    if FLAGS.limit:
        known["limit"] = f"the first {FLAGS.limit} pairs"
    score_into(
        f"{FLAGS.output or 'runs'}/{kind}",
        restorer,
        examples,
        known,
        FLAGS.metrics or DEFAULT_METRICS,
        FLAGS.repeats,
        FLAGS.limit or sum(source.count for source in sources),
    )


def test_sources():
    """--test_data; else what the run was validated on."""
    sources = run_flags.scored_sources()
    if sources:
        return sources
    run_flags.required("hold_out")
    return [
        source.only(FLAGS.hold_out)
        for source in run_flags.open_sources(
            run_flags.required("train_data"), FLAGS.synthetic_versions
        )
    ]


def load_restorer():
    """The weights' restorer; where --preset is given, it must be theirs.

    Released weights are described by their own file alone.
    """
    from sis_keras import released, weights

    if not FLAGS.weights:
        run_flags.required("output")
    source = FLAGS.weights or f"{FLAGS.output}/best.safetensors"
    restorer = weights.load_restorer(source)
    if FLAGS["preset"].present and source not in released.manifest():
        weights.check_arguments(
            restorer.metadata["arguments"],
            run_flags.generator_arguments(),
            source,
        )
    return restorer


if __name__ == "__main__":
    run_flags.run(main)
