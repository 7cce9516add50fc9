"""Trains SIS-net: python train.py --flagfile=demo.flags

A flagfile holds the flags of one run; `python train.py --help` describes each.
"""

from absl import flags

import run_flags

flags.adopt_module_key_flags(run_flags)  # for --help
FLAGS = run_flags.FLAGS


def main():
    output = run_flags.required("output")
    arguments = run_flags.generator_arguments()
    sources = run_flags.open_sources(
        run_flags.required("train_data"), FLAGS.synthetic_versions
    )
    groups = run_flags.validation_groups()
    validation_sources = [source for _, source in groups]
    run_flags.refuse_overlap(sources, validation_sources)
    run_flags.start_keras()
    import tensorflow as tf

    from sis_keras.checkpoint import continue_from, refuse_to_overwrite
    from sis_keras.training import TrainingRun

    if not FLAGS.resume:
        refuse_to_overwrite(output)
    tf.config.experimental.enable_op_determinism()
    gan = make_gan(arguments)
    if FLAGS.continue_from and not FLAGS.resume:
        continue_from(FLAGS.continue_from, gan, arguments)
    crops, cache = make_crops(sources)
    examples = validation_examples(groups, cache)
    run = TrainingRun(
        gan,
        arguments,
        crops,
        examples,
        output,
        batch_size=FLAGS.batch_size,
        steps=FLAGS.steps,
        settings=settings(" ".join(x.fingerprint for x in sources)),
        log_every=FLAGS.log_every,
        validate_every=FLAGS.validate_every,
        checkpoint_every=FLAGS.checkpoint_every,
        freeze_batch_norm_at=FLAGS.freeze_batch_norm_at,
        most_skipped=FLAGS.most_skipped,
        jit_compile=FLAGS.xla,
    )
    if FLAGS.resume:
        run.resume()
    try:
        run.run()
    finally:
        crops.close()
    validated = validation_sources or [
        source.only(FLAGS.hold_out) for source in sources
    ]
    write_report(run.best_path, lambda: (x[1:] for x in examples()), validated)


def write_report(best_path, validation, sources):
    """Scores the best weights on what the run was validated on."""
    from sis_keras.scoring import score_into
    from sis_keras.weights import load_restorer

    restorer = load_restorer(best_path)
    known = run_flags.known_protocol(sources, restorer.name)
    known["split"] = "validation: best weights chosen on these pictures"
    score_into(f"{FLAGS.output}/validation", restorer, validation, known)


def make_gan(arguments):
    from sis_keras.discriminator import build_discriminator
    from sis_keras.gan import DeblurringGAN

    generator, averaged = make_generators(arguments)
    plays = FLAGS.adversarial != "none"
    sigmoid = FLAGS.discriminator_sigmoid and FLAGS.adversarial == "ralsgan"
    discriminators = [
        build_discriminator(sigmoid, FLAGS.seed + number, name)
        if plays
        else None
        for number, name in ((2000, "global"), (3000, "local"))
    ]
    gan = DeblurringGAN(
        generator,
        averaged,
        *discriminators,
        adversarial=FLAGS.adversarial,
        adversarial_weight=FLAGS.adversarial_weight,
        gradient_penalty_weight=FLAGS.gradient_penalty_weight,
        content=content_arguments(),
        coarse_weight=coarse_weight(),
        ema_decay=FLAGS.ema_decay,
        clip_norm=FLAGS.clip_norm,
    )
    gan.compile(
        make_optimizer(FLAGS.learning_rate, FLAGS.optimizer),
        make_optimizer(FLAGS.discriminator_learning_rate) if plays else None,
    )
    return gan


def make_generators(arguments):
    """The generator and its running average, which begin alike."""
    from sis_keras.generator import build_generator

    generator, averaged = (build_generator(**arguments) for _ in range(2))
    give_first_weights(generator, arguments)
    averaged.set_weights(generator.get_weights())
    return generator, averaged


def give_first_weights(generator, arguments):
    """Those that the flags name; without any the generator keeps its own."""
    from sis_keras import weights
    from sis_keras.checkpoint import set_trained
    from sis_keras.errors import UserError
    from sis_keras.inception import load_imagenet_weights

    others = FLAGS.imagenet_weights or FLAGS.initial_weights
    if FLAGS.continue_from and others:
        raise UserError(
            "Expected --continue_from, which has all weights, or others to "
            f"start from. Received: {FLAGS.continue_from} and {others}."
        )
    if FLAGS.imagenet_weights:
        load_imagenet_weights(generator, FLAGS.imagenet_weights)
    elif arguments["normalization"] == "frozen" and not (
        others or FLAGS.continue_from
    ):
        raise UserError(
            "--normalization=frozen keeps ImageNet's averages: expected "
            "--imagenet_weights, --initial_weights or --continue_from. "
            "Received none."
        )
    if FLAGS.initial_weights:
        tensors, metadata = weights.read_tensors(FLAGS.initial_weights)
        found = metadata["arguments"]
        # Batch normalisation may go on frozen, and the other way round; what
        # has other shapes is refused below.
        expected = {**arguments, "normalization": found["normalization"]}
        weights.check_arguments(found, expected, FLAGS.initial_weights)
        if FLAGS.initial_average:
            weights.set_model_tensors(generator, weights.GENERATOR, tensors)
        else:
            set_trained(FLAGS.initial_weights, generator, tensors)


