"""Trains SIS-net: python train.py --flagfile=demo.flags

A flagfile holds the flags of one run; `python train.py --help` describes each.
"""

from sis_keras.commands.building import (
    generator_arguments,
    make_gan,
    settings,
    start_keras,
)
from sis_keras.commands.cutting import (
    cache_folder,
    check_records_flags,
    make_crops,
    open_records,
    parted_where_refreshed,
)
from sis_keras.commands.flags import FLAGS, required
from sis_keras.commands.opening import open_sources, validation_groups
from sis_keras.commands.program import line_of
from sis_keras.commands.start import start
from sis_keras.data.cache import refuse_same_pictures
from sis_keras.data.fitness import check_sources, items_of
from sis_keras.data.source import of_sequence, refuse_overlap
from sis_keras.errors import UserError
from sis_keras.evaluation.protocol import known_protocol
from sis_keras.quiet import prepare_convolutions
from sis_keras.training.run import LAST, check_output


def main():
    output = required("output")
    check_output(output, FLAGS.resume)
    arguments = generator_arguments()
    prepare_convolutions(arguments["width_multiplier"])
    groups = validation_groups()
    validation_sources = [source for _, source in groups]
    check_records_flags(groups)
    sources, steady, changing = (
        ([], [], []) if FLAGS.crop_records else checked_sources(groups)
    )
    strategy = start_keras(FLAGS.strategy)
    import tensorflow as tf

    from sis_keras.training.checkpoint import check_settings, continue_from
    from sis_keras.training.device_memory import check_memory
    from sis_keras.training.loop import TrainingRun
    from sis_keras.training.strategies import check_batch_size, host_of

    records = open_records()
    run_settings = settings(
        records.index.digest
        if records
        else " ".join(x.fingerprint for x in sources)
    )
    check_batch_size(
        strategy, FLAGS.batch_size, FLAGS.gradient_accumulation or 1
    )
    host, _ = host_of(strategy)
    if FLAGS.resume:
        told = check_settings(f"{output}/{LAST}", arguments, run_settings)
        if told and not host:
            print(line_of(told))
    tf.config.experimental.enable_op_determinism()
    several = strategy.num_replicas_in_sync > 1
    with strategy.scope():
        gan = make_gan(arguments | ({"synchronized": True} if several else {}))
    told = check_memory(gan, FLAGS.batch_size, FLAGS.crop_size, strategy)
    if told and not host:
        print(line_of(told))
    if FLAGS.continue_from and not FLAGS.resume:
        continue_from(FLAGS.continue_from, gan, arguments)
    if records:
        crops, cache = records, records.index
    else:
        crops, cache = make_crops(
            steady,
            changing,
            cache_folder(host),
            FLAGS.crop_size,
            FLAGS.steps,
        )
    # The first host alone validates.
    examples = tuple if host else validation_examples(groups, cache)
    if cache is not None and host == 0:
        refuse_same_pictures(cache, groups and examples())
    run = TrainingRun(
        gan,
        arguments,
        crops,
        examples,
        output,
        batch_size=FLAGS.batch_size,
        steps=FLAGS.steps,
        settings=run_settings,
        log_every=FLAGS.log_every,
        validate_every=FLAGS.validate_every,
        checkpoint_every=FLAGS.checkpoint_every,
        freeze_batch_norm_at=FLAGS.freeze_batch_norm_at,
        most_skipped=FLAGS.most_skipped,
        jit_compile=FLAGS.xla,
        strategy=strategy,
    )
    if FLAGS.resume:
        run.resume()
    try:
        run.run()
    finally:
        crops.close()
    if host:
        return  # The first host validated and wrote.
    validated = validation_sources or [
        source.only(FLAGS.hold_out) for source in sources
    ]
    if not run.best_step:
        print(
            f"No validation was better than that of step 0: {run.best_path} "
            f"is what the run began with, {run.last_path} what it ended at."
        )
    write_report(run.best_path, lambda: (x[1:] for x in examples()), validated)


def checked_sources(groups):
    """Those of --train_data; parted into what stays and what is refreshed."""
    sources = open_sources(required("train_data"), FLAGS.synthetic_versions)
    refuse_overlap(sources, [source for _, source in groups])
    steady, changing = parted_where_refreshed(sources)
    check_sources(sources, FLAGS.crop_size, FLAGS.hold_out)
    kept = items_of(steady)
    if not groups and kept is not None:
        held_out_for_validation(item.name for item in kept)
    return sources, steady, changing


def write_report(best_path, validation, sources):
    """Scores the best weights on what the run was validated on."""
    from sis_keras.evaluation.evaluate import score_into
    from sis_keras.restoring.restorer import load_restorer

    restorer = load_restorer(best_path)
    known = known_protocol(sources, restorer.name, FLAGS.precision)
    known["split"] = "validation: best weights chosen on these pictures"
    score_into(f"{FLAGS.output}/validation", restorer, validation, known)


def held_out_for_validation(names):
    """Which of the names are of --hold_out; an error where none is."""
    kept = [
        number
        for number, name in enumerate(names)
        if of_sequence(name, FLAGS.hold_out)
    ]
    if not kept:
        raise UserError(
            "Expected pictures to validate on: --validation_data, or "
            "--hold_out with sequences of --train_data. Received: "
            f"--hold_out={','.join(FLAGS.hold_out)}."
        )
    return kept


def validation_examples(groups, cache):
    """Gives `(group, name, blurry, sharp)` of what is validated on.

    That is --validation_data, blurred once where it is blurred here, or what
    is held out of `cache`.
    """
    from sis_keras.data.cache import open_cache

    kept = []
    if not groups:
        kept = held_out_for_validation(cache.names if cache else ())
    folder = cache_folder(host=0)
    made = [
        open_cache([source], f"{folder}/validation_{number}")
        if source.synthetic
        else None
        for number, (_, source) in enumerate(groups)
    ]

    def examples():
        for (group, source), blurred in zip(groups, made, strict=True):
            if blurred is None:
                for example in source.examples():
                    yield group, *example
            else:
                for number, name in enumerate(blurred.names):
                    yield group, name, *blurred[number]
        for number in kept:
            yield "real", cache.names[number], *cache[number]

    return examples


def run() -> None:
    """The whole program."""
    start(main, __doc__)


if __name__ == "__main__":
    run()
