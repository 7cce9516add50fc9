"""Random crops, flips and quarter turns.

Every draw derives from (seed, epoch, example) alone, so a run resumes at any
step with the data that it would have seen.
"""

import functools
from collections.abc import Collection

import numpy as np

from sis_keras.data.cache import PictureCache, weight
from sis_keras.data.fitness import all_held_out, check_held_out, refuse_small
from sis_keras.data.source import of_sequence


class Crops:
    """Example number to a pair of crops, by arithmetic alone.

    An epoch cuts `crops_per_picture` crops from each pair, in random order;
    with a share of synthetic pairs, as many crops of those in addition.

    Args:
        cache: The pictures.
        crop_size: Height and width of a crop.
        crops_per_picture: Crops from each pair in an epoch.
        synthetic_share: Share of an epoch's examples with synthetic blur,
            in [0, 1); counts where both kinds are there.
        hold_out: Sequences that are never cut from; see `held_out`.
        seed: Of all draws.
        candidates: A crop is drawn from so many random places of its picture,
            each as likely as its halves differ there (mean absolute
            difference of every fourth pixel): where there is much to learn.
        weighted: Pairs are drawn by `weight`, not equally often; real and
            synthetic ones among themselves.

    Raises:
        UserError: Nothing is left to cut from, a picture is smaller than a
            crop, or `hold_out` names a sequence that is not there.
    """

    def __init__(
        self,
        cache: PictureCache,
        crop_size: int,
        crops_per_picture: int = 8,
        synthetic_share: float = 0.0,
        hold_out: Collection[str] = (),
        seed: int = 0,
        candidates: int = 1,
        weighted: bool = False,
    ):
        self.cache, self.crop_size, self.seed = cache, crop_size, seed
        self.candidates = candidates
        check_held_out(cache.names, hold_out)
        used = ~held_out(cache, hold_out)
        for number in np.flatnonzero(used):
            refuse_small(cache.names[number], cache.shapes[number], crop_size)
        if not used.any():
            raise all_held_out(len(cache))
        # Names of the pairs by their sharp halves.
        self.pairs = {
            cache.digests[number]: cache.names[number]
            for number in np.flatnonzero(used)
        }
        real = np.flatnonzero(used & ~cache.synthetic)
        synthetic = np.flatnonzero(used & cache.synthetic)
        if len(real) and len(synthetic):
            share = synthetic_share / (1 - synthetic_share)
            extra = round(len(real) * crops_per_picture * share)
        else:
            extra = len(synthetic) * crops_per_picture
        self._kinds = (
            _Kind(cache, real, len(real) * crops_per_picture, weighted, True),
            _Kind(cache, synthetic, extra, weighted, False),
        )
        self.examples_per_epoch = sum(kind.count for kind in self._kinds)

    def at(self, step: int) -> "tuple[Crops, int | None]":
        """What to cut at a step, and the step from which on it is another."""
        del step
        return self, None

    def close(self) -> None:
        """Nothing is left to end."""

    @functools.lru_cache(maxsize=2)  # noqa: B019, one instance a run
    def _order(self, epoch: int) -> np.ndarray:
        """Which pair each example of an epoch is cut from."""
        random = np.random.default_rng([self.seed, epoch])
        slots = [kind.drawn(random) for kind in self._kinds]
        return random.permutation(np.concatenate(slots))

    def cut(self, number: int) -> tuple[np.ndarray, ...]:
        """The `number`th example since training began.

        Returns:
            `(blurry, sharp, local_origin)`: uint8 `(crop, crop, 3)` twice,
            and int32 `(2,)`, the top left corner of the square of half the
            side that the local discriminator sees.
        """
        epoch, position = divmod(number, self.examples_per_epoch)
        random = np.random.default_rng([self.seed, epoch, position])
        pair = self.cache[self._order(epoch)[position]]
        height, width, _ = pair[0].shape
        size = self.crop_size
        places = random.integers(
            (height - size + 1, width - size + 1), size=(self.candidates, 2)
        )
        top, left = _likeliest(random, places, pair, size)
        flip, turns = bool(random.integers(2)), int(random.integers(4))
        blurry, sharp = (
            turned(x[top : top + size, left : left + size], flip, turns)
            for x in pair
        )
        local_origin = random.integers(size - size // 2 + 1, size=2)
        return blurry, sharp, local_origin.astype(np.int32)

    def batch(self, start: int, size: int) -> tuple[np.ndarray, ...]:
        """Examples `start` to `start + size`, stacked."""
        examples = [self.cut(start + i) for i in range(size)]
        return tuple(np.stack(x) for x in zip(*examples, strict=True))


class _Kind:
    """Pairs of one kind, and how many crops an epoch cuts from them all."""

    def __init__(self, cache, pairs, count, weighted, whole):
        self.pairs, self.count = pairs, count if len(pairs) else 0
        self._whole = whole  # So many crops from each, none is left over.
        self._chances = None
        if weighted and len(pairs):
            weights = np.array([weight(*cache[x]) for x in pairs])
            self._chances = weights / weights.sum()

    def drawn(self, random):
        """Which pair each crop is cut from, equally often but for weights."""
        if self._chances is not None:
            return random.choice(self.pairs, self.count, p=self._chances)
        rounds = -(-self.count // max(len(self.pairs), 1))
        if self._whole:
            return np.repeat(self.pairs, rounds)
        shuffled = [random.permutation(self.pairs) for _ in range(rounds)]
        return np.concatenate([*shuffled, self.pairs[:0]])[: self.count]


def _likeliest(random, places, pair, size):
    """One of the places `(n, 2)`, as likely as the pair differs there."""
    if len(places) == 1:
        return places[0]
    differences = np.empty(len(places))
    for number, (top, left) in enumerate(places):
        blurry, sharp = (
            x[top : top + size : 4, left : left + size : 4].astype(np.int16)
            for x in pair
        )
        differences[number] = np.abs(blurry - sharp).mean()
    total = differences.sum()
    if not total:
        return places[0]
    return places[random.choice(len(places), p=differences / total)]


def held_out(cache: PictureCache, sequences: Collection[str]) -> np.ndarray:
    """Which pairs are of a sequence, or would give it away; bool `(n,)`.

    Those are the pairs that are named after it, those whose files lie in a
    folder of its name, whatever is made of them, and those that have the very
    sharp half of another that is held out.
    """
    names = frozenset(sequences)
    every = zip(cache.names, cache.folders, strict=True)
    out = [of_sequence(x, names) or bool(names & y) for x, y in every]
    digests = {x for x, y in zip(cache.digests, out, strict=True) if y}
    return np.array([digest in digests for digest in cache.digests], bool)


def turned(x: np.ndarray, flip: bool, turns: int) -> np.ndarray:
    """`x` mirrored left to right if `flip`, then turned by quarters."""
    return np.rot90(x[:, ::-1] if flip else x, turns)
