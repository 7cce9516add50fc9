"""GOPRO_Large's builder on tiny pictures: contents, sources, errors."""

import pathlib
import shutil
import zipfile

import cv2
import numpy as np
import pytest
import tensorflow_datasets as tfds

from datasets import prepare
from datasets.gopro import gopro_dataset_builder
from sis_keras.errors import UserError

_DUMMY = pathlib.Path(__file__).parent / "dummy_data"
_PAIRS = {
    "train": {
        "GOPR0001_11_00/000001",
        "GOPR0001_11_00/000002",
        "GOPR0002_11_00/000007",
    },
    "test": {"GOPR0003_11_00/000001", "GOPR0003_11_00/000004"},
}


class GoproTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own checks, both configs."""

    DATASET_CLASS = gopro_dataset_builder.Builder
    SPLITS = {"train": 3, "test": 2}


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data that a test may spoil."""
    return pathlib.Path(shutil.copytree(_DUMMY, tmp_path / "manual"))


def _read(manual_dir, config="blur"):
    """Prepares and reads back: split -> {key: (blurry, sharp)}."""
    builder = prepare.prepared_builder(
        f"gopro/{config}", manual_dir.parent / "data", manual_dir
    )
    return {
        split: {
            f"{example['sequence'].decode()}/{example['frame'].decode()}": (
                example["blurry"],
                example["sharp"],
            )
            for example in tfds.as_numpy(builder.as_dataset(split=split))
        }
        for split in builder.info.splits
    }


def _zip(manual_dir, prefix="GOPRO_Large/"):
    """Replaces the folder by its zip; returns the zip's path."""
    folder = manual_dir / "GOPRO_Large"
    path = manual_dir / "GOPRO_Large.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, prefix + file.relative_to(folder).as_posix())
        archive.writestr("__MACOSX/GOPRO_Large/train/._000001.png", b"junk")
    shutil.rmtree(folder)
    return path


@pytest.mark.parametrize("config", ["blur", "blur_gamma"])
def test_pictures_equal_the_files(manual_dir, config):
    splits = _read(manual_dir, config)
    assert {split: set(pairs) for split, pairs in splits.items()} == _PAIRS
    for split, pairs in splits.items():
        for key, pictures in pairs.items():
            sequence, frame = key.split("/")
            folder = _DUMMY / "GOPRO_Large" / split / sequence
            for half, picture in zip((config, "sharp"), pictures, strict=True):
                file = cv2.imread(str(folder / half / f"{frame}.png"))
                np.testing.assert_array_equal(picture, file[..., ::-1])


@pytest.mark.parametrize("prefix", ["GOPRO_Large/", ""])
def test_zip_equals_folder(manual_dir, tmp_path, prefix):
    zipped = pathlib.Path(
        shutil.copytree(manual_dir, tmp_path / "z" / "manual")
    )
    _zip(zipped, prefix)
    expected, received = _read(manual_dir), _read(zipped)
    assert expected.keys() == received.keys()
    for split, pairs in expected.items():
        assert pairs.keys() == received[split].keys()
        for key, pictures in pairs.items():
            for half in range(2):
                np.testing.assert_array_equal(
                    pictures[half], received[split][key][half]
                )


def test_manual_dir_may_be_the_unpacked_folder(manual_dir):
    splits = _read(manual_dir / "GOPRO_Large")
    assert {split: set(pairs) for split, pairs in splits.items()} == _PAIRS


def test_same_order_at_every_preparation(manual_dir, tmp_path):
    again = pathlib.Path(shutil.copytree(manual_dir, tmp_path / "b" / "manual"))
    for split, pairs in _read(manual_dir).items():
        assert list(pairs) == list(_read(again)[split])


def test_missing_manual_dir(tmp_path):
    with pytest.raises(UserError, match="nowhere, which does not.*GOPRO_Large"):
        _read(tmp_path / "nowhere")


def test_wrong_layout_names_the_tree_and_what_was_found(manual_dir):
    folder = manual_dir / "GOPRO_Large"
    (folder / "train").rename(folder / "training")
    with pytest.raises(UserError) as error:
        _read(manual_dir)
    message = str(error.value)
    assert "GOPRO_Large/{train,test}/SEQUENCE/{blur,blur_gamma" in message
    assert "no pictures for train in" in message
    assert "training/GOPR0001_11_00/blur/ (2 files)" in message
    assert "\n" not in message


def test_missing_half_is_named(manual_dir):
    folder = manual_dir / "GOPRO_Large"
    (folder / "train/GOPR0001_11_00/sharp/000002.png").unlink()
    (folder / "train/GOPR0002_11_00/blur/000007.png").unlink()
    with pytest.raises(
        UserError,
        match="train/GOPR0001_11_00/sharp/000002.png, "
        "train/GOPR0002_11_00/blur/000007.png",
    ):
        _read(manual_dir)


def test_missing_half_of_a_whole_config(manual_dir):
    for folder in sorted(manual_dir.rglob("blur_gamma")):
        shutil.rmtree(folder)
    assert _read(manual_dir, "blur").keys() == _PAIRS.keys()
    with pytest.raises(UserError, match="blur_gamma/000001.png"):
        _read(manual_dir, "blur_gamma")


def test_two_sizes_in_a_pair(manual_dir):
    name = "test/GOPR0003_11_00/sharp/000004.png"
    path = manual_dir / "GOPRO_Large" / name
    cv2.imwrite(str(path), np.zeros((12, 20, 3), np.uint8))
    with pytest.raises(
        UserError, match=r"blur/000004.png 16x24 and .*sharp/000004.png 12x20"
    ):
        _read(manual_dir)
    assert not list((manual_dir.parent / "data").rglob("*.tfrecord*"))


@pytest.mark.parametrize(
    "spoil, problem",
    [
        (lambda data: data[:-20], "truncated"),
        (lambda data: data[:30], "truncated"),
        (lambda data: b"", "not a PNG file"),
        (lambda data: b"\xff\xd8" + data, "not a PNG file"),
        (lambda data: data[:60] + b"\x00\x01" + data[62:], "damaged"),
    ],
)
def test_unreadable_picture_is_named(manual_dir, spoil, problem):
    path = manual_dir / "GOPRO_Large/train/GOPR0001_11_00/blur/000002.png"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match=rf"blur/000002.png, .*{problem}"):
        _read(manual_dir)


def test_truncated_zip(manual_dir):
    path = _zip(manual_dir)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(UserError, match="GOPRO_Large.zip.*truncated or no zip"):
        _read(manual_dir)


def test_damaged_file_in_zip_is_named(manual_dir):
    path = _zip(manual_dir)
    with zipfile.ZipFile(path) as archive:
        info = archive.getinfo(
            "GOPRO_Large/train/GOPR0001_11_00/sharp/000001.png"
        )
    data = bytearray(path.read_bytes())
    start = info.header_offset + 30 + len(info.filename)
    data[start + 40] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(UserError, match="GOPR0001_11_00/sharp/000001.png"):
        _read(manual_dir)


def test_zip_of_something_else(manual_dir):
    path = _zip(manual_dir)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("holiday/one.jpg", b"")
    with pytest.raises(UserError, match="Found no pictures.*holiday/one.jpg"):
        _read(manual_dir)
