import os
import pathlib

import numpy as np
import pytest
from PIL import Image
from places import ROOT
from scipy import ndimage

from datasets.prepare import prepared_builder
from sis_keras.data.blur.flow import flow_blur
from sis_keras.data.blur.synthetic import blurred_photograph, synthetic_blur
from sis_keras.data.made_source import SKIMAGE_PHOTOGRAPHS
from sis_keras.data.open_source import open_source
from sis_keras.data.source import of_sequence
from sis_keras.errors import UserError

DATASETS = ROOT / "datasets"
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

    blurred = ("flow:{}/walk", "photographs:{}/walk", "flat:3", "skimage:test")
    for text in (*blurred, *(f"half:{text}" for text in blurred)):
        assert len(prints(text)) == 2
    for text in ("{}/pairs", "matched:{}/pairs", "sharp:{}/walk"):
        assert len(prints(text)) == 1
    every = [
        open_source(text.format(tmp_path)).fingerprint
        for text in (*blurred, "{}/pairs", "matched:{}/pairs", "sharp:{}/walk")
    ]
    assert len(set(every)) == 7


def test_flat_pictures():
    source = open_source("flat:3", seed=2)
    assert (source.count, source.synthetic, source.files) == (3, True, set())
    examples = assert_same_twice(source, 3)
    assert [name for name, *_ in examples] == ["flat/0", "flat/1", "flat/2"]
    assert (examples[0][2] != examples[1][2]).any()


# === Sources made of others ===


