"""The benchmark as TFDS has prepared it, its frames decoded one by one."""

import functools
from collections.abc import Collection, Iterator

import numpy as np

from datasets.kohler.files import Key, decoded, shot_name
from sis_keras.data.benchmark import Shot


def _examples(builder, **decoding):
    import tensorflow_datasets as tfds

    # An example's frames take 0.2 GB as PNG; nothing is read ahead.
    dataset = builder.as_dataset(
        split="test",
        shuffle_files=False,
        read_config=tfds.ReadConfig(
            interleave_cycle_length=1, skip_prefetch=True, try_autocache=False
        ),
        **decoding,
    )
    return tfds.as_numpy(dataset)


def frame_numbers(builder) -> dict[Key, set[int]]:
    """Those of each example that has frames; its pictures are not decoded."""
    import tensorflow_datasets as tfds

    partial = tfds.decode.PartialDecoding(
        {"image": True, "kernel": True, "frame_numbers": True}
    )
    found = {
        (int(example["image"]), int(example["kernel"])): {
            int(number) for number in example["frame_numbers"]
        }
        for example in _examples(builder, decoders=partial)
    }
    return {key: numbers for key, numbers in found.items() if numbers}


def prepared_shots(builder, chosen: Collection[Key]) -> Iterator[Shot]:
    """The chosen ones, in the prepared order."""
    import tensorflow_datasets as tfds

    left = set(chosen)
    decoders = {"frames": tfds.decode.SkipDecoding()}
    for example in _examples(builder, decoders=decoders):
        key = int(example["image"]), int(example["kernel"])
        if key in left:
            left.remove(key)
            yield Shot(
                *key,
                example["blurry"],
                functools.partial(_encoded_frames, key, example),
            )
        if not left:
            return


def _encoded_frames(key: Key, example) -> Iterator[tuple[int, np.ndarray]]:
    for number, data in zip(
        example["frame_numbers"], example["frames"], strict=True
    ):
        yield int(number), decoded(data, f"frame {number} of {shot_name(key)}")
