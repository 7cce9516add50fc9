"""Crop records as what a run is trained on; see `Crops`."""

import tensorflow as tf

from sis_keras.data.records.index import BLOCK, read_index
from sis_keras.data.records.reading import augmented, read_block
from sis_keras.data.records.service import check_answers, served_batches
from sis_keras.errors import UserError


class CropRecords:
    """Batches of stored crops, by TensorFlow's operations alone.

    Each time a crop comes, another window of it is taken, mirrored and turned,
    as the seed and the number of the example say.

    Every place of a batch reads blocks of `BLOCK` records on its own, one
    record a step. So a host reads what its own replicas get and nothing else,
    and whoever resumes reads nothing of what was before. An epoch takes each
    block once, in random order; place p of step s gets record s mod BLOCK of
    the block that is taken after

        m = floor(s / BLOCK) batch_size + p

    others, of all epochs together.

    Args:
        folder: Of `write_crops`, of any kind that `tf.io.gfile` knows.
        crop_size: Height and width of a crop.
        seed: Of all draws.
        service: Where to let others read and augment; see `served_batches`.

    Raises:
        UserError: The folder is none of whole crop records, its crops are
            smaller than `crop_size`, or nobody answers at `service`.
    """

    def __init__(
        self,
        folder: str,
        crop_size: int,
        seed: int = 0,
        service: str | None = None,
    ):
        self.index = read_index(folder)
        self.crop_size, self.seed, self.service = crop_size, seed, service
        if crop_size > self.index.crop_size:
            raise UserError(
                f"Expected `crop_size` of at most {self.index.crop_size}, "
                f"that of `crop_records`={folder}. Received: {crop_size}."
            )
        if service:
            check_answers(service)

    def at(self, step: int) -> "tuple[CropRecords, None]":
        """As of `Crops`."""
        del step
        return self, None

    def close(self) -> None:
        """Nothing is left to end."""

    def batches(
        self,
        batch_size: int,
        start_step: int,
        host: int,
        hosts: int,
        replicas: int,
    ) -> tf.data.Dataset:
        """As `training_batches`, of what `augmented` gives."""
        share = batch_size // (hosts * replicas)
        if self.service:
            return served_batches(
                self.index,
                self.crop_size,
                self.seed,
                self.service,
                share,
                (start_step, host),
            )
        places = share * replicas
        first = host * places

        def block(number):
            turn = start_step // BLOCK + number // places
            place = first + number % places
            begin = tf.maximum(turn * BLOCK, start_step)
            steps = tf.range(begin, (turn + 1) * BLOCK)
            return read_block(
                self.index,
                self.seed,
                turn * batch_size + place,
                steps * batch_size + place,
            )

        # All blocks end together, which keeps the places in their order.
        records = tf.data.Dataset.counter().interleave(
            block,
            cycle_length=places,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        crops = augmented(records, self.index, self.crop_size, self.seed)
        return crops.batch(share, drop_remainder=True)
