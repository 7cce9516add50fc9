r"""Content training without TensorFlow, on a GPU:

    python -m sis_keras.commands.train_jax \
        --flagfile=recipes/mobile_gpu.flags --seconds=520

Takes train.py's flags and flagfiles; the networks' weights are float32 or
mixed_bfloat16, and no discriminator plays. Photographs are blurred at the
start, by many processes, and with --refresh_steps anew while the device trains,
which holds all pictures. The program ends when --seconds are over, and --resume
goes on.
"""

import math
import os
import pathlib
import sys
import time

START = time.monotonic()

from absl import flags  # noqa: E402

from sis_keras.commands.building import (  # noqa: E402
    coarse_weight,
    content_arguments,
    generator_arguments,
    give_first_weights,
    make_optimizer,
    settings,
)
from sis_keras.commands.flags import (  # noqa: E402
    FLAGS,
    required,
)
from sis_keras.commands.opening import (  # noqa: E402
    open_sources,
    source_arguments,
    validation_groups,
)
from sis_keras.commands.program import line_of  # noqa: E402
from sis_keras.commands.start import start  # noqa: E402
from sis_keras.data.fitness import check_sources  # noqa: E402
from sis_keras.data.source import refuse_overlap  # noqa: E402
from sis_keras.restoring.precision import training_precision  # noqa: E402
from sis_keras.training.run import LAST, check_output  # noqa: E402

os.environ["KERAS_BACKEND"] = "jax"

from sis_keras.errors import UserError  # noqa: E402

NOT_HERE = {
    "xla": "every step is compiled anyway",
    "crops_per_picture": "there are no epochs",
    "gradient_accumulation": "a step takes its batch at once",
    "recompute": "nothing is recomputed",
    "strategy": "it trains on one device",
    "crop_records": "the device holds the pictures",
    "data_service": "the device holds the pictures",
}
flags.DEFINE_float(
    "seconds", math.inf, "End after so long, all saved; blurring included.", 0
)
flags.DEFINE_float(
    "peak_tflops", 0.0, "Of the device, to report the share of it.", 0
)
flags.DEFINE_integer("workers", os.cpu_count(), "Processes that blur.", 1)
flags.DEFINE_bool(
    "half_checkpoint",
    False,
    "Write last.safetensors in half precision: half the size, and a resume "
    "that is no longer exact.",
)


def main():
    output = required("output")
    check_output(output, FLAGS.resume)
    refuse_what_is_not_here()
    if FLAGS.precision == "auto":
        FLAGS.precision = training_precision(_jax_devices())
    arguments = generator_arguments()
    required("validation_data")
    groups = validation_groups()
    sources = open_sources(required("train_data"), 1)
    refuse_overlap(sources, [source for _, source in groups])
    check_sources(sources, FLAGS.crop_size)
    from sis_keras.training.checkpoint import check_settings, continue_from
    from sis_keras.training.on_jax.loop import JaxRun, check_multiples
    from sis_keras.training.on_jax.memory import check_memory

    check_multiples(
        FLAGS.log_every,
        steps=FLAGS.steps,
        validate_every=FLAGS.validate_every,
        freeze_batch_norm_at=FLAGS.freeze_batch_norm_at,
        refresh_steps=FLAGS.refresh_steps,
    )
    run_settings = of_the_run(" ".join(x.fingerprint for x in sources))
    if FLAGS.resume:
        told = check_settings(f"{output}/{LAST}", arguments, run_settings)
        if told:
            print(line_of(told))
    training = make_training(arguments)
    told = check_memory(training, FLAGS.batch_size, FLAGS.crop_size)
    if told:
        print(line_of(told), file=sys.stderr)
    if FLAGS.continue_from and not FLAGS.resume:
        continue_from(FLAGS.continue_from, training, arguments)
    pools = make_pools()
    first, _ = pools.at(saved_step(output) if FLAGS.resume else 0)
    run = JaxRun(
        training,
        arguments,
        lambda step: _pictures_of(*pools.at(step)),
        first.counts,
        [
            (group, *example)
            for group, source in groups
            for example in source.examples()
        ],
        output,
        crop_size=FLAGS.crop_size,
        steps=FLAGS.steps,
        seed=FLAGS.seed,
        settings=run_settings,
        log_every=FLAGS.log_every,
        validate_every=FLAGS.validate_every,
        checkpoint_every=FLAGS.checkpoint_every,
        freeze_batch_norm_at=FLAGS.freeze_batch_norm_at,
        most_skipped=FLAGS.most_skipped,
        deadline=START + FLAGS.seconds,
        peak=FLAGS.peak_tflops * 1e12,
        crop_candidates=FLAGS.crop_candidates,
        half=FLAGS.half_checkpoint,
    )
    if FLAGS.resume:
        run.resume()
    try:
        run.run()
    finally:
        pools.close()


