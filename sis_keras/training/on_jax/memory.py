"""Whether JAX's device holds a training step."""

import jax

from sis_keras.training.memory import machine_room, step_bytes, verdict
from sis_keras.training.on_jax.step import ContentTraining


def check_memory(
    training: ContentTraining, batch_size: int, crop_size: int
) -> str:
    """Refuses a step that the memory cannot hold, before pictures are made.

    Pictures, which the device holds too, do not count; XLA joins layers, so
    that a step may take a little less than is told here.

    Args:
        training: Its weights and optimizer are in the memory already.
        batch_size: Crops of a step.
        crop_size: Their height and width.

    Returns:
        A warning where it may not fit; mostly nothing.

    Raises:
        UserError: It takes a good deal more than is free.
    """
    step = step_bytes(training, batch_size, crop_size)
    ways = "`batch_size` or `crop_size`"
    return verdict([(step, device_room())], batch_size, crop_size, ways)


def device_room() -> int | None:
    """Bytes that are free where JAX computes; None where nobody tells."""
    device = jax.local_devices()[0]
    if device.platform == "cpu":
        return machine_room()
    told = device.memory_stats() or {}
    if not {"bytes_limit", "bytes_in_use"} <= told.keys():
        return None
    return told["bytes_limit"] - told["bytes_in_use"]
