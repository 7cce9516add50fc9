import os
import pathlib

import numpy as np
import pytest
from PIL import Image

from datasets.prepare import prepared_builder
from sis_keras.blur import photograph_pairs
from sis_keras.errors import UserError
from sis_keras.sources import SKIMAGE_PHOTOGRAPHS, of_sequence, open_source

DATASETS = pathlib.Path(__file__).parents[1] / "datasets"
GOPRO = DATASETS / "gopro" / "dummy_data"


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


# === Folders of pairs ===


def test_a_folder_of_pairs(tmp_path):
    blurry = save(tmp_path / "a" / "blur" / "1.png", 1)
    sharp = save(tmp_path / "a" / "sharp" / "1.png", 2)
    source = open_source(str(tmp_path))
    assert (source.count, source.synthetic, source.input) == (1, False, "blur")
    ((name, *pair),) = assert_same_twice(source, 1)
    assert name == "a/1"
    np.testing.assert_array_equal(pair, [blurry, sharp])


def test_the_fingerprint_is_of_the_files(tmp_path):
    for frame in "12":
        save(tmp_path / "a" / "blur" / f"{frame}.png", 1)
        save(tmp_path / "a" / "sharp" / f"{frame}.png", 2)

    def fingerprint(**options):
        return open_source(str(tmp_path), **options).fingerprint

    before = fingerprint()
    assert fingerprint() == before
    path = tmp_path / "a" / "sharp" / "2.png"
    status = path.stat()
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    changed = fingerprint()
    assert changed != before
    for half in ("blur", "sharp"):
        (tmp_path / "a" / half / "2.png").unlink()
    assert fingerprint() not in (before, changed)
    save(tmp_path / "a" / "blur_gamma" / "1.png", 1)
    assert fingerprint(inputs="blur_gamma") != fingerprint()


def test_only_some_sequences(tmp_path):
    for sequence in ("day/a", "day/b", "night/a"):
        for half in ("blur", "sharp"):
            save(tmp_path / sequence / half / "1.png")
    source = open_source(str(tmp_path))

    def names(sequences):
        return [name for name, *_ in source.only(sequences).examples()]

    assert names(["a"]) == ["day/a/1", "night/a/1"]
    assert names(["night", "b"]) == ["day/b/1", "night/a/1"]
    assert names(["1", "day/a"]) == []
    assert source.only(["a"]).count == 0 and source.count == 3


def test_the_frame_is_no_sequence():
    assert of_sequence("train/GOPR0372/000001", ["GOPR0372"])
    assert not of_sequence("train/GOPR0372/000001", ["000001", "GOPR0"])
    assert not of_sequence("train/GOPR0372/000001", [])


def test_home_and_variables_are_expanded(tmp_path, monkeypatch):
    save(tmp_path / "pairs" / "blur" / "1.png")
    save(tmp_path / "pairs" / "sharp" / "1.png")
    save(tmp_path / "photographs" / "1.png")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SOME_DATA", str(tmp_path))
    for text, count in (
        ("~/pairs", 1),
        ("$SOME_DATA/pairs", 1),
        ("photographs:~/photographs", 1),
        ("photographs:${SOME_DATA}/photographs", 1),
        ("frames:~/photographs", 0),
    ):
        assert open_source(text).count == count


# === Synthetic blur ===


