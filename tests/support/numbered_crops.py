"""Stands in for `Crops`: crops that tell their number and each pixel's place.

Red is the number's lower eight bits, and of the sharp half green is the row
and blue the column; of the blurry one green and blue are the number's higher
bits.
"""

import numpy as np

from sis_keras.data.records.write import write_crops


class NumberedCrops:
    """See the module."""

    def __init__(self, crop_size):
        self.crop_size, self.pairs = crop_size, {"digest": "made/0"}

    def at(self, step):
        del step
        return self, None

    def cut(self, number):
        size = self.crop_size
        blurry, sharp = np.full((2, size, size, 3), number % 256, np.uint8)
        blurry[..., 1:] = number // 256
        sharp[..., 1], sharp[..., 2] = np.mgrid[:size, :size]
        return blurry, sharp, np.zeros(2, np.int32)


def write(folder, count=256, crop_size=12, shard_blocks=3):
    """Crop records of them, `shard_blocks` blocks of 16 in a file."""
    shard_bytes = shard_blocks * 16 * (6 * crop_size**2 + 16)
    write_crops(
        NumberedCrops(crop_size),
        str(folder),
        count,
        4,
        seed=0,
        sources=["made"],
        shard_mib=shard_bytes / 2**20,
        progress=False,
    )
    return str(folder)


def numbers(batch):
    """Of the crops in a batch of `training_batches`."""
    blurry = np.round(batch["blurry"].numpy()[:, 0, 0] * 255).astype(int)
    return (blurry[:, 0] + 256 * blurry[:, 1]).tolist()