def content_arguments():
    from sis_keras.errors import UserError
    from sis_keras.losses import vgg16_features

    weights = (
        FLAGS.content_weight,
        FLAGS.perceptual_weight,
        FLAGS.ssim_weight,
        FLAGS.frequency_weight,
        FLAGS.adversarial != "none" and FLAGS.adversarial_weight,
    )
    if not any(weights):
        raise UserError(
            "Expected a loss of weight above 0. Received none; set "
            "--content_weight."
        )
    features = None
    if FLAGS.perceptual_weight:
        features = vgg16_features(FLAGS.vgg16_weights)
    return {
        "content": FLAGS.content,
        "content_weight": FLAGS.content_weight,
        "perceptual_weight": FLAGS.perceptual_weight,
        "ssim_weight": FLAGS.ssim_weight,
        "frequency_weight": FLAGS.frequency_weight,
        "features": features,
    }


def coarse_weight():
    from sis_keras.errors import UserError

    weight = FLAGS.coarse_weight or 0.0
    if weight and not (FLAGS.content_weight or FLAGS.frequency_weight):
        raise UserError(
            "Expected --content_weight or --frequency_weight with "
            "--coarse_weight, which weighs them at the coarse scales. "
            "Received neither."
        )
    return weight


def make_optimizer(learning_rate, kind="adam"):
    import keras

    from sis_keras.muon import ConvMuon
    from sis_keras.schedules import WarmupDecay

    schedule = WarmupDecay(
        learning_rate,
        FLAGS.steps,
        FLAGS.warmup_steps,
        FLAGS.decay,
        min(FLAGS.final_learning_rate, learning_rate),
    )
    if kind == "muon":
        half = FLAGS.precision == "mixed_bfloat16"
        optimizer = ConvMuon(
            schedule,
            weight_decay=FLAGS.weight_decay,
            orthogonal_dtype="bfloat16" if half else "float32",
        )
    else:
        optimizer = keras.optimizers.Adam(schedule)
    if FLAGS.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def make_crops(sources):
    """What is trained on; and the cache of what does not change."""
    from sis_keras.cache import open_cache
    from sis_keras.data import Crops
    from sis_keras.errors import UserError
    from sis_keras.pools import RefreshedCrops

    def crops_of(cache):
        return Crops(
            cache,
            FLAGS.crop_size,
            FLAGS.crops_per_picture,
            FLAGS.synthetic_share,
            FLAGS.hold_out,
            FLAGS.seed,
            FLAGS.crop_candidates,
            bool(FLAGS.weigh_pictures),
        )

    folder = FLAGS.cache_dir or f"{FLAGS.output}/cache"
    if not FLAGS.refresh_steps:
        cache = open_cache(sources, folder)
        return crops_of(cache), cache
    steady, changing = run_flags.parted(sources)
    if not changing:
        raise UserError(
            "Expected --refresh_steps with data that is blurred here, such as "
            "photographs:FOLDER. Received --train_data without."
        )
    cache = open_cache(steady, f"{folder}/steady") if steady else None
    crops = RefreshedCrops(
        cache,
        changing,
        FLAGS.seed,
        folder,
        FLAGS.refresh_steps,
        FLAGS.steps,
        FLAGS.crop_size,
        crops_of,
    )
    return crops, cache


def validation_examples(groups, cache):
    """Gives `(group, name, blurry, sharp)` of what is validated on.

    That is --validation_data, blurred once where it is blurred here, or what
    is held out of `cache`.
    """
    from sis_keras.cache import open_cache
    from sis_keras.errors import UserError
    from sis_keras.sources import of_sequence

    kept = [
        number
        for number, name in enumerate(cache.names if cache else ())
        if of_sequence(name, FLAGS.hold_out)
    ]
    if not groups and not kept:
        raise UserError(
            "Expected pictures to validate on: --validation_data, or "
            "--hold_out with sequences of --train_data. Received: "
            f"--hold_out={','.join(FLAGS.hold_out)}."
        )
    folder = FLAGS.cache_dir or f"{FLAGS.output}/cache"
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
        for number in [] if groups else kept:
            yield "real", cache.names[number], *cache[number]

    return examples


def settings(data):
    """What must not change when a run goes on."""
    changing = (
        "cache_dir",
        "checkpoint_every",
        "data_dir",
        "log_every",
        "manual_dir",
        "most_skipped",
        "output",
        "resume",
        "test_data",
    )
    return {
        "data": data,
        **{
            flag.name: flag.value
            for flag in FLAGS.flags_by_module_dict()["run_flags"]
            if flag.name not in changing
        },
    }


if __name__ == "__main__":
    run_flags.run(main)
