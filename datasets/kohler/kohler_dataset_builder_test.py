"""The Köhler builder on tiny pictures: contents, sources, errors."""

import pathlib
import shutil
import zipfile

import cv2
import h5py
import numpy as np
import pytest
import scipy.io
import tensorflow_datasets as tfds

from datasets import prepare
from datasets.kohler import kohler_dataset_builder
from sis_keras.errors import UserError

_DUMMY = pathlib.Path(__file__).parent / "dummy_data"


class KohlerTest(tfds.testing.DatasetBuilderTestCase):
    """TFDS's own checks, both configs."""

    DATASET_CLASS = kohler_dataset_builder.Builder
    SPLITS = {"test": 3}


@pytest.fixture
def manual_dir(tmp_path):
    """A copy of the dummy data that a test may spoil."""
    return pathlib.Path(shutil.copytree(_DUMMY, tmp_path / "manual"))


def _read(manual_dir, config="ground_truth"):
    """Prepares and reads back: {(image, kernel): example}."""
    builder = prepare.prepared_builder(
        f"kohler/{config}", manual_dir.parent / "data", manual_dir
    )
    return {
        (int(example["image"]), int(example["kernel"])): example
        for example in tfds.as_numpy(builder.as_dataset(split="test"))
    }


def _frames(example):
    """The frames as one array; the ragged feature reads back by example."""
    return np.stack(list(example["frames"]))


def _random_frames(count=5):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (16, 24, 3, count), dtype=np.uint8)


def test_blurred_pictures_equal_the_files(manual_dir):
    examples = _read(manual_dir, "blurred")
    assert set(examples) == {(1, 1), (1, 3), (2, 12)}
    for (image, kernel), example in examples.items():
        assert set(example) == {"blurry", "image", "kernel"}
        file = cv2.imread(str(_DUMMY / f"Blurry{image}_{kernel}.png"))
        np.testing.assert_array_equal(example["blurry"], file[..., ::-1])


def test_frames_of_the_matlab_file(manual_dir):
    example = _read(manual_dir)[1, 1]
    expected = scipy.io.loadmat(_DUMMY / "GroundTruth1_1.mat")["GroundTruth"]
    assert expected.shape == (16, 24, 3, 4)
    np.testing.assert_array_equal(_frames(example), np.moveaxis(expected, 3, 0))
    np.testing.assert_array_equal(example["frame_numbers"], [1, 2, 3, 4])


def test_png_frames_without_those_the_benchmark_skips(manual_dir):
    """Files 29, 30, 31 and 199 of image 1, kernel 3: 30 and 199 go."""
    example = _read(manual_dir)[1, 3]
    np.testing.assert_array_equal(example["frame_numbers"], [29, 31])
    for number, frame in zip((29, 31), _frames(example), strict=True):
        name = f"Image1/Kernel3/GroundTruth1_3_{number}.png"
        file = cv2.imread(str(_DUMMY / name))
        np.testing.assert_array_equal(frame, file[..., ::-1])


def test_no_frames_where_absent(manual_dir):
    example = _read(manual_dir)[2, 12]
    assert len(example["frame_numbers"]) == 0
    assert len(list(example["frames"])) == 0


def test_matlab_73_file_and_whole_floats(manual_dir):
    """HDF5 holds MATLAB's axes reversed; doubles of whole numbers are fine."""
    frames = _random_frames()
    path = manual_dir / "GroundTruth2_12.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["GroundTruth"] = np.transpose(frames).astype(np.float64)
    np.testing.assert_array_equal(
        _frames(_read(manual_dir)[2, 12]), np.moveaxis(frames, 3, 0)
    )


def test_folder_of_png_frames_in_the_order_of_their_numbers(manual_dir):
    frames = _random_frames(12)
    folder = manual_dir / "GroundTruth2_12"
    folder.mkdir()
    for index in range(12):
        file = np.ascontiguousarray(frames[:, :, ::-1, index])
        cv2.imwrite(str(folder / f"frame{index + 1}.png"), file)
    example = _read(manual_dir)[2, 12]
    np.testing.assert_array_equal(example["frame_numbers"], np.arange(1, 13))
    np.testing.assert_array_equal(_frames(example), np.moveaxis(frames, 3, 0))


