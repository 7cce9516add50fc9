"""Whether TensorFlow's devices hold a training step."""

import tensorflow as tf

from sis_keras.training.gan import DeblurringGAN
from sis_keras.training.memory import machine_room, step_bytes, verdict
from sis_keras.training.strategies import host_of

# `training_batches` prefetches four, makes two and has given one away.
BATCHES = 7
# Of both halves: float32, uint8, and uint8 once more while it is stacked.
BYTES_OF_A_PIXEL = 2 * 3 * (4 + 1 + 1)


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
    ways = (
        "`batch_size` or `crop_size`, compute a batch in parts "
        "(`gradient_accumulation`), or keep fewer feature maps (`recompute`)"
    )
    return verdict(needs, batch_size, crop_size, ways)


def batches_bytes(crops: int, size: int) -> int:
    """Of the batches that are ready or being cut, so many crops each."""
    return BATCHES * BYTES_OF_A_PIXEL * crops * size**2


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