def _jax_devices():
    """As `building.start_keras` tells TensorFlow's."""
    import jax

    found = [x for x in jax.local_devices() if x.platform != "cpu"]
    told = [getattr(x, "compute_capability", None) for x in found]
    # AMD's tell a name, such as gfx90a.
    numbers = [str(x).split(".") for x in told]
    return [
        (int(x[0]), int(x[1])) if "".join(x).isdecimal() and x[1:] else None
        for x in numbers
    ]


def of_the_run(data):
    """What must not change when a run goes on."""
    return {**settings(data), "log_every": FLAGS.log_every}


def _pictures_of(mixed, until):
    return mixed.pictures, until


def refuse_what_is_not_here():
    """Flags of train.py that mean nothing on JAX."""
    for flag, values in (
        ("adversarial", ["none"]),
        ("precision", ["auto", "float32", "mixed_bfloat16"]),
        ("hold_out", [[]]),
    ):
        if FLAGS[flag].value not in values:
            raise UserError(
                f"Expected --{flag}={values[-1] or ''} on JAX. Received: "
                f"{FLAGS[flag].value}. Change it, or use train.py."
            )
    for flag, reason in NOT_HERE.items():
        # A flagfile of train.py may say what is so by default.
        if FLAGS[flag].value != FLAGS[flag].default:
            raise UserError(
                f"Expected no --{flag} on JAX, where {reason}. Received: "
                f"--{flag}={FLAGS[flag].value}. Leave it out."
            )


def saved_step(output):
    """The step that a run was saved at; 0 where there is none."""
    from sis_keras.weights.tensors import read_tensors

    path = pathlib.Path(output) / LAST
    if not path.exists():
        return 0  # JaxRun.resume says what is missing.
    _, metadata = read_tensors(path, prefix="none of them")
    return metadata["card"]["step"]


def training_sources(seed):
    """Arguments of `open_source`, for as many processes to share."""
    from sis_keras.data.parallel_cache import versions_apart

    arguments = {**source_arguments(), "seed": seed}
    return [
        source
        for text in required("train_data")
        for source in versions_apart(
            text, FLAGS.synthetic_versions, **arguments
        )
    ]


def make_pools():
    """What is trained on, by step; see `pools.Refreshed`."""
    from sis_keras.data.cache import PictureCache
    from sis_keras.data.parallel_cache import cache_folders, open_caches
    from sis_keras.data.pools import SEEDS_OF_A_POOL, Kept, Refreshed
    from sis_keras.training.on_jax.device_pictures import mix

    folder = FLAGS.cache_dir or f"{FLAGS.output}/cache"

    def mixed(caches):
        return mix(
            caches,
            FLAGS.batch_size,
            FLAGS.synthetic_share,
            FLAGS.crop_size,
            FLAGS.seed,
            bool(FLAGS.weigh_pictures),
        )

    if not FLAGS.refresh_steps:
        sources = training_sources(FLAGS.seed)
        return Kept(mixed(open_caches(sources, folder, FLAGS.workers)))

    def tasks(number, path):
        sources = training_sources(FLAGS.seed + SEEDS_OF_A_POOL * number)
        folders = cache_folders(sources, path)
        return [([x], y) for x, y in zip(sources, folders, strict=True)]

    def use(path):
        # Of other sources, an earlier run may have left others there.
        folders = cache_folders(training_sources(FLAGS.seed), path)
        return mixed([PictureCache(x) for x in folders])

    return Refreshed(
        tasks, use, folder, FLAGS.refresh_steps, FLAGS.steps, FLAGS.workers
    )


def make_training(arguments):
    """The state's arithmetic; only what is trained is in mixed precision."""
    import keras

    from sis_keras.networks.generator import build_generator
    from sis_keras.training.on_jax.step import ContentTraining

    keras.utils.set_random_seed(FLAGS.seed)
    averaged = build_generator(**arguments)
    give_first_weights(averaged, arguments)
    keras.config.set_dtype_policy(FLAGS.precision)
    generator = build_generator(**arguments)
    generator.set_weights(averaged.get_weights())
    return ContentTraining(
        generator,
        averaged,
        make_optimizer(FLAGS.learning_rate, FLAGS.optimizer),
        content_arguments(),
        coarse_weight(),
        FLAGS.ema_decay,
        FLAGS.clip_norm,
    )


def run() -> None:
    """The whole program."""
    start(main, __doc__)


if __name__ == "__main__":
    run()