def test_zips_as_downloaded_equal_the_files(manual_dir, tmp_path):
    zipped = tmp_path / "z" / "manual"
    zipped.mkdir(parents=True)
    shutil.copy(_DUMMY / "GroundTruth1_1.mat", zipped)
    with zipfile.ZipFile(zipped / "BlurryImages.zip", "w") as archive:
        for path in sorted(_DUMMY.glob("Blurry*.png")):
            archive.write(path, path.name)
    name = "GroundTruth_pngs_Image1.zip"
    with zipfile.ZipFile(zipped / name, "w") as archive:
        for path in sorted(_DUMMY.rglob("GroundTruth*.png")):
            archive.write(path, path.relative_to(_DUMMY).as_posix())
    expected, received = _read(manual_dir), _read(zipped)
    assert list(expected) == list(received)
    for key, example in expected.items():
        np.testing.assert_array_equal(
            example["blurry"], received[key]["blurry"]
        )
        for frame, other in zip(
            example["frames"], received[key]["frames"], strict=True
        ):
            np.testing.assert_array_equal(frame, other)


def _spoil_blurry(folder):
    path = folder / "Blurry1_3.png"
    path.write_bytes(path.read_bytes()[:-30])


def _spoil_frame(folder):
    path = folder / "Image1/Kernel3/GroundTruth1_3_31.png"
    path.write_bytes(path.read_bytes()[:-30])


def _spoil_mat(folder):
    path = folder / "GroundTruth1_1.mat"
    path.write_bytes(path.read_bytes()[:300])


def _not_a_mat(folder):
    (folder / "GroundTruth1_1.mat").write_bytes(b"no MATLAB file at all")


def _other_variable(folder):
    scipy.io.savemat(folder / "GroundTruth1_1.mat", {"x": _random_frames()})


def _other_shape(folder):
    frames = np.moveaxis(_random_frames(), 3, 0)
    scipy.io.savemat(folder / "GroundTruth1_1.mat", {"GroundTruth": frames})


def _fractions(folder):
    frames = _random_frames() / 255.0
    scipy.io.savemat(folder / "GroundTruth1_1.mat", {"GroundTruth": frames})


def _other_size(folder):
    frames = _random_frames()[:12]
    scipy.io.savemat(folder / "GroundTruth1_1.mat", {"GroundTruth": frames})


def _no_blurry(folder):
    (folder / "Blurry1_1.png").unlink()


def _no_frames(folder):
    (folder / "GroundTruth1_1.mat").unlink()
    shutil.rmtree(folder / "Image1")


def _nothing(folder):
    for path in folder.glob("Blurry*.png"):
        path.rename(path.with_name("x" + path.name))


def _frame_zero(folder):
    folder = folder / "GroundTruth2_12"
    folder.mkdir()
    shutil.copy(_DUMMY / "Blurry2_12.png", folder / "000.png")


def _broken_zip(folder):
    (folder / "BlurryImages.zip").write_bytes(b"PK\x03\x04 and no more")


@pytest.mark.parametrize(
    "spoil, message",
    [
        (_spoil_blurry, "Blurry1_3.png, .*truncated"),
        (_spoil_frame, "GroundTruth1_3_31.png, .*truncated"),
        (_spoil_mat, "GroundTruth1_1.mat, 300 bytes, unreadable"),
        (_not_a_mat, "GroundTruth1_1.mat, 21 bytes, unreadable"),
        (_other_variable, "GroundTruth1_1.mat. Received: no such variable"),
        (_other_shape, r"GroundTruth1_1.mat. Received: shape \(5, 16, 24, 3\)"),
        (_fractions, "whole numbers from 0 to 255 .*Received: float64 from 0"),
        (_other_size, "Blurry1_1.png 16x24 and .*GroundTruth1_1.mat 12x24"),
        (_no_blurry, "Missing: Blurry1_1.png"),
        (_no_frames, "Prepare kohler/blurred"),
        (_nothing, "Found: GroundTruth1_1.mat, Image1, xBlurry1_1.png"),
        (_frame_zero, "GroundTruth2_12/000.png, number 0"),
        (_broken_zip, "BlurryImages.zip, .*truncated or no zip"),
    ],
)
def test_users_mistakes(manual_dir, spoil, message):
    spoil(manual_dir)
    with pytest.raises(UserError, match=message) as error:
        _read(manual_dir)
    assert "\n" not in str(error.value)
    assert not list((manual_dir.parent / "data").rglob("*.tfrecord*"))


def test_missing_manual_dir(tmp_path):
    with pytest.raises(UserError, match="nowhere, which does not.*Blurry1_1"):
        _read(tmp_path / "nowhere")
