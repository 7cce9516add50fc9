import errno

import numpy as np
import pytest

from sis_keras.data.cache import PictureCache, open_cache
from sis_keras.data.open_source import open_source
from sis_keras.data.pairs import find_pairs, read_pair
from sis_keras.data.source import Source
from sis_keras.errors import UserError
from sis_keras.files.pictures import write_rgb


def save_pairs(folder, count=3, size=(10, 14), seed=0):
    random = np.random.default_rng(seed)
    for number in range(count):
        for half in ("blur", "sharp"):
            # No two pictures of one size.
            shape = (size[0] + number, size[1], 3)
            picture = random.integers(0, 256, shape, np.uint8)
            write_rgb(folder / half / f"{number}.png", picture)


def made(count=2, size=(8, 8), synthetic=False, fingerprint="made", fail=None):
    """A source of made pictures that fails after `count` where told to."""

    def examples():
        for number in range(count):
            picture = np.full((*size, 3), number, np.uint8)
            yield f"{fingerprint}/{number}", picture, picture + 100
        if fail:
            raise fail

    return Source("made", fingerprint, count, synthetic, "blur", examples)


def test_equals_the_pictures_bit_for_bit(tmp_path):
    save_pairs(tmp_path / "a")
    cache = open_cache([open_source(str(tmp_path / "a"))], tmp_path / "cache")
    pairs = find_pairs(tmp_path / "a")
    assert len(cache) == 3
    assert cache.names == [pair.name for pair in pairs] == ["a/0", "a/1", "a/2"]
    assert cache.shapes == [(10, 14), (11, 14), (12, 14)]
    for number, pair in enumerate(pairs):
        for cached, read in zip(cache[number], read_pair(pair), strict=True):
            assert cached.dtype == np.uint8
            np.testing.assert_array_equal(cached, read)


def test_several_sources_in_their_order(tmp_path):
    sources = [made(2), made(1, (9, 5), True, fingerprint="synthetic")]
    cache = open_cache(sources, tmp_path)
    assert cache.names == ["made/0", "made/1", "synthetic/0"]
    assert cache.synthetic.tolist() == [False, False, True]
    blurry, sharp = cache[2]
    assert (blurry == 0).all() and (sharp == 100).all()
    assert blurry.shape == sharp.shape == (9, 5, 3)
    assert cache.fingerprint == "made synthetic"


def test_pictures_that_are_views_are_written_as_seen(tmp_path):
    picture = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    turned = picture[::-1].transpose(1, 0, 2)
    source = made()._replace(examples=lambda: iter([("a/1", turned, turned)]))
    blurry, sharp = open_cache([source], tmp_path)[0]
    np.testing.assert_array_equal(blurry, turned)
    np.testing.assert_array_equal(sharp, turned)


def test_made_once_and_again_for_other_pictures(tmp_path):
    open_cache([made(2)], tmp_path)
    broken = made(2, fail=AssertionError("the cache was there"))
    assert len(open_cache([broken], tmp_path)) == 2
    save_pairs(tmp_path / "data")
    folder = tmp_path / "cache"
    before = open_cache([open_source(str(tmp_path / "data"))], folder)
    old = before[0][0].copy()
    save_pairs(tmp_path / "data", count=4, seed=1)
    after = open_cache([open_source(str(tmp_path / "data"))], folder)
    assert after.fingerprint != before.fingerprint and len(after) == 4
    blurry, sharp = read_pair(find_pairs(tmp_path / "data")[3])
    np.testing.assert_array_equal(after[3], (blurry, sharp))
    # Whoever still has the old one open goes on reading the old pictures.
    np.testing.assert_array_equal(before[0][0], old)


def test_pictures_that_moved_are_held_out_by_their_new_folders(tmp_path):
    save_pairs(tmp_path / "old")

    def source_in(name):
        return open_source(f"sharp:{tmp_path / name / 'sharp'}")

    cache = open_cache([source_in("old")], tmp_path / "cache")
    assert all("old" in folders for folders in cache.folders)
    (tmp_path / "old").rename(tmp_path / "new")
    source = source_in("new")
    assert source.fingerprint == cache.fingerprint
    cache = open_cache([source], tmp_path / "cache")
    assert all("new" in folders for folders in cache.folders)


@pytest.mark.parametrize("error", [KeyboardInterrupt, UserError("bad")])
def test_an_interrupted_cache_is_made_again(tmp_path, error):
    open_cache([made(2, fingerprint="old")], tmp_path)
    with pytest.raises((KeyboardInterrupt, UserError)):
        open_cache([made(1, fail=error)], tmp_path)
    assert not list(tmp_path.iterdir())
    assert len(open_cache([made(2)], tmp_path)) == 2


