import numpy as np
import pytest

from sis_keras.data.cache import open_cache, weight
from sis_keras.data.source import Source
from sis_keras.errors import UserError

jax = pytest.importorskip("jax")
from sis_keras.training.on_jax.device_pictures import (  # noqa: E402
    Draws,
    Pictures,
    cut_crops,
    draw_crops,
    mix,
    stack_pairs,
)

SIZES = [(20, 30), (34, 24), (22, 22), (20, 28), (30, 30)]


def make_pairs(sizes=SIZES):
    random = np.random.default_rng(0)
    shapes = [(2, *size, 3) for size in sizes]
    return [tuple(random.integers(256, size=x, dtype=np.uint8)) for x in shapes]


def is_in(pair, pixels, size):
    """Whether a stacked picture is `pair`, as it is or on its side."""
    height, width = size
    both = np.concatenate(pair, axis=-1)
    stacked = np.asarray(pixels)[:height, :width]
    return any(
        np.array_equal(stacked, x) for x in (both, np.rot90(both, axes=(0, 1)))
    )


@pytest.mark.parametrize("most_bytes, arrays", [(10**6, 1), (15_000, 3)])
def test_every_pair_is_in_some_array(most_bytes, arrays):
    pairs = make_pairs()
    parts = stack_pairs(pairs, 1, most_bytes)
    assert len(parts) == arrays
    assert len({part.pixels.shape for part in parts}) == 1
    assert all(part.pixels.nbytes <= most_bytes for part in parts)
    stacked = [
        place
        for part in parts
        for place in zip(part.pixels, part.sizes, strict=True)
    ]
    found = [[is_in(pair, *place) for pair in pairs] for place in stacked]
    assert (np.sum(found, axis=1) == 1).all()
    assert np.sum(found, axis=0).min() >= 1


def test_crops_are_slices_of_the_picture():
    (part,) = stack_pairs(make_pairs())
    draws = draw_crops(jax.random.key(0), part, 40, 16)
    blurry, sharp = cut_crops(part.pixels, draws, 16)
    assert blurry.shape == sharp.shape == (40, 16, 16, 3)
    for number in range(40):
        picture, top, left, flip, turns = (int(x[number]) for x in draws)
        crop = part.pixels[picture, top : top + 16, left : left + 16]
        crop = np.rot90(crop[:, ::-1] if flip else crop, turns) / 255
        np.testing.assert_allclose(blurry[number], crop[..., :3], atol=1e-6)
        np.testing.assert_allclose(sharp[number], crop[..., 3:], atol=1e-6)


def test_draws_reach_every_place_and_none_outside():
    sizes = np.array([[20, 30], [22, 22]], np.int32)
    pictures = Pictures(np.zeros((2, 22, 30, 6), np.uint8), sizes)
    draws = Draws(
        *map(np.asarray, draw_crops(jax.random.key(1), pictures, 4000, 18))
    )
    assert set(draws.flip) == {0, 1}
    assert set(draws.turns) == {0, 1, 2, 3}
    for picture, (height, width) in enumerate(sizes):
        here = draws.picture == picture
        assert 0.45 < here.mean() < 0.55
        assert set(draws.top[here]) == set(range(height - 17))
        assert set(draws.left[here]) == set(range(width - 17))


def test_draws_derive_from_the_key():
    sizes = np.array([[200, 300]], np.int32)
    pictures = Pictures(np.zeros((1, 200, 300, 6), np.uint8), sizes)
    first, same, other = (
        np.stack(draw_crops(jax.random.key(seed), pictures, 8, 16))
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, same)
    assert (first != other).any()


def test_candidates_fall_where_the_halves_differ():
    """Of two places as often as their differences stand: 3 to 1."""
    pixels = np.zeros((1, 8, 9, 6), np.uint8)
    pixels[:, :, 0, :3] = 90  # seen by the crop that starts at column 0
    pictures = Pictures(pixels, np.array([[8, 9]], np.int32))
    draws = draw_crops(jax.random.key(0), pictures, 4000, 8, 64)
    # Of 64 candidates about half are at each column. Columns 0 and 4 of the
    # first hold 90 and 0; columns 1 and 5 of the second nothing.
    assert (np.asarray(draws.left) == 0).all()
    pixels[:, :, 5, :3] = 30
    draws = draw_crops(jax.random.key(0), pictures, 4000, 8, 64)
    assert abs((np.asarray(draws.left) == 0).mean() - 0.75) < 0.03


def test_pictures_are_drawn_by_their_weights():
    pixels = np.zeros((2, 20, 20, 6), np.uint8)
    sizes = np.array([[20, 20]] * 2, np.int32)
    pictures = Pictures(pixels, sizes, np.array([1.0, 4.0], np.float32))
    draws = draw_crops(jax.random.key(0), pictures, 4000, 8)
    assert abs(np.asarray(draws.picture).mean() - 0.8) < 0.03


def test_weights_are_those_of_each_kind(caches):
    (real, synthetic), _ = mix(caches, 8, 0.25, 16, weighted=True)
    expected = [weight(*caches[0][number]) for number in range(2)]
    np.testing.assert_allclose(
        sorted(real[0].weights), sorted(expected), rtol=1e-6
    )
    expected = [weight(*caches[1][number]) for number in range(3)]
    np.testing.assert_allclose(
        sorted(synthetic[0].weights), sorted(expected), rtol=1e-6
    )


def test_equal_halves_have_candidates_too():
    pictures = Pictures(
        np.zeros((1, 20, 20, 6), np.uint8), np.array([[20, 20]], np.int32)
    )
    draws = draw_crops(jax.random.key(0), pictures, 50, 8, 4)
    assert len(set(np.asarray(draws.top).tolist())) > 5


@pytest.fixture
def caches(tmp_path):
    def cache(name, synthetic, sizes):
        def examples():
            for number, pair in enumerate(make_pairs(sizes)):
                yield f"{name}/{number}", *pair

        source = Source(name, name, 0, synthetic, "made", examples)
        return open_cache([source], tmp_path / name)

    return [cache("real", False, SIZES[:2]), cache("photos", True, SIZES[2:])]


def test_share_of_synthetic_pictures(caches):
    kinds, counts = mix(caches, 8, 0.25, 16)
    assert counts == [6, 2]
    assert [kind[0].pixels.shape[0] for kind in kinds] == [2, 3]
    assert mix(caches, 8, 0.0, 16).counts == [8]
    for alone, count in ((caches[:1], 2), (caches[1:], 3)):
        (kind,), counts = mix(alone, 8, 0.25, 16)
        assert counts == [8] and kind[0].pixels.shape[0] == count


def test_too_small_a_picture_is_named(caches):
    with pytest.raises(UserError, match="21x21.*real/0, 30x20"):
        mix(caches, 8, 0.5, 21)
