"""Crops that the cores of other hosts read and augment.

A tf.data service is a dispatcher and workers, which need TensorFlow and the
files, and nothing of this package.
"""

import re
import socket

import numpy as np
import tensorflow as tf

from sis_keras.data.records.index import BLOCK, RecordIndex
from sis_keras.data.records.reading import augmented, read_block
from sis_keras.errors import UserError

SECONDS_TO_ANSWER = 10
# Blocks that a worker reads at a time, a record from each in turn.
BLOCKS_AT_ONCE = 64


def served_batches(
    index: RecordIndex,
    crop_size: int,
    seed: int,
    service: str,
    share: int,
    run: tuple[int, int],
) -> tf.data.Dataset:
    """Batches from a service's workers: no certain order, and endless.

    The dispatcher hands out numbers. A worker takes one, goes through all
    records in the order of that number, and takes the next. What a worker that
    dies has not given comes from the others: within the time that one of them
    takes for all records, each record comes at least once.

    Args:
        index: Of the records; the workers must see its files by the same path.
        crop_size, seed: As of `CropRecords`.
        service: `grpc://HOST:PORT` of the dispatcher.
        share: Crops in a batch.
        run: The step it begins at and the number of the host; each has an
            order of its own.

    Returns:
        What `augmented` gives, in batches.
    """
    seed = int(np.random.default_rng([seed, *run]).integers(2**62))
    blocks = index.count // BLOCK

    def passed(number):
        def block(place):
            taken = number * blocks + place
            examples = taken * BLOCK + tf.range(BLOCK, dtype=tf.int64)
            return read_block(index, seed, taken, examples)

        return tf.data.Dataset.range(blocks).interleave(
            block,
            cycle_length=min(BLOCKS_AT_ONCE, blocks),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=False,
        )

    records = tf.data.Dataset.counter().flat_map(passed)
    batches = augmented(records, index, crop_size, seed).batch(
        share, drop_remainder=True
    )
    return batches.prefetch(tf.data.AUTOTUNE).apply(
        tf.data.experimental.service.distribute(
            tf.data.experimental.service.ShardingPolicy.DYNAMIC,
            service,
            compression=None,  # Noise and detail: it saves nothing.
        )
    )


def check_answers(service: str) -> None:
    """Makes sure that somebody listens at a dispatcher's address.

    Raises:
        UserError: It is no address, or nobody does.
    """
    found = re.fullmatch(r"grpc://(.+):(\d{1,5})", service)
    if not found:
        raise UserError(
            "Expected `data_service` to be the address of a dispatcher, "
            f"grpc://HOST:PORT. Received: {service}."
        )
    reason = why_silent(found[1], int(found[2]))
    if reason:
        raise UserError(
            f"Expected the dispatcher of a tf.data service at {service} "
            f"(`data_service`). Received no answer: {reason}. Start it, or "
            "leave the flag out to read on this host."
        )


def why_silent(host: str, port: int) -> str | None:
    """Why nobody answers at an address; None where somebody does."""
    address = host.strip("[]"), port
    try:
        socket.create_connection(address, SECONDS_TO_ANSWER).close()
    except (OSError, OverflowError) as error:
        return str(error)
    return None
