"""Pools of pairs made in processes beside, against pairs blurred here."""

import multiprocessing
import subprocess
import sys

import numpy as np
import pytest

from sis_keras.data.blur.synthetic import synthetic_blur
from sis_keras.data.cache import open_cache
from sis_keras.data.crops import Crops
from sis_keras.data.pools import JoinedCaches, RefreshedCrops
from sis_keras.data.source import Source
from sis_keras.errors import UserError
from sis_keras.files.pictures import write_rgb

SEED, STEPS = 7, 10


def texture(seed, size=(32, 40)):
    random = np.random.default_rng(seed)
    blocks = random.integers(0, 256, (size[0] // 4, size[1] // 4, 3), np.uint8)
    return blocks.repeat(4, 0).repeat(4, 1)


@pytest.fixture
def photographs(tmp_path):
    """A folder of two."""
    for number in range(2):
        write_rgb(tmp_path / "photographs" / f"{number}.png", texture(number))
    return tmp_path / "photographs"


@pytest.fixture
def refreshed(photographs, tmp_path):
    """Makes `RefreshedCrops`; ends their processes afterwards."""
    made = []

    def make(steady=None, make_crops=lambda cache: Crops(cache, 24)):
        made.append(
            RefreshedCrops(
                steady,
                [{"text": f"photographs:{photographs}", "versions": 2}],
                SEED,
                tmp_path / "pools",
                STEPS,
                100,
                24,
                make_crops,
            )
        )
        return made[-1]

    yield make
    for crops in made:
        crops.close()


def blurred_by_hand(pool):
    """A pool's seeds are a million from another's."""
    return [
        synthetic_blur(
            texture(place), (SEED + 1_000_000 * pool, place, version)
        )
        for place in range(2)
        for version in range(2)
    ]


def assert_pool(cache, pool, first=0):
    """That a cache's pairs from `first` on are those of a pool."""
    expected = blurred_by_hand(pool)
    assert len(cache) == first + len(expected)
    for number, pair in enumerate(expected, first):
        np.testing.assert_array_equal(cache[number], pair)


def test_each_pool_is_blurred_with_a_seed_of_its_own(refreshed, tmp_path):
    crops = refreshed()
    for step, pool, until in ((0, 0, 10), (10, 1, 20)):
        found, end = crops.at(step)
        assert end == until
        assert_pool(found.cache, pool)
        # Old ones are removed; the next one may be there already.
        there = {path.name for path in (tmp_path / "pools").iterdir()}
        assert f"{pool:05d}" in there
        assert there <= {f"{pool:05d}", f"{pool + 1:05d}"}


def test_folders_of_others_stay(refreshed, tmp_path):
    """Sequences, for instance, that have numbers for names."""
    others = [tmp_path / "pools" / name for name in ("000", "00000", "2")]
    for folder in others:
        folder.mkdir(parents=True)
        (folder / "picture.png").touch()
    (tmp_path / "pools/00000/index.json").mkdir()
    refreshed()._remove_all_before(7)
    there = {path.name for path in (tmp_path / "pools").iterdir()}
    assert there == {"000", "2"}
    (others[0] / "index.json").touch()
    refreshed()._remove_all_before(7)
    assert others[0].exists()


def test_a_run_resumes_with_what_it_would_have_seen(refreshed, tmp_path):
    """In the middle of the second pool, whether or not it is there."""

    def seen(crops, steps):
        return [crops.cut(number) for number in steps]

    undisturbed = refreshed()
    undisturbed.at(0)
    expected = seen(undisturbed.at(10)[0], range(13, 20))
    undisturbed.close()
    for _ in range(2):
        resumed = refreshed()
        crops, end = resumed.at(13)
        assert end == 20
        found = seen(crops, range(13, 20))
        for example, same in zip(found, expected, strict=True):
            for x, y in zip(example, same, strict=True):
                np.testing.assert_array_equal(x, y)
        resumed.close()
        for path in (tmp_path / "pools").glob("*/*"):
            path.unlink()


def test_steady_pairs_are_in_every_pool(refreshed, tmp_path):
    sharp = texture(9)
    real = Source(
        "real", "real", 1, False, "", lambda: [("real/1", sharp // 2, sharp)]
    )
    steady = open_cache([real], tmp_path / "pools" / "steady")
    crops = refreshed(steady, lambda cache: cache)
    for step, pool in ((9, 0), (10, 1)):
        cache, _ = crops.at(step)
        np.testing.assert_array_equal(cache[0], (sharp // 2, sharp))
        assert_pool(cache, pool, first=1)
        assert cache.names == ["real/1", "0/0", "0/1", "1/0", "1/1"]
        assert cache.shapes == [(32, 40)] * 5
        assert cache.synthetic.tolist() == [False, *[True] * 4]
    assert (tmp_path / "pools" / "steady" / "index.json").exists()
    assert not (tmp_path / "pools" / "00000").exists()


def test_a_pool_that_fails(refreshed, photographs, capfd):
    crops = refreshed()
    crops.at(0)
    crops.close()
    # Before its process begins.
    (photographs / "1.png").write_bytes(b"half")
    crops._begin(1, ahead=True)
    with pytest.raises(UserError, match="`resume`") as caught:
        crops.at(10)
    assert "\n" not in str(caught.value)
    printed = capfd.readouterr().err
    assert "photographs/1.png, 4 bytes that do not decode" in printed
    assert "Traceback" not in printed


def test_close_leaves_no_process(refreshed):
    before = set(multiprocessing.active_children())
    crops = refreshed()
    crops.close()  # Nothing has begun.
    crops.at(0)
    (process,) = set(multiprocessing.active_children()) - before
    crops.close()
    assert not process.is_alive()
    assert set(multiprocessing.active_children()) == before
    crops.close()


def test_the_process_does_without_tensorflow():
    command = "import sys, sis_keras.data.pools; "
    command += "sys.exit('tensorflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", command], check=True)


def test_caches_joined(tmp_path):
    def source(name, count, synthetic):
        def examples():
            for number in range(count):
                picture = np.full((4, 5 + number, 3), number, np.uint8)
                yield f"{name}/{number}", picture, picture + 10

        return Source(name, name, count, synthetic, "", examples)

    caches = [
        open_cache([source(*x)], tmp_path / x[0])
        for x in (("a", 2, False), ("b", 1, True), ("c", 2, False))
    ]
    joined = JoinedCaches(caches)
    assert len(joined) == 5
    assert joined.names == ["a/0", "a/1", "b/0", "c/0", "c/1"]
    assert joined.shapes == [(4, 5), (4, 6), (4, 5), (4, 5), (4, 6)]
    assert joined.synthetic.tolist() == [False, False, True, False, False]
    assert joined.fingerprint == "a b c"
    for place, (cache, number) in enumerate(
        [(0, 0), (0, 1), (1, 0), (2, 0), (2, 1)]
    ):
        np.testing.assert_array_equal(joined[place], caches[cache][number])
