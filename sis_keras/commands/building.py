"""Flags to networks, losses, optimizers and the settings of a run."""

import os

from sis_keras.commands.flags import FLAGS, of_a_run
from sis_keras.errors import UserError
from sis_keras.files.contents import contents_of
from sis_keras.networks.presets import preset_arguments
from sis_keras.restoring.precision import training_precision


def generator_arguments() -> dict:
    """Of `build_generator`, by the flags."""
    arguments = preset_arguments(FLAGS.preset)
    if FLAGS.normalization:
        arguments["normalization"] = FLAGS.normalization
    return {
        **arguments,
        "fusion": FLAGS.fusion,
        "residual": FLAGS.residual,
        "intermediate_path": FLAGS.intermediate_path,
        "info_box": FLAGS.info_box,
        "seed": FLAGS.seed,
        "name": FLAGS.preset,
    }


def start_keras(strategy: str = "one"):
    """Imports TensorFlow quietly; sets its threads, seeds and precision.

    Returns:
        What `make_strategy` makes of `strategy`.
    """
    from sis_keras.quiet import import_tensorflow

    import_tensorflow()
    import keras
    import tensorflow as tf

    threading = tf.config.threading
    if FLAGS.threads_of_an_operation:
        threading.set_intra_op_parallelism_threads(
            FLAGS.threads_of_an_operation
        )
    if FLAGS.operations_at_once:
        threading.set_inter_op_parallelism_threads(FLAGS.operations_at_once)

    from sis_keras.training.strategies import make_strategy

    # Hosts must find each other before anything is computed.
    made = make_strategy(strategy)
    keras.utils.set_random_seed(FLAGS.seed)
    if FLAGS.precision == "auto":
        FLAGS.precision = training_precision(_tensorflow_devices())
    keras.mixed_precision.set_dtype_policy(FLAGS.precision)
    return made


def _tensorflow_devices():
    """Each accelerator's compute capability; a TPU has none, a CPU neither."""
    import tensorflow as tf

    if tf.config.list_logical_devices("TPU"):
        return [None]
    return [
        tf.config.experimental.get_device_details(x).get("compute_capability")
        for x in tf.config.list_physical_devices("GPU")
    ]


def make_gan(arguments):
    from sis_keras.networks.discriminator import build_discriminator
    from sis_keras.training.gan import DeblurringGAN

    generator, averaged = make_generators(arguments)
    plays = FLAGS.adversarial != "none"
    sigmoid = FLAGS.discriminator_sigmoid and FLAGS.adversarial == "ralsgan"
    global_discriminator, local_discriminator = (
        build_discriminator(sigmoid, FLAGS.seed + number, name)
        if plays
        else None
        for number, name in ((2000, "global"), (3000, "local"))
    )
    gan = DeblurringGAN(
        generator,
        averaged,
        global_discriminator,
        local_discriminator,
        adversarial=FLAGS.adversarial,
        adversarial_weight=FLAGS.adversarial_weight,
        gradient_penalty_weight=FLAGS.gradient_penalty_weight,
        content=content_arguments(),
        coarse_weight=coarse_weight(),
        ema_decay=FLAGS.ema_decay,
        clip_norm=FLAGS.clip_norm,
        recompute=FLAGS.recompute,
        accumulation=FLAGS.gradient_accumulation or 1,
    )
    gan.compile(
        make_optimizer(
            FLAGS.learning_rate,
            FLAGS.optimizer,
            held=(plays and FLAGS.discriminator_warmup_steps) or 0,
        ),
        make_optimizer(FLAGS.discriminator_learning_rate) if plays else None,
    )
    return gan


def make_generators(arguments):
    """The generator and its running average, which begin alike."""
    from sis_keras.networks.generator import build_generator

    generator, averaged = (build_generator(**arguments) for _ in range(2))
    give_first_weights(generator, arguments)
    averaged.set_weights(generator.get_weights())
    return generator, averaged


def give_first_weights(generator, arguments):
    """Those that the flags name; without any the generator keeps its own."""
    from sis_keras.networks.imagenet import load_imagenet_weights
    from sis_keras.training.checkpoint import set_trained
    from sis_keras.weights.generators import (
        GENERATOR,
        check_arguments,
        set_model_tensors,
    )
    from sis_keras.weights.released import weight_file
    from sis_keras.weights.tensors import read_tensors

    if FLAGS.imagenet_weights and FLAGS.initial_weights:
        raise UserError(
            "Expected --imagenet_weights, for a network that begins anew, or "
            "--initial_weights, which have them all. Received: "
            f"{FLAGS.imagenet_weights} and {FLAGS.initial_weights}."
        )
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
        first = weight_file(FLAGS.initial_weights)
        tensors, metadata = read_tensors(first)
        found = metadata["arguments"]
        # Batch normalisation may go on frozen, and the other way round, and
        # one pass in several; what has other shapes is refused below.
        expected = arguments | {
            "normalization": found["normalization"],
            "recurrent_scales": found.get("recurrent_scales", 1),
        }
        check_arguments(found, expected, first)
        if FLAGS.initial_average:
            set_model_tensors(generator, GENERATOR, tensors)
        else:
            set_trained(first, generator, tensors)


def content_arguments():
    from sis_keras.networks.imagenet import vgg16_features

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

    weight = FLAGS.coarse_weight or 0.0
    if weight and not (FLAGS.content_weight or FLAGS.frequency_weight):
        raise UserError(
            "Expected --content_weight or --frequency_weight with "
            "--coarse_weight, which weighs them at the coarse scales. "
            "Received neither."
        )
    return weight


def make_optimizer(learning_rate, kind="adam", held=0):
    import keras

    from sis_keras.training.muon import ConvMuon
    from sis_keras.training.schedules import WarmupDecay

    schedule = WarmupDecay(
        learning_rate,
        FLAGS.steps,
        FLAGS.warmup_steps,
        FLAGS.decay,
        min(FLAGS.final_learning_rate, learning_rate),
        held,
    )
    if kind == "muon":
        half = FLAGS.precision == "mixed_bfloat16"
        optimizer = ConvMuon(
            schedule,
            weight_decay=FLAGS.weight_decay,
            orthogonal_dtype="bfloat16" if half else "float32",
            trunk_rate=1.0 if FLAGS.trunk_rate is None else FLAGS.trunk_rate,
        )
    else:
        optimizer = keras.optimizers.Adam(schedule)
    if FLAGS.precision == "mixed_float16":
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return optimizer


def settings(data):
    """What a run is known by when it goes on; see `resuming.check_settings`.

    Args:
        data: Fingerprints of what it is trained on.
    """
    changing = (
        "cache_dir",
        "checkpoint_every",
        "crop_records",  # Their digest is in `data`.
        "data_dir",
        "data_service",
        "log_every",
        "manual_dir",
        "most_skipped",
        "output",
        "recompute",
        "resume",
        "strategy",
        "test_data",
    )
    return {
        "data": data,
        "contents": _contents("vgg16_weights"),
        **{
            flag.name: flag.value
            for flag in of_a_run()
            if flag.name not in changing
        },
    }


def _contents(*names):
    """Fingerprints of the files that these flags name."""
    files = {name: FLAGS[name].value for name in names}
    return {
        name: contents_of(path)
        for name, path in files.items()
        if path and os.path.isfile(path)
    }
