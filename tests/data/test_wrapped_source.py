import pathlib

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage
from source_pictures import assert_same_twice, halved, save, save_frames

from sis_keras.data.blur.synthetic import synthetic_blur
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError

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
