"""From files to crops, by TensorFlow's operations alone.

They run on the hosts of TPUs and on the workers of a tf.data service, where
there is no Python of ours.
"""

import tensorflow as tf

from sis_keras.data.records.index import BLOCK, RecordIndex

# Of each file that is open; there are as many as crops in a host's batch.
BUFFER_BYTES = 2**18


def read_block(
    index: RecordIndex, seed: int, taken: tf.Tensor, examples: tf.Tensor
) -> tf.data.Dataset:
    """The last records of the block that is taken after `taken` others.

    Args:
        index: Of the records.
        seed: Of the order; each epoch has another.
        taken: int64.
        examples: int64 `(n,)`, a number for each of the last `n` records.

    Returns:
        Pairs of a byte string and its number.
    """
    blocks = index.count // BLOCK
    epoch, place = taken // blocks, taken % blocks
    block = tf.random.experimental.index_shuffle(
        place, tf.stack([tf.constant(seed, tf.int64), epoch]), blocks - 1
    )
    shard_blocks = index.shard_count // BLOCK
    length = tf.size(examples, tf.int64)
    start = (block % shard_blocks + 1) * BLOCK - length
    paths = tf.constant(list(index.shard_bytes))
    # `tf.data.TFRecordDataset` begins at a file's head alone.
    file = tf.raw_ops.TFRecordDatasetV2(
        filenames=[paths[block // shard_blocks]],
        compression_type="",
        buffer_size=BUFFER_BYTES,
        byte_offsets=[start * index.record_bytes],
    )
    records = tf.data.experimental.from_variant(
        file, tf.TensorSpec([], tf.string)
    ).take(length)
    numbers = tf.data.Dataset.from_tensor_slices(examples)
    return tf.data.Dataset.zip(records, numbers)


def augmented(
    records: tf.data.Dataset, index: RecordIndex, crop_size: int, seed: int
) -> tf.data.Dataset:
    """A random window of each record, in one of its eight positions.

    Args:
        records: As of `read_block`; a number says, with `seed`, all draws.
        index: Of the records.
        crop_size: Of the windows.
        seed: Of all draws.

    Returns:
        Dictionaries of `pair`, uint8 `(2, crop_size, crop_size, 3)`, blurry
        and sharp; and `local_origin`, int32 `(2,)`, as of `Crops.cut`.
    """
    return records.map(
        lambda record, number: _window(
            record, index.crop_size, crop_size, (seed, number)
        ),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )


def _window(record, stored_size, size, seed):
    pair = tf.io.decode_raw(record, tf.uint8)
    pair = tf.reshape(pair, (2, stored_size, stored_size, 3))
    places, origins = stored_size - size + 1, size - size // 2 + 1
    draws = tf.random.stateless_uniform(
        (7,), tf.stack([tf.cast(x, tf.int64) for x in seed])
    )
    ways = tf.constant([places, places, 2, 2, 2, origins, origins], tf.float32)
    numbers = tf.cast(draws * ways, tf.int32)
    corner = tf.stack([0, numbers[0], numbers[1], 0])
    pair = tf.slice(pair, corner, (2, size, size, 3))
    up, left, across = (numbers[x] == 1 for x in (2, 3, 4))
    no = tf.constant(False)
    pair = tf.raw_ops.Reverse(tensor=pair, dims=tf.stack([no, up, left, no]))
    pair = tf.transpose(pair, tf.where(across, [0, 2, 1, 3], [0, 1, 2, 3]))
    return {
        "pair": tf.ensure_shape(pair, (2, size, size, 3)),
        "local_origin": numbers[5:],
    }
