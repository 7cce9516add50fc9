"""What a folder of crop records holds, and where in it each crop lies.

A folder has TFRecord files and `index.json`, which is written last. A record
is the bytes of a pair of crops: the blurry one, then the sharp one, each uint8
`(crop_size, crop_size, 3)`. So all records are of one length, and where one
begins is arithmetic. `BLOCK` of them, one after another, are read together.
"""

import concurrent.futures
import json
import posixpath
from typing import Any

import tensorflow as tf

from sis_keras.errors import UserError

VERSION = 1
BLOCK = 16
INDEX = "index.json"
FRAME = 16  # Bytes that TFRecord adds to a record.
MADE_BY = "python -m sis_keras.commands.crop_records"


class RecordIndex:
    """`index.json`, checked.

    Attributes:
        folder: Where it lies.
        crop_size: Height and width of the stored crops.
        count: How many there are; a multiple of `BLOCK`.
        shard_count: How many a file holds; a multiple, too. The last one may
            hold fewer.
        digest: Of all records; equal means the same crops.
        names, digests: Of the pairs that they may have been cut from, as
            `PictureCache` has them.
    """

    def __init__(self, folder: str, content: dict[str, Any]):
        self.folder = folder
        self.crop_size: int = content["crop_size"]
        self.count: int = content["count"]
        self.shard_count: int = content["shard_count"]
        self.digest: str = content["digest"]
        self.digests = list(content["pairs"])
        self.names = list(content["pairs"].values())
        counts = self.count, self.shard_count
        if (
            self.crop_size < 1
            or min(counts) < 1
            or any(x % BLOCK for x in counts)
        ):
            raise ValueError

    @property
    def record_bytes(self) -> int:
        """Of a record in its file."""
        return pair_bytes(self.crop_size) + FRAME

    @property
    def shard_bytes(self) -> dict[str, int]:
        """The length that each file must have, by its path."""
        numbers = range(-(-self.count // self.shard_count))
        return {
            shard_path(self.folder, number): self.record_bytes
            * min(self.shard_count, self.count - number * self.shard_count)
            for number in numbers
        }


def pair_bytes(crop_size: int) -> int:
    """Of both halves of a crop."""
    return 2 * 3 * crop_size**2


def shard_path(folder: str, number: int) -> str:
    """Of a file of records; `gs://` and the like have slashes everywhere."""
    return posixpath.join(folder, f"crops-{number:05d}.tfrecord")


def read_index(folder: str) -> RecordIndex:
    """The index of a folder whose files are all there, and whole.

    Raises:
        UserError: There is none, or it is of another version, or damaged; or a
            file is missing or of another length.
    """
    path = posixpath.join(folder, INDEX)
    try:
        with tf.io.gfile.GFile(path) as file:
            content = json.loads(file.read())
    except tf.errors.OpError as error:
        raise UserError(
            f"Expected `crop_records` to be a folder that {MADE_BY} has "
            f"finished. Received: {folder}, whose {INDEX} cannot be read "
            f"({_reason(error)})."
        ) from error
    except ValueError as error:
        raise _damaged(path) from error
    version = content.get("version") if isinstance(content, dict) else None
    if version != VERSION:
        raise UserError(
            f"Expected crop records of version {VERSION}. Received: {path} of "
            f"version {version}. Make them anew by {MADE_BY}."
        )
    try:
        index = RecordIndex(folder, content)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _damaged(path) from error
    _check_lengths(index.shard_bytes)
    return index


def _check_lengths(expected: dict[str, int]):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        found = list(pool.map(_length, expected))
    for (path, length), there in zip(expected.items(), found, strict=True):
        if there != length:
            raise UserError(
                f"Expected {length} bytes of crop records in {path}. Received: "
                f"{'no such file' if there is None else there}. Copy the "
                f"folder anew, or make it by {MADE_BY}."
            )


def _length(path):
    try:
        return tf.io.gfile.stat(path).length
    except tf.errors.NotFoundError:
        return None
    except tf.errors.OpError as error:
        raise UserError(
            f"Expected crop records in {path}. Received a file that cannot "
            f"be read ({_reason(error)}). Check its rights."
        ) from error


def _damaged(path):
    return UserError(
        f"Expected the index of crop records. Received: {path}, which is "
        f"damaged. Copy it anew, or make the folder by {MADE_BY}."
    )


def _reason(error):
    return str(error.message).splitlines()[0]
