"""Pictures and frames in files, and what each source owes."""

import numpy as np
from PIL import Image
from scipy import ndimage


def save(path, seed=0, size=(48, 64)):
    """A picture with some structure; returns it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (size[0] // 8, size[1] // 8, 3), np.uint8)
    picture = blocks.repeat(8, 0).repeat(8, 1)
    Image.fromarray(picture).save(path)
    return picture


def assert_same_twice(source, count):
    first, second = list(source.examples()), list(source.examples())
    assert len(first) == len(second) == count
    for (name, *pair), (same_name, *same_pair) in zip(
        first, second, strict=True
    ):
        assert name == same_name
        np.testing.assert_array_equal(pair, same_pair)
        assert all(x.dtype == np.uint8 and x.shape[2] == 3 for x in pair)
    return first


def halved(picture):
    """Means of 2x2 pixels, halves rounded up."""
    height, width, _ = picture.shape
    parts = picture.reshape(height // 2, 2, width // 2, 2, 3)
    return (parts.sum((1, 3), dtype=int) + 2) // 4


def save_frames(folder, first=0):
    """Three frames that move to the right by two pixels each."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = ndimage.gaussian_filter(
        np.random.default_rng(0).standard_normal((48, 68, 3)), (1.5, 1.5, 0)
    )
    wide = np.clip(128 + 45 * noise / noise.std(), 0, 255).astype(np.uint8)
    frames = [wide[:, left : left + 64] for left in (4, 2, 0)]
    for number, frame in enumerate(frames, first):
        Image.fromarray(frame).save(folder / f"{number:05d}.png")
    return frames
