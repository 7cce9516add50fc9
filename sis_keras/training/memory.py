"""What a training step takes of memory, told before it takes it."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import ml_dtypes  # noqa: F401  NumPy knows bfloat16 by it.
import numpy as np
import psutil

from sis_keras.errors import UserError
from sis_keras.networks.passes import network_of, sizes_of_passes
from sis_keras.restoring.memory import container_room

# Of a step, whatever its size: the compiled graph, the convolutions' scratch.
# How near all this is: docs/scaling.md, "Less memory".
FIXED = 220 * 2**20
# Of what is free; the estimate is no nearer than what lies between.
WARNED, REFUSED = 0.7, 1.3


def verdict(
    needs: Sequence[tuple[int, int | None]],
    batch_size: int,
    crop_size: int,
    ways: str,
) -> str:
    """Refuses a step that the memory cannot hold, before anything is made.

    Args:
        needs: Bytes that the step takes of each memory and that are free
            there; None where nobody tells.
        batch_size: Crops of a step.
        crop_size: Their height and width.
        ways: What may be lowered, and how else there is less.

    Returns:
        A warning where it may not fit; mostly nothing.

    Raises:
        UserError: It takes a good deal more than is free.
    """
    known = [(needed, room) for needed, room in needs if room is not None]
    if not known:
        return ""
    asked = f"`batch_size={batch_size}` and `crop_size={crop_size}`"
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


def step_bytes(gan: Any, crops: int, size: int) -> int:
    """What a step takes beside weights, optimizers and its batch.

    The feature maps of all layers, which the gradient wants again; gradients,
    their sums over parts of a batch, and a copy of what moves before a step is
    known to be finite. Layers that work in place make up for what a gradient
    takes by the way.

    Args:
        gan: A compiled `DeblurringGAN`, or a `ContentTraining`.
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
    network = network_of(gan.generator)
    passes = [
        maps_of(network, *at)
        for at in sizes_of_passes(gan.generator, size, size)
    ]
    recomputed = gan.supervision.recomputed
    if recomputed is None:
        return sum(sum(taken.values()) for taken in passes)
    parts = [layers for _, layers in recomputed.parts]
    joints = sum(
        taken.get(layers[-1].name, 0) for taken in passes for layers in parts
    )
    last = passes[-1]
    largest = max(sum(last.get(x.name, 0) for x in part) for part in parts)
    return joints + 3 * largest // 2


def _others_maps(gan, size):
    """VGG16's and the discriminators', of the sharp and the restored crop."""
    total = 0
    features = gan.supervision.content.get("features")
    if features is not None:
        # VGG16 lies within; what stands around it is a picture's size.
        within = [x for x in features.layers if isinstance(x, keras.Model)]
        for model in within or [features]:
            total += 2 * sum(maps_of(model, size, size).values())
    # With the penalty they see what lies between, too, and its gradient.
    times = 4 if gan.penalized else 2
    for discriminator, side in zip(
        gan.discriminators, (size, size // 2), strict=False
    ):
        total += times * sum(maps_of(discriminator, side, side).values())
    return total


def maps_of(model: keras.Model, height: int, width: int) -> dict[str, int]:
    """Bytes of each layer's output for one picture, by its name.

    Args:
        model: A Keras functional model of pictures of any height and width.
        height, width: Of the pictures.
    """
    shapes = {id(x): (1, height, width, 3) for x in model.inputs}
    taken = {}
    for layer in model.layers:
        if isinstance(layer, keras.layers.InputLayer):
            continue
        given = keras.tree.map_structure(lambda x: shapes[id(x)], layer.input)
        made = layer.compute_output_shape(given)
        shapes[id(layer.output)] = tuple(made)
        itemsize = np.dtype(layer.output.dtype).itemsize
        taken[layer.name] = math.prod(made) * itemsize
    return taken


# === What there is ===


def machine_room() -> int:
    """Bytes that this process may yet take of the machine or its container."""
    free, room = psutil.virtual_memory().available, container_room()
    return free if room is None else min(free, room)
