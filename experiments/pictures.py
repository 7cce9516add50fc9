"""Test pictures, and networks that are looked at and not scored."""

import itertools
from collections.abc import Iterator

import numpy as np

from experiments.command import Settings

Example = tuple[str, np.ndarray, np.ndarray]


def examples(settings: Settings) -> Iterator[Example]:
    """(name, blurry, sharp) of --test_data, uint8 `(height, width, 3)`."""
    from datasets.prepare import prepared_builder
    from sis_keras.data.open_source import open_source

    data_dir, manual_dir = (
        x.partition("=")[2] for x in settings.data_flags or ("", "")
    )
    source = open_source(
        settings.test_data,
        make_builder=lambda name: prepared_builder(name, data_dir, manual_dir),
    )
    return itertools.islice(source.examples(), settings.limit)


def most_blurred(settings: Settings) -> Example:
    """The test picture whose blurred half has the lowest PSNR."""
    from sis_keras.evaluation.metrics import psnr

    return min(examples(settings), key=lambda x: psnr(x[1], x[2]))
