import os
import shutil

import numpy as np
import pytest
from PIL import Image
from places import ROOT
from source_pictures import assert_same_twice, save

from datasets.prepare import prepared_builder
from sis_keras.data.open_source import open_source
from sis_keras.data.source import of_sequence
from sis_keras.errors import UserError

DATASETS = ROOT / "datasets"
GOPRO = DATASETS / "gopro" / "dummy_data"


# === Folders of pairs ===


def test_a_folder_of_pairs(tmp_path):
    blurry = save(tmp_path / "a" / "blur" / "1.png", 1)
    sharp = save(tmp_path / "a" / "sharp" / "1.png", 2)
    source = open_source(str(tmp_path))
    assert (source.count, source.synthetic, source.input) == (1, False, "blur")
    ((name, *pair),) = assert_same_twice(source, 1)
    assert name == "a/1"
    np.testing.assert_array_equal(pair, [blurry, sharp])


def test_the_fingerprint_is_of_names_and_contents(tmp_path):
    folder = tmp_path / "data"
    for frame in "12":
        save(folder / "a" / "blur" / f"{frame}.png", 1)
        save(folder / "a" / "sharp" / f"{frame}.png", 2)

    def fingerprint(folder=folder, **options):
        return open_source(str(folder), **options).fingerprint

    before = fingerprint()
    path = folder / "a" / "sharp" / "2.png"
    os.utime(path, ns=(1, 1))
    assert fingerprint() == before
    shutil.copytree(folder, tmp_path / "moved")
    assert fingerprint(tmp_path / "moved") == before
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    changed = fingerprint()
    assert changed != before
    path.write_bytes(data)
    assert fingerprint() == before
    for half in ("blur", "sharp"):
        (folder / "a" / half / "2.png").rename(folder / "a" / half / "3.png")
    assert fingerprint() not in (before, changed)
    for frame in "13":
        save(folder / "a" / "blur_gamma" / f"{frame}.png", 3)
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
        ("photographs:", "ends with a path or a name"),
        ("skimage:validation", "skimage:train or skimage:test.*'validation'"),
        ("frames:{}/none.mp4", "none.mp4, which does not exist"),
        ("tfds:gopro/blur:train", "No TFDS builders"),
        ("flow:{}/none", "none, which does not exist"),
        ("flow:{}", "no three consecutive frames"),
        ("flat:x", "N from 1 up.*flat:x"),
        ("flat:0", "N from 1 up.*flat:0"),
        ("flat:", "ends with a path or a name"),
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