def test_killed_before_the_index_was_written(tmp_path):
    open_cache([made(2)], tmp_path)
    (tmp_path / "index.json").unlink()
    cache = open_cache([made(3)], tmp_path)
    assert len(cache) == 3 and (cache[2][1] == 102).all()


def test_damaged_files_are_made_again(tmp_path):
    whole = open_cache([made(2)], tmp_path)[1][1].copy()
    for name in ("index.json", "pictures.raw"):
        data = (tmp_path / name).read_bytes()
        for damaged in (data[: len(data) // 2], b""):
            (tmp_path / name).write_bytes(damaged)
            cache = open_cache([made(2)], tmp_path)
            np.testing.assert_array_equal(cache[1][1], whole)


def test_a_full_disk_names_the_file_and_leaves_nothing(small_disk):
    with pytest.raises(OSError) as caught:
        open_cache([made(2, (120, 120))], small_disk)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(small_disk / "pictures.raw")
    assert not list(small_disk.iterdir())
    # 20 kB in place of 40 kB, where both would not fit.
    assert len(open_cache([made(1, (80, 80))], small_disk)) == 1
    cache = open_cache([made(1, (81, 80), fingerprint="x")], small_disk)
    assert cache.shapes == [(81, 80)]


def shifted(shift, note=""):
    """A source whose blurred half is so much brighter."""
    sharp = np.full((8, 8, 3), 100, np.uint8)
    blurry = sharp.copy()
    # Of the four pixels that are looked at.
    blurry[::4, ::4] = np.array([[shift, 0], [0, shift]])[..., None] * 2 + 100
    pairs = [("a/1", sharp, sharp), ("a/2", blurry, sharp)]
    source = Source("made", f"{shift}", 2, False, "blur", lambda: iter(pairs))
    return source._replace(note=note)


@pytest.mark.parametrize(
    "shift, printed, learns",
    [(6, "+3.00", "darken"), (-4, "-2.00", "brighten"), (2, "+1.00", None)],
)
def test_brightness_is_compared(tmp_path, capsys, shift, printed, learns):
    """Half the pairs are shifted; more than 1 of 255 is too much."""
    open_cache([shifted(shift, "one left out")], tmp_path, progress=False)
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "made: 2 pairs (one left out), blurred halves brighter by "
        f"{printed} of 255"
    )
    if learns is None:
        assert len(lines) == 1
    else:
        (warning,) = lines[1:]
        assert f"learns to {learns} every picture" in warning
        assert "matched:made" in warning
    # It is there already: nothing is compared.
    open_cache([shifted(shift)], tmp_path, progress=False)
    assert not capsys.readouterr().out


def test_each_source_has_its_brightness(tmp_path, capsys):
    open_cache([shifted(2), shifted(0)], tmp_path, progress=False)
    lines = capsys.readouterr().out.splitlines()
    assert ["+1.00" in line for line in lines] == [True, False]


def test_no_pictures(tmp_path):
    with pytest.raises(UserError, match="Received none"):
        open_cache([made(0)], tmp_path)
    with pytest.raises(UserError, match="Received none"):
        open_cache([], tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unreadable_picture_is_named(tmp_path):
    save_pairs(tmp_path / "a")
    (tmp_path / "a" / "sharp" / "1.png").write_bytes(b"half")
    with pytest.raises(UserError, match="sharp/1.png, 4 bytes"):
        open_cache([open_source(str(tmp_path / "a"))], tmp_path / "cache")
    with pytest.raises(FileNotFoundError):
        PictureCache(tmp_path / "cache")


def test_threads_change_nothing(tmp_path):
    save_pairs(tmp_path / "pairs", 5)
    photographs = "photographs:" + str(tmp_path / "pairs/sharp")
    names = (str(tmp_path / "pairs"), photographs, "flat:4")
    caches = []
    for threads in (1, 3):
        sources = [open_source(name, seed=7) for name in names]
        folder = tmp_path / f"cache_{threads}"
        open_cache(sources, folder, progress=False, threads=threads)
        caches.append([x.read_bytes() for x in sorted(folder.iterdir())])
    assert len(caches[0]) == 2
    assert caches[0] == caches[1]


def test_a_bad_pair_in_a_thread_is_told(tmp_path):
    save_pairs(tmp_path / "pairs", 5)
    bad = tmp_path / "pairs/sharp/3.png"
    bad.write_bytes(bad.read_bytes()[:60])
    source = open_source(str(tmp_path / "pairs"))
    with pytest.raises(UserError, match="3.png"):
        open_cache([source], tmp_path / "cache", threads=2)
    assert not list((tmp_path / "cache").glob("index.json"))