def test_photographs(tmp_path):
    photographs = [save(tmp_path / f"{name}.png", ord(name)) for name in "ab"]
    text = f"photographs:{tmp_path}"
    source = open_source(text, versions=2, seed=3)
    assert (source.count, source.synthetic) == (4, True)
    examples = assert_same_twice(source, 4)
    assert [x[0] for x in examples] == ["a/0", "a/1", "b/0", "b/1"]
    for number, (_, blurry, sharp) in enumerate(examples):
        assert blurry.shape == sharp.shape == photographs[number // 2].shape
        assert (blurry != sharp).any()
    assert (examples[0][1] != examples[1][1]).any()


def test_already_sharp_pictures(tmp_path):
    photographs = [save(tmp_path / f"{name}.png", ord(name)) for name in "ab"]
    source = open_source(f"sharp:{tmp_path}", versions=2, seed=3)
    assert (source.count, source.synthetic) == (2, True)
    examples = assert_same_twice(source, 2)
    for photograph, (_, blurry, sharp) in zip(
        photographs, examples, strict=True
    ):
        np.testing.assert_array_equal(blurry, photograph)
        np.testing.assert_array_equal(sharp, photograph)
    with pytest.raises(UserError, match="sharp:FOLDER.*which holds none"):
        open_source(f"sharp:{tmp_path}/none")


def halved(picture):
    """Means of 2x2 pixels, halves rounded up."""
    height, width, _ = picture.shape
    parts = picture.reshape(height // 2, 2, width // 2, 2, 3)
    return (parts.sum((1, 3), dtype=int) + 2) // 4


def test_half_the_size_of_pairs(tmp_path):
    random = np.random.default_rng(0)
    pair = random.integers(0, 256, (2, 48, 64, 3), np.uint8)
    for half, picture in zip(("blur", "sharp"), pair, strict=True):
        path = tmp_path / "a" / half / "1.png"
        path.parent.mkdir(parents=True)
        Image.fromarray(picture).save(path)
    whole = open_source(str(tmp_path))
    source = open_source(f"half:{tmp_path}")
    assert source.count == 1 and not source.synthetic
    assert source.files == whole.files
    assert source.fingerprint != whole.fingerprint
    ((name, *found),) = assert_same_twice(source, 1)
    assert name == "half/a/1"
    for picture, expected in zip(found, map(halved, pair), strict=True):
        assert np.abs(picture.astype(int) - expected).max() <= 1


def test_photographs_are_halved_before_they_are_blurred(tmp_path):
    """So that the noise of a blurred one is not halved with it."""
    picture = save(tmp_path / "street.png")
    small = halved(picture).astype(np.uint8)
    Image.fromarray(small).save(tmp_path / "small.png")
    source = open_source(f"half:photographs:{tmp_path}", versions=2, seed=3)
    assert source.count == 4 and source.synthetic
    found = assert_same_twice(source, 4)
    assert [name for name, *_ in found] == [
        f"half/{stem}/{number}"
        for stem in ("small", "street")
        for number in range(2)
    ]
    (expected, *_) = photograph_pairs([small], 1, 3)
    by_hand = photograph_pairs([picture], 1, 3, half=True)
    for a, b in zip(expected[1:], next(by_hand)[1:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_fingerprint_of_photographs_is_of_the_blur_too(tmp_path):
    save(tmp_path / "a.png")
    text = f"photographs:{tmp_path}"
    prints = [
        open_source(text, versions=versions, seed=seed).fingerprint
        for versions, seed in ((1, 0), (2, 0), (1, 1))
    ]
    assert len(set(prints)) == 3
    assert open_source(text).fingerprint == prints[0]


def test_the_photographs_of_skimage():
    names = [set(SKIMAGE_PHOTOGRAPHS[split]) for split in ("train", "test")]
    assert not names[0] & names[1]
    train = open_source("skimage:train", versions=3)
    assert (train.count, train.synthetic) == (24, True)
    # Its other eye sees the same scene.
    assert "motorcycle_right" not in names[0]
    test = open_source("skimage:test")
    assert test.fingerprint != train.fingerprint
    name, blurry, sharp = next(test.examples())
    assert name == "astronaut/0" and sharp.shape == (512, 512, 3)
    assert blurry.shape == sharp.shape and blurry.dtype == np.uint8


def test_frames(tmp_path):
    frames = [save(tmp_path / "walk" / f"{i:02d}.png", i) for i in range(20)]
    source = open_source(f"frames:{tmp_path}/walk", seed=1)
    assert not source.synthetic
    examples = list(source.examples())
    assert_same_twice(source, len(examples))
    for name, blurry, sharp in examples:
        middle = int(name.removeprefix("walk/"))
        np.testing.assert_array_equal(sharp, frames[middle])
        means = [
            np.mean(frames[max(middle - reach, 0) : middle + reach + 1], 0)
            for reach in (3, 4, 5, 6)
        ]
        assert min(np.abs(mean - blurry).max() for mean in means) <= 0.5
    gamma = open_source(f"frames:{tmp_path}/walk", "blur_gamma", seed=1)
    assert gamma.fingerprint != source.fingerprint
    assert (next(gamma.examples())[1] > examples[0][1]).mean() > 0.9


# === TFDS ===


def test_tfds(tmp_path):
    def make_builder(name):
        return prepared_builder(name, tmp_path, GOPRO)

    def source(text):
        return open_source(text, make_builder=make_builder)

    train = source("tfds:gopro/blur_gamma:train")
    assert (train.count, train.synthetic) == (3, False)
    assert train.input == "gopro/blur_gamma"
    examples = assert_same_twice(train, 3)
    for name, blurry, sharp in examples:
        sequence, frame = name.split("/")
        folder = GOPRO / "GOPRO_Large" / "train" / sequence
        for half, picture in (("blur_gamma", blurry), ("sharp", sharp)):
            expected = Image.open(folder / half / f"{frame}.png")
            np.testing.assert_array_equal(picture, expected)
    test = source("tfds:gopro/blur_gamma:test")
    assert (test.count, len(list(test.examples()))) == (2, 2)
    prints = {x.fingerprint for x in (train, test)}
    assert len({*prints, source("tfds:gopro/blur:test").fingerprint}) == 3
    for text in ("tfds:gopro/blur", "tfds:gopro/blur:validation"):
        with pytest.raises(UserError, match=r"in \['test', 'train'\]"):
            source(text)
    with pytest.raises(UserError, match="gopro or kohler"):
        source("tfds:reds:train")


def test_tfds_without_pairs(tmp_path):
    kohler = DATASETS / "kohler" / "dummy_data"
    with pytest.raises(UserError, match="pairs.*kohler/blurred, which holds"):
        open_source(
            "tfds:kohler/blurred:test",
            make_builder=lambda name: prepared_builder(name, tmp_path, kohler),
        )


# === Mistakes ===


@pytest.mark.parametrize(
    "text, message",
    [
        ("{}/none", "none, which is no folder"),
        ("$NO_SUCH_VARIABLE/x", r"\$NO_SUCH_VARIABLE/x, which is no folder"),
        ("photographs:{}/none", "none, which holds none"),
        ("photographs:{}", "which holds none"),
        ("photographs:", "which holds none"),
        ("skimage:validation", "skimage:train or skimage:test.*'validation'"),
        ("frames:{}/none.mp4", "none.mp4, which does not exist"),
        ("tfds:gopro/blur:train", "No TFDS builders"),
    ],
)
def test_mistakes(tmp_path, text, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message):
        open_source(text.format(tmp_path / "empty"))
