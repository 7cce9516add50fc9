"""One measurement of the network: made to run in a process of its own.

TensorFlow is imported inside the functions alone: whoever starts that process
imports this module too, and must stay small.
"""

import os
import resource
import sys
import time
from typing import NamedTuple

INFERENCE = "inference"
FIXED_INFERENCE = "inference, fixed size"
TRAINING = "training step"
GAME = "training step, game"
CONVOLUTIONS = (
    "Conv2D",
    "Conv2DBackpropInput",
    "Conv2DBackpropFilter",
)


class Case(NamedTuple):
    """What to measure.

    Attributes:
        preset: A key of `sis_keras.networks.presets.PRESETS`.
        task: One of this module's four.
        precision: A Keras dtype policy.
        height, width: Of the picture that inference restores.
        crops, crop_size: Of a training step's batch.
        repeats: Timed calls, after two that are not.
        accumulation, recompute: Of a training step; see `DeblurringGAN`.
    """

    preset: str
    task: str
    precision: str
    height: int
    width: int
    crops: int
    crop_size: int
    repeats: int
    accumulation: int = 1
    recompute: bool = False


def measure(case: Case) -> dict:
    """Times the case, then the convolution peak of the same minute.

    Returns:
        seconds: Of each call.
        gflop: Of one call: two for each multiply-add of a convolution.
        memory_mib: Peak resident memory of the process, libraries included.
        memory_before_mib: The same before the first call.
        peak_gflops: Of four 3x3 convolutions 64 -> 64 at 360x640.
        device: What TensorFlow ran on.
    """
    called, graph = _called(case)
    import keras

    return {
        **called,
        "gflop": convolution_gflop(graph),
        "peak_gflops": convolution_peak(keras.config.dtype_policy()),
    }


def measure_memory(case: Case) -> dict:
    """`measure` without GFLOP and peak."""
    return _called(case)[0]


