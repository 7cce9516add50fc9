"""Training batches by `tf.data`.

Every batch derives from its step alone, so any number of hosts see together
what one would.
"""

import tensorflow as tf

from sis_keras.data.crops import Crops
from sis_keras.data.records.crops import CropRecords


def training_batches(
    crops: Crops | CropRecords,
    batch_size: int,
    start_step: int = 0,
    host: int = 0,
    hosts: int = 1,
    replicas: int = 1,
) -> tf.data.Dataset:
    """An endless dataset of batches, from `start_step` on.

    With a tf.data service the workers say which crops come when.

    Args:
        crops: What to cut, or what was cut before.
        batch_size: Of all replicas of all hosts; a multiple of their number.
        start_step: The step that the first batch belongs to.
        host, hosts: Which contiguous part of each batch this host gets.
        replicas: Of a host; each gets a part of that part, in turn.

    Returns:
        Dictionaries of `blurry` and `sharp`, float32 `(batch, crop, crop, 3)`
        in [0, 1], and `local_origin`, int32 `(batch, 2)`.
    """
    size, share = crops.crop_size, batch_size // (hosts * replicas)
    if isinstance(crops, CropRecords):
        recorded = crops.batches(batch_size, start_step, host, hosts, replicas)
        return recorded.map(
            _halves, num_parallel_calls=2, deterministic=True
        ).prefetch(4)

    def load(number):
        step, replica = number // replicas, number % replicas
        start = step * batch_size + (host * replicas + replica) * share
        blurry, sharp, local_origin = tf.numpy_function(
            lambda x: crops.batch(int(x), share),
            [start],
            (tf.uint8, tf.uint8, tf.int32),
            stateful=False,
        )
        picture = (share, size, size, 3)
        return {
            "blurry": to_float(tf.ensure_shape(blurry, picture)),
            "sharp": to_float(tf.ensure_shape(sharp, picture)),
            "local_origin": tf.ensure_shape(local_origin, (share, 2)),
        }

    parts = tf.data.Dataset.counter(start_step * replicas)
    batches = parts.map(load, num_parallel_calls=2, deterministic=True)
    return batches.prefetch(4)


def _halves(batch):
    return {
        "blurry": to_float(batch["pair"][:, 0]),
        "sharp": to_float(batch["pair"][:, 1]),
        "local_origin": batch["local_origin"],
    }


def to_float(image: tf.Tensor) -> tf.Tensor:
    """uint8 to float32 in [0, 1]."""
    return tf.cast(image, tf.float32) / 255.0
