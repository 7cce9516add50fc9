"""The benchmark opened from made files: order, frames, mistakes."""

import os
import shutil

import cv2
import h5py
import numpy as np
import pytest
import scipy.io

from datasets import prepare
from datasets.kohler.ground_truth import count_mat_frames
from datasets.kohler.opening import open_benchmark
from sis_keras.data.open_source import open_source
from sis_keras.data.source_text import read_text, rejoined
from sis_keras.errors import UserError

FRAMES = 198


def write_png(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]))


def made_frames(seed, count=FRAMES):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (count, 8, 12, 3), dtype=np.uint8)


def write_frames(folder, image, kernel, frames):
    for number, frame in enumerate(frames, start=1):
        name = f"GroundTruth{image}_{kernel}_{number}.png"
        write_png(folder / f"Image{image}/Kernel{kernel}/{name}", frame)


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The benchmark's layout: PNG of 1_3, an old MATLAB file of 1_1, a new
    one of 2_12; the blurred pictures of these and of 4_1."""
    folder = tmp_path_factory.mktemp("kohler")
    for seed, name in enumerate(("1_1", "1_3", "2_12", "4_1")):
        picture = made_frames(seed, 1)[0]
        write_png(folder / f"BlurryImages/Blurry{name}.png", picture)
    sharp = folder / "GroundTruth"
    write_frames(sharp, 1, 3, made_frames(11))
    scipy.io.savemat(
        sharp / "GroundTruth1_1.mat",
        {"GroundTruth": np.moveaxis(made_frames(10), 0, 3)},
    )
    with h5py.File(sharp / "GroundTruth2_12.mat", "w") as file:
        file["GroundTruth"] = np.transpose(made_frames(12, 201), (0, 3, 2, 1))
    return folder


@pytest.fixture
def copy(made, tmp_path):
    """One that a test may spoil."""
    return shutil.copytree(made, tmp_path / "copy")


def read(benchmark):
    return {
        (shot.image, shot.kernel): (shot.blurry, list(shot.frames()))
        for shot in benchmark.shots()
    }


def check(shots):
    assert list(shots) == [(1, 1), (1, 3), (2, 12)]
    for place, (key, (blurry, frames)) in enumerate(shots.items()):
        np.testing.assert_array_equal(blurry, made_frames(place, 1)[0])
        count = 201 if key == (2, 12) else FRAMES
        expected = dict(enumerate(made_frames(10 + place, count), start=1))
        if key == (1, 3):
            del expected[30]
        assert [number for number, _ in frames] == list(expected)
        for number, frame in frames:
            np.testing.assert_array_equal(frame, expected[number])


def test_the_benchmarks_own_files(made):
    benchmark = open_benchmark(f"kohler:{made}", limit=10)
    assert (benchmark.size, benchmark.protocol) == (3, "kohler")
    check(read(benchmark))
    assert open_benchmark(f"kohler:{made}", limit=2).size == 2


def test_prepared_by_tfds(made, tmp_path):
    def make_builder(name):
        return prepare.prepared_builder(name, tmp_path, made)

    benchmark = open_benchmark("tfds:kohler:test", 10, make_builder)
    assert (benchmark.size, benchmark.protocol) == (3, "kohler")
    check(read(benchmark))
    assert list(read(open_benchmark("tfds:kohler:test", 1, make_builder))) == [
        (1, 1)
    ]
    with pytest.raises(UserError, match="of the benchmark in .*Blurry1_2"):
        open_benchmark("tfds:kohler:test", None, make_builder)


def test_all_of_it(made, tmp_path):
    """48 in order; hard links of one file stand for them."""
    for name, text in (
        ("BlurryImages/Blurry1_1.png", "BlurryImages/Blurry{}_{}.png"),
        ("GroundTruth/GroundTruth1_1.mat", "GroundTruth{}_{}.mat"),
    ):
        for image in range(1, 5):
            for kernel in range(1, 13):
                target = tmp_path / text.format(image, kernel)
                target.parent.mkdir(exist_ok=True)
                os.link(made / name, target)
    benchmark = open_benchmark(f"kohler:{tmp_path}")
    assert benchmark.size == 48
    keys = [(shot.image, shot.kernel) for shot in benchmark.shots()]
    assert keys == [(i, k) for i in range(1, 5) for k in range(1, 13)]
    (tmp_path / "GroundTruth3_7.mat").unlink()
    with pytest.raises(UserError, match="sharp frames of Blurry3_7. "):
        open_benchmark(f"kohler:{tmp_path}")
    (tmp_path / "BlurryImages/Blurry2_2.png").unlink()
    with pytest.raises(UserError, match="blurred pictures Blurry2_2. "):
        open_benchmark(f"kohler:{tmp_path}")


def test_one_sharp_picture(made, tmp_path):
    folder = shutil.copytree(made / "BlurryImages", tmp_path / "single")
    of_image, of_shot = made_frames(20, 2)
    write_png(folder / "GroundTruth1.png", of_image)
    write_png(folder / "sharp/GroundTruth2_12.png", of_shot)
    benchmark = open_benchmark(f"single-gt:{folder}", limit=48)
    assert benchmark.protocol == "single-gt"
    shots = read(benchmark)
    assert list(shots) == [(1, 1), (1, 3), (2, 12)]
    for key, (_, frames) in shots.items():
        ((number, frame),) = frames
        assert number == 1
        expected = of_image if key[0] == 1 else of_shot
        np.testing.assert_array_equal(frame, expected)
    with pytest.raises(UserError, match="blurred pictures Blurry1_2"):
        open_benchmark(f"single-gt:{folder}")


def test_counting_frames(made):
    assert count_mat_frames(made / "GroundTruth/GroundTruth1_1.mat") == FRAMES
    assert count_mat_frames(made / "GroundTruth/GroundTruth2_12.mat") == 201


# === Mistakes ===


def _hole(folder):
    frames = folder / "GroundTruth/Image1/Kernel3"
    (frames / "GroundTruth1_3_57.png").unlink()
    (frames / "GroundTruth1_3_58.png").unlink()


def _cut(folder):
    scipy.io.savemat(
        folder / "GroundTruth/GroundTruth1_1.mat",
        {"GroundTruth": np.moveaxis(made_frames(0, 190), 0, 3)},
    )


def _zero(folder):
    frames = folder / "GroundTruth/Image1/Kernel3"
    shutil.copy(
        frames / "GroundTruth1_3_1.png", frames / "GroundTruth1_3_0.png"
    )


def _no_frames(folder):
    shutil.rmtree(folder / "GroundTruth")


def _renamed(folder):
    for path in (folder / "BlurryImages").iterdir():
        path.rename(path.with_name("x" + path.name))


def _broken_mat(folder):
    (folder / "GroundTruth/GroundTruth1_1.mat").write_bytes(b"nothing")


@pytest.mark.parametrize(
    "spoil, message",
    [
        (_hole, "frames 1 to 198 of Blurry1_3 .*Missing: 2, 57, 58. "),
        (_cut, "frames 1 to 198 of Blurry1_1 .*Missing: 8, 191, 192, "),
        (_zero, "number 0 of Blurry1_3"),
        (_no_frames, "sharp frames of 0 pictures, none of the 4 blurred"),
        (_renamed, "BlurryImages/Blurry1_1.png .*Found: BlurryImages, Ground"),
        (_broken_mat, "GroundTruth1_1.mat, 7 bytes, unreadable"),
    ],
)
def test_mistakes_are_said_before_anything_is_scored(copy, spoil, message):
    spoil(copy)
    with pytest.raises(UserError, match=message) as error:
        open_benchmark(f"kohler:{copy}", limit=48)
    assert "\n" not in str(error.value)


def test_a_damaged_frame(copy):
    path = copy / "GroundTruth/Image1/Kernel3/GroundTruth1_3_9.png"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match="GroundTruth1_3_9.png, .*truncated"):
        read(open_benchmark(f"kohler:{copy}", limit=3))


@pytest.mark.parametrize(
    "text, message",
    [
        ("kohler:nowhere", "nowhere, which is no folder"),
        ("half:kohler:nowhere", "as it is, .*Received: half:kohler:nowhere"),
        ("tfds:kohler/blurred:test", "tfds:kohler:test, .*kohler/blurred"),
        ("tfds:kohler:train", "Expected tfds:kohler:test, "),
    ],
)
def test_texts_that_name_nothing(text, message):
    with pytest.raises(UserError, match=message):
        open_benchmark(text)


@pytest.mark.parametrize(
    "text", ["kohler:x", "half:kohler:x", "tfds:kohler:test", "single-gt:x"]
)
def test_it_is_no_source_of_pairs(text):
    with pytest.raises(UserError, match="evaluate.py scores it, alone"):
        open_source(text)


def test_texts_are_taken_apart(tmp_path):
    assert read_text("kohler:a/b") == ("", frozenset(), "kohler", "a/b")
    folder = tmp_path / "a,b"
    folder.mkdir()
    assert rejoined(f"kohler:{folder}".split(",")) == [f"kohler:{folder}"]
