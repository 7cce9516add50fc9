"""Cuts crops once and for all, into files that TensorFlow reads by itself."""

import contextlib
import hashlib
import itertools
import json
import posixpath
from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf
import tqdm

from sis_keras.data.crops import Crops
from sis_keras.data.pools import RefreshedCrops
from sis_keras.data.records.index import (
    BLOCK,
    FRAME,
    INDEX,
    VERSION,
    pair_bytes,
    shard_path,
)
from sis_keras.errors import UserError


def check_new(folder: str) -> None:
    """Makes sure that no finished crop records are written over.

    Raises:
        UserError: There are some, or the folder cannot be looked at.
    """
    with _told(folder):
        there = tf.io.gfile.exists(posixpath.join(folder, INDEX))
    if there:
        raise UserError(
            f"Expected a new folder. Received: {folder}, which has crop "
            "records already. Remove it, or name another."
        )


def write_crops(
    crops: Crops | RefreshedCrops,
    folder: str,
    count: int,
    crops_a_step: int,
    seed: int,
    sources: Sequence[str],
    shard_mib: float = 256.0,
    progress: bool = True,
) -> None:
    """Writes the first examples of a training, in their order.

    The index comes last: without it the folder is none of crop records, and
    what is left there is written over.

    Args:
        crops: What to cut, in the stored size.
        folder: Made if absent; any that `tf.io.gfile` can write to.
        count: How many; rounded up to whole blocks.
        crops_a_step: Which pool of `crops` an example is of goes by steps.
        seed, sources: What they were cut by and from, for the index.
        shard_mib: About the size of a file.
        progress: Show it.

    Raises:
        UserError: It cannot be written, or there are crop records already.
    """
    check_new(folder)
    size = crops.crop_size
    count = -(-count // BLOCK) * BLOCK
    block_bytes = BLOCK * (pair_bytes(size) + FRAME)
    shard_count = BLOCK * max(1, round(shard_mib * 2**20 / block_bytes))
    digest = hashlib.blake2b(digest_size=16)
    pairs: dict[str, str] = {}
    records = _records(crops, count, crops_a_step, pairs)
    bar = tqdm.tqdm(
        total=count, desc="cutting crops", unit="crop", disable=not progress
    )
    with bar, _told(folder):
        tf.io.gfile.makedirs(folder)
        for number in range(-(-count // shard_count)):
            with (
                _whole(shard_path(folder, number)) as path,
                tf.io.TFRecordWriter(path) as file,
            ):
                for record in itertools.islice(records, shard_count):
                    digest.update(record)
                    file.write(record)
                    bar.update()
        index = {
            "version": VERSION,
            "crop_size": size,
            "count": count,
            "shard_count": shard_count,
            "seed": seed,
            "sources": list(sources),
            "digest": digest.hexdigest(),
            "pairs": pairs,
        }
        with (
            _whole(posixpath.join(folder, INDEX)) as path,
            tf.io.gfile.GFile(path, "w") as file,
        ):
            file.write(json.dumps(index, indent=1))


def _records(crops, count, crops_a_step, pairs) -> Iterator[bytes]:
    """Of each example in order; notes in `pairs` what it may be cut from."""
    until: int | None = 0
    for number in range(count):
        step = number // crops_a_step
        if until is not None and step >= until:
            used, until = crops.at(step)
            pairs |= used.pairs
        blurry, sharp, _ = used.cut(number)
        yield np.stack([blurry, sharp]).tobytes()


@contextlib.contextmanager
def _whole(path) -> Iterator[str]:
    """A path to write to, which is named `path` when all went well.

    As `atomic_path`, for what is no disk of this machine, too.
    """
    temporary = f"{path}.part"
    try:
        yield temporary
        tf.io.gfile.rename(temporary, path, overwrite=True)
    except BaseException:
        with contextlib.suppress(tf.errors.OpError):
            tf.io.gfile.remove(temporary)
        raise


@contextlib.contextmanager
def _told(folder):
    """What TensorFlow's file systems refuse, in a line."""
    try:
        yield
    except tf.errors.OpError as error:
        reason = str(error.message).splitlines()[0]
        raise UserError(
            f"Expected a folder to write crop records into. Received: {folder}"
            f", where that is impossible ({reason}). Name another, or make "
            "room or change its rights; what is there is not finished."
        ) from error