def _called(case):
    """What is measured of a case, and its graph."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(0)
    keras.mixed_precision.set_dtype_policy(case.precision)
    if case.task in (TRAINING, GAME):
        tf.config.experimental.enable_op_determinism()  # as train.py
        call, graph = _training(case)
    else:
        call, graph = _inference(case)
    before = resident_mib()
    called = {
        "seconds": timed(call, case.repeats),
        "memory_mib": resident_mib(),
        "memory_before_mib": before,
        "device": _device(),
    }
    return called, graph


def timed(call, repeats: int) -> list[float]:
    """Seconds of each of `repeats` calls, after two."""
    seconds = []
    for _ in range(2 + repeats):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return seconds[2:]


def resident_mib() -> float:
    """Peak of this process, libraries included."""
    unit = 1 if sys.platform == "darwin" else 1024
    bytes_ = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return bytes_ / 2**20


def _device():
    import tensorflow as tf

    devices = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(x) for x in devices]
    return ", ".join(x.get("device_name", "GPU") for x in details) or "CPU"


# === What is measured ===


def _inference(case):
    """Numpy to numpy, as `KerasRestorer`; or the same traced for one size."""
    import numpy as np
    import tensorflow as tf

    from sis_keras.networks.generator import build_generator
    from sis_keras.networks.presets import preset_arguments
    from sis_keras.restoring.restorer import KerasRestorer

    generator = build_generator(**preset_arguments(case.preset))
    shape = (1, case.height, case.width, 3)
    blurry = np.random.default_rng(0).random(shape, dtype=np.float32)
    fixed = tf.function(
        lambda image: generator(image, training=False),
        input_signature=[tf.TensorSpec(shape)],
    )
    graph = fixed.get_concrete_function().graph
    if case.task == FIXED_INFERENCE:
        return lambda: fixed(blurry).numpy(), graph
    restorer = KerasRestorer(generator)
    return lambda: restorer(blurry), graph


def _training(case):
    """The step that `TrainingRun` takes, and its batch, in memory."""
    import tensorflow as tf

    gan = make_gan(case)
    step = tf.function(gan.train_step)
    batch = make_batch(case)
    graph = step.get_concrete_function(batch).graph
    return lambda: step(batch)["loss"].numpy(), graph


def make_batch(case: Case) -> dict:
    """What `training_batches` gives, of noise."""
    import tensorflow as tf

    shape = (case.crops, case.crop_size, case.crop_size, 3)
    sharp = tf.random.stateless_uniform(shape, seed=(0, 0))
    return {
        "blurry": tf.nn.avg_pool2d(sharp, 5, 1, "SAME"),
        "sharp": sharp,
        "local_origin": tf.zeros((case.crops, 2), tf.int32),
    }


def make_gan(case: Case, synchronized: bool = False):
    """A compiled `DeblurringGAN`, with both discriminators in `GAME`."""
    import keras

    from sis_keras.networks.discriminator import build_discriminator
    from sis_keras.networks.generator import build_generator
    from sis_keras.networks.presets import preset_arguments
    from sis_keras.training.gan import DeblurringGAN

    plays = case.task == GAME
    arguments = preset_arguments(case.preset)
    arguments["synchronized"] = synchronized
    gan = DeblurringGAN(
        build_generator(**arguments),
        build_generator(**arguments),
        build_discriminator(name="global") if plays else None,
        build_discriminator(name="local") if plays else None,
        adversarial="ralsgan" if plays else "none",
        clip_norm=1.0,
        recompute=case.recompute,
        accumulation=case.accumulation,
    )
    gan.compile(
        keras.optimizers.Adam(1e-4),
        keras.optimizers.Adam(1e-4) if plays else None,
    )
    return gan


# === What it is compared with ===


def convolution_gflop(graph) -> float:
    """Two for each multiply-add of the convolutions, gradients included.

    Each uses every weight of its kernel once at each position of its strided
    side; zeros of 'same' padding count.

    Args:
        graph: A `tf.Graph` traced with known shapes.
    """
    flop = 0
    for operation in _used_operations(graph):
        if operation.type not in CONVOLUTIONS:
            continue
        if operation.type == "Conv2D":
            strided, kernel = operation.outputs[0], operation.inputs[1]
        elif operation.type == "Conv2DBackpropInput":
            strided, kernel = operation.inputs[2], operation.inputs[1]
        else:
            strided, kernel = operation.inputs[2], operation.outputs[0]
        positions = strided.shape[:3].num_elements()
        flop += 2 * positions * kernel.shape.num_elements()
    return flop / 1e9


def _used_operations(graph):
    """Those that a result or an effect needs; TensorFlow drops the others.

    A gradient tape adds some: those of the discriminators' weights, when only
    the generator's are asked for.
    """
    waiting = [x.op for x in graph.outputs] + list(graph.control_outputs)
    used = set()
    while waiting:
        operation = waiting.pop()
        if operation in used:
            continue
        used.add(operation)
        waiting += [x.op for x in operation.inputs]
        waiting += operation.control_inputs
    return used


def convolution_peak(policy) -> float:
    """GFLOP/s of four 3x3 convolutions 64 -> 64 at 360x640, the best call.

    About what one core or device can do in this precision at all.
    """
    import tensorflow as tf

    dtype = policy.compute_dtype
    image = tf.cast(
        tf.random.stateless_normal((1, 360, 640, 64), (0, 0)), dtype
    )
    kernel = tf.cast(
        tf.random.stateless_normal((3, 3, 64, 64), (0, 1)) / 24, dtype
    )

    @tf.function
    def four(x):
        for _ in range(4):
            x = tf.nn.conv2d(x, kernel, 1, "SAME")
        return tf.reduce_max(x)

    graph = four.get_concrete_function(image).graph
    best = min(timed(lambda: four(image).numpy(), 5))
    return convolution_gflop(graph) / best
