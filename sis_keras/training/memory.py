"""What a training step takes of memory, told before it takes it."""

import math

import keras
import psutil
import tensorflow as tf

from sis_keras.errors import UserError
from sis_keras.restoring.memory import container_room
from sis_keras.training.gan import DeblurringGAN
from sis_keras.training.strategies import host_of

# Of a step, whatever its size: the compiled graph, the convolutions' scratch.
# How near all this is: docs/scaling.md, "Less memory".
FIXED = 220 * 2**20
# `training_batches` prefetches four, makes two and has given one away.
BATCHES = 7
# Of both halves: float32, uint8, and uint8 once more while it is stacked.
BYTES_OF_A_PIXEL = 2 * 3 * (4 + 1 + 1)
# Of what is free; the estimate is no nearer than what lies between.
WARNED, REFUSED = 0.7, 1.3


def check_memory(
    gan: DeblurringGAN,
    batch_size: int,
    crop_size: int,
    strategy: tf.distribute.Strategy,
) -> str:
    """Refuses a step that the memory cannot hold, before anything is made.

    Args:
        gan: Compiled: its weights and optimizers are in the memory already.
        batch_size: Crops of all replicas together.
        crop_size: Their height and width.
        strategy: What it trains on.

    Returns:
        A warning where it may not fit; mostly nothing.

    Raises:
        UserError: It takes a good deal more than is free.
    """
    hosts, replicas = host_of(strategy)[1], strategy.num_replicas_in_sync
    batches = batches_bytes(batch_size // hosts, crop_size)
    needs: list[tuple[int, int | None]]
    if tf.config.list_logical_devices("TPU"):
        needs = [(batches, machine_room())]
    elif tf.config.list_logical_devices("GPU"):
        share = step_bytes(gan, batch_size // replicas, crop_size)
        needs = [(batches, machine_room()), (share, gpu_room())]
    else:
        step = step_bytes(gan, batch_size // hosts, crop_size)
        needs = [(batches + step, machine_room())]
    asked = f"`batch_size={batch_size}` and `crop_size={crop_size}`"
    ways = (
        "`batch_size` or `crop_size`, compute a batch in parts "
        "(`gradient_accumulation`), or keep fewer feature maps (`recompute`)"
    )
    known = [(needed, room) for needed, room in needs if room is not None]
    needed, room = max(known, key=lambda x: x[0] / max(x[1], 1))
    takes = f"about {_told(needed)}, where {_told(room)} are free"
    if needed > REFUSED * room:
        raise UserError(
            "Expected a training step that the memory holds. Received: "
            f"{asked}, which take {takes}. Lower {ways}."
        )
    if needed < WARNED * room:
        return ""
    return (
        f"Warning: {asked} take {takes}. Should the memory end, lower {ways}."
    )


def _told(size):
    for unit, bytes_ in (("MiB", 2**20), ("GiB", 2**30)):
        if size < 1000 * bytes_:
            return f"{size / bytes_:.3g} {unit}"
    return f"{size / 2**40:,.1f} TiB"


# === What is taken ===


def batches_bytes(crops: int, size: int) -> int:
    """Of the batches that are ready or being cut, so many crops each."""
    return BATCHES * BYTES_OF_A_PIXEL * crops * size**2


def step_bytes(gan: DeblurringGAN, crops: int, size: int) -> int:
    """What a step takes beside weights, optimizers and its batch.

    The feature maps of all layers, which the gradient wants again; gradients,
    their sums over parts of a batch, and a copy of what moves before a step is
    known to be finite. Layers that work in place make up for what a gradient
    takes by the way.

    Args:
        gan: Compiled.
        crops: Of the step, on one device.
        size: Height and width of a crop.
    """
    part = -(-crops // gan.accumulation)
    networks = [gan.generator, *gan.discriminators]
    weights = sum(4 * x.count_params() for x in networks)
    copies = 2 if gan.accumulation == 1 else 3
    maps = _generator_maps(gan, size) + _others_maps(gan, size)
    return FIXED + copies * weights + part * maps


def _generator_maps(gan, size):
    """Of one crop; where they are computed again, joints and one part.

    Of that part with the gradients of half of its maps.
    """
    taken = maps_of(gan.generator, size)
    recomputed = gan.supervision.recomputed
    if recomputed is None:
        return sum(taken.values())
    parts = [layers for _, layers in recomputed.parts]
    joints = sum(taken.get(layers[-1].name, 0) for layers in parts)
    largest = max(sum(taken.get(x.name, 0) for x in part) for part in parts)
    return joints + 3 * largest // 2


def _others_maps(gan, size):
    """VGG16's and the discriminators', of the sharp and the restored crop."""
    total = 0
    features = gan.supervision.content.get("features")
    if features is not None:
        # VGG16 lies within; what stands around it is a picture's size.
        within = [x for x in features.layers if isinstance(x, keras.Model)]
        for model in within or [features]:
            total += 2 * sum(maps_of(model, size).values())
    # With the penalty they see what lies between, too, and its gradient.
    times = 4 if gan.penalized else 2
    for discriminator, side in zip(
        gan.discriminators, (size, size // 2), strict=False
    ):
        total += times * sum(maps_of(discriminator, side).values())
    return total


def maps_of(model: keras.Model, size: int) -> dict[str, int]:
    """Bytes of each layer's output for one square picture, by its name.

    Args:
        model: A Keras functional model of one input, of any height and width.
        size: Of the picture.
    """
    shapes = {id(model.inputs[0]): (1, size, size, 3)}
    taken = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        given = keras.tree.map_structure(lambda x: shapes[id(x)], layer.input)
        made = layer.compute_output_shape(given)
        shapes[id(layer.output)] = tuple(made)
        itemsize = tf.as_dtype(layer.output.dtype).size
        taken[layer.name] = math.prod(made) * itemsize
    return taken


# === What there is ===


def machine_room() -> int:
    """Bytes that this process may yet take of the machine or its container."""
    free, room = psutil.virtual_memory().available, container_room()
    return free if room is None else min(free, room)


def gpu_room() -> int | None:
    """Bytes that are free on the fullest GPU; None where nobody tells."""
    from tensorflow.python.client import device_lib

    limits = [
        device.memory_limit
        for device in device_lib.list_local_devices()
        if device.device_type == "GPU"
    ]
    if not all(limits) or not limits:
        return None
    return min(
        limit - tf.config.experimental.get_memory_info(f"GPU:{n}")["current"]
        for n, limit in enumerate(limits)
    )
