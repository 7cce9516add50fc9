"""Pictures in a device's memory, and random crops cut from them there.

Training then needs no input pipeline. Pairs are stacked into arrays of one
size; a crop is a slice whose place is drawn from a JAX key.
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from sis_keras.data.cache import PictureCache, weight
from sis_keras.data.fitness import refuse_small

# Places in a larger array do not fit 32 bits.
MOST_BYTES = 2**31 - 1


class Pictures(NamedTuple):
    """Pairs of pictures in one array.

    Attributes:
        pixels: uint8 `(n, height, width, 6)`: blurry, then sharp; each
            picture in the top left corner, beyond it zeros.
        sizes: int32 `(n, 2)`, height and width of each.
        weights: float32 `(n,)`, how often each is drawn; None is equally.
    """

    pixels: jax.Array
    sizes: jax.Array
    weights: jax.Array | None = None


class Mixed(NamedTuple):
    """All that a run is trained on.

    Attributes:
        pictures: What `stack_pairs` makes of each kind that crops are cut
            from.
        counts: How many crops of a batch come from each kind.
    """

    pictures: list[list[Pictures]]
    counts: list[int]


class Draws(NamedTuple):
    """Where crops are cut and how they are turned, int32 `(count,)` each."""

    picture: jax.Array
    top: jax.Array
    left: jax.Array
    flip: jax.Array
    turns: jax.Array


def mix(
    caches: Sequence[PictureCache],
    batch_size: int,
    synthetic_share: float,
    crop_size: int,
    seed: int = 0,
    weighted: bool = False,
) -> Mixed:
    """All pairs by kind, and how many crops of a batch come from each kind.

    Args:
        caches: The pairs.
        batch_size: Crops in a step.
        synthetic_share: Share of them with synthetic blur; counts where real
            pairs are there too.
        crop_size: Height and width of a crop.
        seed: Of the order in the arrays.
        weighted: Pairs are drawn by `cache.weight`.

    Raises:
        UserError: A picture is smaller than a crop.
    """
    real: list[tuple[np.ndarray, np.ndarray]] = []
    synthetic: list[tuple[np.ndarray, np.ndarray]] = []
    for cache in caches:
        for number, size in enumerate(cache.shapes):
            refuse_small(cache.names[number], size, crop_size)
            kind = synthetic if cache.synthetic[number] else real
            kind.append(cache[number])
    count = round(batch_size * synthetic_share) if real else batch_size
    count = count if synthetic else 0
    kinds = ((real, batch_size - count), (synthetic, count))
    used = [
        (stack_pairs(pairs, seed, weighted=weighted), n)
        for pairs, n in kinds
        if n
    ]
    pictures, counts = (list(x) for x in zip(*used, strict=True))
    return Mixed(pictures, counts)


def stack_pairs(
    pairs: Sequence,
    seed: int = 0,
    most_bytes: int = MOST_BYTES,
    weighted: bool = False,
) -> list[Pictures]:
    """Stacks pairs into as few arrays of one shape as `most_bytes` allows.

    Upright pictures are laid on their side, which saves space; crops are
    turned by random quarters anyway. Pairs are dealt to the arrays in random
    order; where they do not come out even, a few are in two arrays.

    Args:
        pairs: `(blurry, sharp)`, uint8 `(height, width, 3)` both; sizes may
            differ from pair to pair.
        seed: Of the order.
        most_bytes: Of an array.
        weighted: Gives them `cache.weight`.

    Returns:
        Pictures as NumPy arrays.
    """
    shapes = [sorted(pair[0].shape[:2]) for pair in pairs]
    height, width = np.max(shapes, axis=0)
    parts = -(-len(pairs) // max(most_bytes // (height * width * 6), 1))
    order = np.random.default_rng(seed).permutation(len(pairs))
    order = np.resize(order, (-(-len(pairs) // parts), parts)).T
    stacked = []
    for part in order:
        pixels = np.zeros((len(part), height, width, 6), np.uint8)
        sizes = np.array([shapes[number] for number in part], np.int32)
        for place, number in zip(pixels, part, strict=True):
            for half, picture in enumerate(pairs[number]):
                if picture.shape[0] > picture.shape[1]:
                    picture = np.rot90(picture)
                rows, columns, _ = picture.shape
                place[:rows, :columns, 3 * half : 3 * half + 3] = picture
        weights = None
        if weighted:
            weights = np.array([weight(*pairs[n]) for n in part], np.float32)
        stacked.append(Pictures(pixels, sizes, weights))
    return stacked


def draw_crops(
    key, pictures: Pictures, count: int, crop_size: int, candidates: int = 1
) -> Draws:
    """Draws crops: a picture, a place in it, a flip, quarter turns.

    Args:
        key: Of `jax.random`.
        pictures: None of them smaller than `crop_size`.
        count: Of crops.
        crop_size: Height and width of a crop.
        candidates: A crop is drawn from so many random places of its picture,
            each as likely as its halves differ there; see `data.Crops`.
    """
    sizes = pictures.sizes
    keys = jax.random.split(key, 4)
    if pictures.weights is None:
        picture = jax.random.randint(keys[0], (count,), 0, sizes.shape[0])
    else:
        picture = jax.random.categorical(
            keys[0], jnp.log(pictures.weights), shape=(count,)
        )
    places = jax.random.randint(
        keys[1],
        (count, candidates, 2),
        0,
        (sizes[picture] - crop_size + 1)[:, None],
    )
    if candidates > 1:
        chances = _differences(pictures.pixels, picture, places, crop_size)
        choice = jax.random.categorical(
            jax.random.fold_in(key, 4), jnp.log(chances)
        )
        places = jnp.take_along_axis(places, choice[:, None, None], 1)
    flip = jax.random.randint(keys[2], (count,), 0, 2)
    turns = jax.random.randint(keys[3], (count,), 0, 4)
    return Draws(picture, places[:, 0, 0], places[:, 0, 1], flip, turns)


def _differences(pixels, picture, places, crop_size):
    """Mean absolute difference of the halves, of every fourth pixel."""

    def difference(number, place):
        start = (number, place[0], place[1], 0)
        crop = lax.dynamic_slice(pixels, start, (1, crop_size, crop_size, 6))
        crop = crop[0, ::4, ::4].astype(jnp.float32)
        return jnp.abs(crop[..., :3] - crop[..., 3:]).mean()

    each = jax.vmap(jax.vmap(difference, (None, 0)), (0, 0))
    return each(picture, places)


def cut_crops(pixels, draws: Draws, crop_size: int) -> tuple:
    """The drawn crops: mirrored left to right, then turned by quarters.

    Args:
        pixels: As in `Pictures`.
        draws: What to cut.
        crop_size: Height and width of a crop.

    Returns:
        `(blurry, sharp)`, float32 `(count, crop_size, crop_size, 3)` in
        [0, 1].
    """

    def cut(picture, top, left, flip, turns):
        start = (picture, top, left, 0)
        crop = lax.dynamic_slice(pixels, start, (1, crop_size, crop_size, 6))
        crop = jnp.where(flip, crop[0, :, ::-1], crop[0])
        turned = [lambda x, k=k: jnp.rot90(x, k) for k in range(4)]
        return lax.switch(turns, turned, crop)

    crops = jax.vmap(cut)(*draws).astype(jnp.float32) / 255.0
    return crops[..., :3], crops[..., 3:]