def save_pairs(folder, count, change=lambda blurry: blurry, size=(48, 64)):
    """Pairs of blocks, blurred halves along rows; returns them."""
    pairs = []
    for number in range(count):
        sharp = save(folder / "sharp" / f"{number}.png", number, size)
        # Away from black and white.
        sharp = (sharp // 2 + 50).astype(np.uint8)
        blurry = ndimage.uniform_filter1d(sharp.astype(float), 7, axis=1)
        blurry = change(np.rint(blurry)).astype(np.uint8)
        (folder / "blur").mkdir(exist_ok=True)
        Image.fromarray(sharp).save(folder / "sharp" / f"{number}.png")
        Image.fromarray(blurry).save(folder / "blur" / f"{number}.png")
        pairs.append((blurry, sharp))
    return pairs


def test_in_black_and_white(tmp_path):
    pairs = save_pairs(tmp_path / "a", 2)
    source = open_source(f"grey:{tmp_path}")
    assert source.count == 2 and not source.synthetic
    for (name, *found), pair in zip(
        assert_same_twice(source, 2), pairs, strict=True
    ):
        assert name.startswith("grey/a/")
        for picture, coloured in zip(found, pair, strict=True):
            # ITU-R BT.601
            grey = coloured @ np.array([0.299, 0.587, 0.114])
            assert np.abs(picture - grey[..., None]).max() <= 0.6


def test_matched_in_brightness(tmp_path):
    (pair,) = save_pairs(tmp_path / "a", 1, lambda x: x + 40, (192, 256))
    source = open_source(f"matched:{tmp_path}")
    ((name, blurry, sharp),) = assert_same_twice(source, 1)
    assert name == "matched/a/0" and source.count == 1
    np.testing.assert_array_equal(sharp, pair[1])

    def apart(picture):
        """Of the low frequencies, at most."""
        difference = picture.astype(float) - sharp
        return np.abs(ndimage.gaussian_filter(difference, (8, 8, 0))).max()

    assert apart(pair[0]) > 20 and apart(blurry) < 3
    # Edges stay as they were: what was taken off has none.
    taken = blurry.astype(float) - pair[0]
    assert np.abs(np.diff(taken, axis=1)).max() <= 2
    assert np.abs(np.diff(pair[0].astype(float), axis=1)).max() > 10


def test_a_sample(tmp_path):
    save_pairs(tmp_path / "a", 7)
    whole = list(open_source(str(tmp_path)).examples())
    source = open_source(f"sample:3:{tmp_path}")
    assert source.count == 3 and len(source.files) == 6
    examples = assert_same_twice(source, 3)
    # 7 / 3 apart
    for example, number in zip(examples, (0, 2, 4), strict=True):
        assert example[0] == whole[number][0] == f"a/{number}"
        np.testing.assert_array_equal(example[1:], whole[number][1:])
    assert open_source(f"sample:9:{tmp_path}").count == 7
    prints = {
        open_source(text.format(tmp_path)).fingerprint
        for text in ("{}", "sample:3:{}", "sample:2:{}")
    }
    assert len(prints) == 3


def test_a_sample_keeps_the_seeds_of_its_pairs(tmp_path):
    for name in "abcd":
        save(tmp_path / f"{name}.png", ord(name))
    whole = list(open_source(f"photographs:{tmp_path}", seed=4).examples())
    half = list(
        open_source(f"sample:2:photographs:{tmp_path}", seed=4).examples()
    )
    for found, expected in zip(half, whole[::2], strict=True):
        assert found[0] == expected[0]
        np.testing.assert_array_equal(found[1:], expected[1:])


def test_without_some_sequences_or_files(tmp_path):
    for sequence in ("walk", "run", "swim"):
        save_frames(tmp_path / "video" / sequence)
    save_pairs(tmp_path / "pairs", 3)

    def names(text):
        source = open_source(text.format(tmp_path))
        found = [name for name, *_ in source.examples()]
        assert len(found) == source.count
        return found

    video = "flow:{}/video"
    sequences = ["run/00001/0", "swim/00001/0", "walk/00001/0"]
    assert names(video) == sequences
    assert names(f"without:run:{video}") == sequences[1:]
    assert names(f"without:walk+run:{video}") == sequences[1:2]
    assert names("without:0+2:{}/pairs") == ["pairs/1"]
    assert names("without:1.png:{}/pairs") == ["pairs/0", "pairs/2"]
    whole, part = (
        open_source(text.format(tmp_path)).files
        for text in ("{}/pairs", "without:1:{}/pairs")
    )
    gone = whole - part
    assert {pathlib.Path(path).name for path in gone} == {"1.png"}


def test_sources_of_sources(tmp_path):
    photographs = [save(tmp_path / f"{name}.png", ord(name)) for name in "ab"]
    options = {
        "versions": 2,
        "seed": 5,
        "streak": (40.0, 40.0),
        "kind_of_blur": "pan",
    }
    source = open_source(f"half:half:photographs:{tmp_path}", **options)
    examples = assert_same_twice(source, 4)
    assert [x[0] for x in examples] == [
        f"half/half/{name}/{version}" for name in "ab" for version in range(2)
    ]
    assert "pan" in source.input and "40 to 40" in source.input
    pan = {
        "pan": True,
        "extent": (40.0, 40.0),
        "object_probability": 0.0,
        "defocus_probability": 0.0,
        "noise_probability": 0.0,
        "jpeg_probability": 0.0,
    }
    for number, (_, *found) in enumerate(examples):
        small = halved(photographs[number // 2]).astype(np.uint8)
        expected = synthetic_blur(small, (5, number // 2, number % 2), **pan)
        for picture, other in zip(found, map(halved, expected), strict=True):
            assert np.abs(picture.astype(int) - other).max() <= 1
    nested = open_source(f"grey:sample:1:half:photographs:{tmp_path}")
    ((name, blurry, _),) = assert_same_twice(nested, 1)
    assert name == "grey/half/a/0" and blurry.shape == (24, 32, 3)
    assert (np.ptp(blurry, axis=-1) == 0).all()


def test_streams_are_changed_but_not_chosen_from(tmp_path):
    for number in range(14):
        save(tmp_path / "walk" / f"{number:02d}.png", number)
    text = f"frames:{tmp_path}/walk"
    whole = list(open_source(text).examples())
    found = list(open_source(f"half:{text}").examples())
    assert len(found) == len(whole)
    for picture, expected in zip(found[0][1:], whole[0][1:], strict=True):
        assert np.abs(picture.astype(int) - halved(expected)).max() <= 1
    for wrapper in ("sample:2", "without:walk", "without:nobody"):
        with pytest.raises(UserError, match="walk, which is read as one"):
            open_source(f"{wrapper}:{text}")


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
    with pytest.raises(
        UserError, match="pairs.*kohler/blurred:test, the Köhler"
    ):
        open_source(
            "tfds:kohler/blurred:test",
            make_builder=lambda name: prepared_builder(name, tmp_path, kohler),
        )


# === Mistakes ===


@pytest.mark.parametrize(
    "text, message",
    [
        ("{}/none", "none, which is no folder"),
        ("$NO_SUCH_VARIABLE/x", r"Expected \$NO_SUCH_VARIABLE to name"),
        ("photographs:{}/none", "none, which holds none"),
        ("photographs:{}", "which holds none"),
        ("photographs:", "which holds none"),
        ("skimage:validation", "skimage:train or skimage:test.*'validation'"),
        ("frames:{}/none.mp4", "none.mp4, which does not exist"),
        ("tfds:gopro/blur:train", "No TFDS builders"),
        ("flow:{}/none", "none, which does not exist"),
        ("flow:{}", "no three consecutive frames"),
        ("flat:x", "N from 1 up.*flat:x"),
        ("flat:0", "N from 1 up.*flat:0"),
        ("flat:", "N from 1 up.*flat:"),
        ("sample:0:flat:3", "N from 1 up.*sample:0"),
        ("sample:flat:3", "N from 1 up.*sample:flat:3"),
        ("sample:2:photographs:{}", "which holds none"),
        ("without:a:flat:3", "flat:3. Received: a, which is not there"),
        ("without:astronaut+b:skimage:test", "Received: b, which is not there"),
        ("without:data:skimage:test", "leaves no pairs of skimage:test"),
        ("half:{}/none", "none, which is no folder"),
    ],
)
def test_mistakes(tmp_path, text, message):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=message) as caught:
        open_source(text.format(tmp_path / "empty"))
    assert "\n" not in str(caught.value)
