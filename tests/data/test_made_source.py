import numpy as np
import pytest
from PIL import Image
from skimage import data
from source_pictures import assert_same_twice, halved, save, save_frames

from sis_keras.data.blur.flow import flow_blur
from sis_keras.data.blur.synthetic import blurred_photograph, synthetic_blur
from sis_keras.data.made_source import SKIMAGE_PHOTOGRAPHS
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError

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
    # The seed of a pair is that of its place and version alone.
    expected = synthetic_blur(photographs[1], (3, 1, 1))
    np.testing.assert_array_equal(examples[3][1:], expected)


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


def test_pictures_out_of_focus_in_part_stay_so(tmp_path):
    photographs = [data.astronaut()[:200, :300], data.coffee()[:200, :300]]
    for name, photograph in zip("ab", photographs, strict=True):
        Image.fromarray(photograph).save(tmp_path / f"{name}.png")
    source = open_source(f"shallow:{tmp_path}", versions=2, seed=3)
    assert (source.count, source.synthetic) == (4, True)
    examples = assert_same_twice(source, 4)
    assert [x[0] for x in examples] == [
        f"shallow/{name}/{version}" for name in "ab" for version in range(2)
    ]
    for number, (_, blurry, sharp) in enumerate(examples):
        np.testing.assert_array_equal(blurry, sharp)
        assert (sharp != photographs[number // 2]).any()
    assert (examples[0][1] != examples[1][1]).any()
    other = open_source(f"shallow:{tmp_path}", versions=2, seed=4)
    assert other.fingerprint != source.fingerprint
    with pytest.raises(UserError, match="shallow:FOLDER.*which holds none"):
        open_source(f"shallow:{tmp_path}/none")


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
    # The second file's second version.
    expected = synthetic_blur(small, (3, 1, 1))
    np.testing.assert_array_equal(found[3][1:], expected)
    by_hand = blurred_photograph(tmp_path / "street.png", (3, 1, 1), half=True)
    np.testing.assert_array_equal(by_hand, expected)


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


def test_flow(tmp_path):
    # The same twice: neither has less detail, and is left out.
    frames = save_frames(tmp_path / "walk")
    save_frames(tmp_path / "walk", first=3)
    text = f"flow:{tmp_path}"
    source = open_source(text, versions=2, seed=3)
    assert (source.count, source.synthetic) == (4, True)
    assert source.note.startswith("2 frames with their neighbours")
    assert len(source.files) == 6 and "seed 3" in source.input
    examples = assert_same_twice(source, 4)
    assert [x[0] for x in examples] == [
        f"walk/{frame}/{version}"
        for frame in ("00001", "00004")
        for version in range(2)
    ]
    for number, (_, blurry, sharp) in enumerate(examples):
        np.testing.assert_array_equal(sharp, frames[1])
        expected, _ = flow_blur(
            *frames,
            (3, number // 2, number % 2),
            extent=(3.0, 30.0),
        )
        np.testing.assert_array_equal(blurry, expected)
    assert open_source(text, versions=2, flow_versions=3).count == 6


def test_seeds_change_the_fingerprint_of_what_is_blurred_here(tmp_path):
    save_frames(tmp_path / "walk")
    for half in ("blur", "sharp"):
        save(tmp_path / "pairs" / half / "1.png")

    def prints(text):
        return {
            open_source(text.format(tmp_path), seed=seed).fingerprint
            for seed in (0, 0, 1)
        }

    blurred = (
        *("flow:{}/walk", "photographs:{}/walk", "shallow:{}/walk"),
        *("flat:3", "skimage:test"),
    )
    for text in (*blurred, *(f"half:{text}" for text in blurred)):
        assert len(prints(text)) == 2
    for text in ("{}/pairs", "matched:{}/pairs", "sharp:{}/walk"):
        assert len(prints(text)) == 1
    every = [
        open_source(text.format(tmp_path)).fingerprint
        for text in (*blurred, "{}/pairs", "matched:{}/pairs", "sharp:{}/walk")
    ]
    assert len(set(every)) == 8


def test_flat_pictures():
    source = open_source("flat:3", seed=2)
    assert (source.count, source.synthetic, source.files) == (3, True, set())
    examples = assert_same_twice(source, 3)
    assert [name for name, *_ in examples] == ["flat/0", "flat/1", "flat/2"]
    assert (examples[0][2] != examples[1][2]).any()
