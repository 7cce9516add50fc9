import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from places import ROOT

from sis_keras.data.open_source import open_source
from sis_keras.data.source_text import read_text
from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.training.on_jax import packing


@pytest.fixture
def data(tmp_path):
    """Two pairs in a sequence of `pairs`, two photographs in `photos`.

    And a pair in `held`, which is of another picture.
    """
    random = np.random.default_rng(0)
    other = random.integers(256, size=(24, 32, 3), dtype=np.uint8)
    for half in ("blur", "sharp"):
        (tmp_path / "held/b" / half).mkdir(parents=True)
        cv2.imwrite(str(tmp_path / "held/b" / half / "0.png"), other)
    for number in range(2):
        sharp = random.integers(256, size=(24, 32, 3), dtype=np.uint8)
        sharp = cv2.blur(sharp, (5, 5))
        for half, picture in (
            ("blur", cv2.blur(sharp, (5, 1))),
            ("sharp", sharp),
        ):
            folder = tmp_path / "pairs/a" / half
            folder.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(folder / f"{number}.png"), picture)
        (tmp_path / "photos").mkdir(exist_ok=True)
        cv2.imwrite(str(tmp_path / f"photos/{number}.jpg"), sharp)
    return tmp_path


def test_lossless_pairs_are_equal(data):
    (packed,) = packing.pack_sources(
        [f"{data}/pairs"], data / "new", "validation", "blur", packing.LOSSLESS
    )
    assert packed.text == "validation_0" and packed.pictures == 4
    assert packed.sharp_psnr is None
    before = open_source(f"{data}/pairs").examples()
    after = open_source(f"{data}/new/validation_0").examples()
    for old, new in zip(before, after, strict=True):
        assert old[0] == new[0]
        np.testing.assert_array_equal(old[1:], new[1:])


def test_what_a_lossy_copy_costs(data):
    (packed,) = packing.pack_sources(
        [f"{data}/pairs"], data / "new", "train", "blur", 80
    )
    before = open_source(f"{data}/pairs").examples()
    after = open_source(f"{data}/new/train_0").examples()
    scores = [
        [psnr(new[half], old[half]) for half in (1, 2)]
        for old, new in zip(before, after, strict=True)
    ]
    expected = np.mean(scores, axis=0)
    assert 20 < expected[1] < 50
    np.testing.assert_allclose(packed[-2:], expected)
    files = [x for x in (data / "new/train_0").rglob("*") if x.is_file()]
    assert packed.size == sum(len(path.read_bytes()) for path in files)


def test_each_folder_is_copied_once(data, monkeypatch):
    monkeypatch.setenv("MADE", str(data))
    packed = packing.pack_sources(
        [
            "photographs:$MADE/photos",
            "sharp:$MADE/photos",
            "skimage:train",
            "half:photographs:$MADE/photos",
            "$MADE/pairs",
            "half:$MADE/pairs",
        ],
        data / "new",
        "train",
        "blur",
        95,
    )
    texts = [source.text for source in packed]
    assert texts == [
        "photographs:train_0",
        "sharp:train_0",
        "skimage:train",
        "half:photographs:train_0",
        "train_1",
        "half:train_1",
    ]
    assert [source.pictures for source in packed] == [2, 0, 0, 0, 4, 0]
    assert {path.name for path in (data / "new").iterdir()} == {
        "train_0",
        "train_1",
    }
    for number in range(2):
        name = f"{number}.jpg"
        copy = (data / "new/train_0" / name).read_bytes()
        assert copy == (data / "photos" / name).read_bytes()


def test_sharp_halves_are_not_copied_again(data):
    half = f"{data}/pairs/a/sharp"
    packed = packing.pack_sources(
        [f"{data}/pairs", f"photographs:{half}", f"sharp:{half}"],
        data / "new",
        "train",
        "blur",
        packing.LOSSLESS,
    )
    texts = [source.text for source in packed]
    there = "train_0/a/sharp"
    assert texts == ["train_0", f"photographs:{there}", f"sharp:{there}"]
    before = open_source(f"sharp:{half}").examples()
    after = open_source(f"sharp:{data}/new/{there}").examples()
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(old[2], new[2])


def test_the_photographs_of_skimage_need_no_packing(data):
    (packed,) = packing.pack_sources(
        ["skimage:train"], data / "new", "train", "blur", 95
    )
    assert packed.text == "skimage:train" and packed.size == 0


@pytest.mark.parametrize(
    "text", ["frames:x", "tfds:gopro", "sharp:absent", "flow:absent"]
)
def test_what_cannot_be_packed(data, text):
    with pytest.raises(UserError, match=text.partition(":")[2]):
        packing.pack_sources([text], data / "new", "train", "blur", 95)


@pytest.mark.parametrize(
    "text, leaf",
    [
        ("pairs", ("", [], "", "pairs")),
        ("C:/pairs", ("", [], "", "C:/pairs")),
        ("half:grey:flow:x", ("half:grey:", [], "flow", "x")),
        ("without:b+a:half:y", ("half:", ["a", "b"], "", "y")),
        (
            "sample:3:without:a:sharp:z",
            ("sample:3:", ["a"], "sharp", "z"),
        ),
    ],
)
def test_a_text_taken_apart(text, leaf):
    before, left_out, kind, path = read_text(text)
    assert (before, sorted(left_out), kind, path) == leaf


def test_video_is_packed_without_what_is_left_out(data):
    """Frames that are shown stay better than those that tell their motion."""
    for sequence in ("run", "walk"):
        for number in range(6):
            picture = cv2.imread(str(data / "pairs/a/sharp/1.png"))
            picture = np.roll(picture, number, 1)
            path = data / "video" / sequence / f"{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), cv2.resize(picture, (64, 48)))
    packed = packing.pack_sources(
        [
            f"real=without:walk:flow:{data}/video",
            f"half:without:walk:flow:{data}/video",
            f"flow:{data}/video",
        ],
        data / "new",
        "train",
        "blur",
        packing.LOSSLESS,
        80,
    )
    assert [x.text for x in packed] == [
        "real=flow:train_0",
        "half:flow:train_0",
        "flow:train_1",
    ]
    assert [x.pictures for x in packed] == [6, 0, 12]
    found = {x.name for x in (data / "new/train_0/run").iterdir()}
    assert found == {f"{number:03d}.webp" for number in range(6)}
    source = open_source(f"flow:{data}/new/train_0")
    shown = {path.name for item in source.items for path in item.files[1:2]}
    assert shown

    def error(name):
        before = cv2.imread(str(data / "video/run" / f"{name}.png"))
        after = cv2.imread(str(data / "new/train_0/run" / f"{name}.webp"))
        return np.mean((before.astype(float) - after) ** 2)

    kept = min(error(name.partition(".")[0]) for name in shown)
    assert kept < error("000") and kept < error("002")


def test_photographs_that_nothing_takes_stay_behind(data):
    text = f"sample:1:photographs:{data}/photos"
    (packed,) = packing.pack_sources([text], data / "new", "train", "blur", 95)
    assert packed.text == "sample:1:photographs:train_0"
    assert packed.pictures == 1
    taken = open_source(f"sample:1:photographs:{data}/photos")
    (path,) = taken.items[0].files
    assert [x.name for x in (data / "new/train_0").iterdir()] == [path.name]
    both = [text, f"sharp:{data}/photos"]
    packed = packing.pack_sources(both, data / "all", "train", "blur", 95)
    assert [x.pictures for x in packed] == [2, 0]


def test_size(data):
    size = packing.size_of(data / "photos")
    packing.check_size(data / "photos", size)
    with pytest.raises(UserError, match="at most 0.0 MiB.*Lower `quality`"):
        packing.check_size(data / "photos", size - 1)


def pack(data, *more, validation="held"):
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "sis_keras.commands.pack",
            f"--pack_to={data}/packed",
            f"--train_data={data}/pairs,photographs:{data}/photos",
            f"--validation_data={data}/{validation}",
            "--adversarial=none",
            "--steps=77",
            "--output=somewhere",
            "--wheels=",
            *more,
        ],
        capture_output=True,
        text=True,
        cwd=data,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_a_packed_folder_trains_itself(data):
    (data / "trunk.weights.h5").write_bytes(b"a trunk")
    done = pack(data, f"--imagenet_weights={data}/trunk.weights.h5")
    assert done.returncode == 0, done.stderr
    assert "train_0: 4 pictures" in done.stdout
    folder = data / "packed"
    trunk = folder / "imagenet_weights.weights.h5"
    assert trunk.read_bytes() == b"a trunk"
    assert (folder / "run.flags").read_text().splitlines() == [
        "--adversarial=none",
        "--steps=77",
        "--train_data=train_0,photographs:train_1",
        "--validation_data=validation_0",
        "--imagenet_weights=imagenet_weights.weights.h5",
    ]
    # Its own code takes its own flags; the crop is larger than its pictures.
    started = subprocess.run(
        [
            sys.executable,
            "-m",
            "sis_keras.commands.train_jax",
            "--flagfile=run.flags",
            "--output=run",
            "--workers=1",
            "--perceptual_weight=0",
        ],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    assert started.returncode == 2, started.stderr
    assert "at least 256x256" in started.stderr.splitlines()[-1]


def test_what_is_trained_on_is_not_packed_for_validation(data):
    """Over there the two would be other files."""
    done = pack(data, validation="pairs")
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert "not trained on" in line and "pairs/a/blur/0.png" in line
    assert not (data / "packed").exists()


def test_too_large_a_folder_is_refused(data):
    done = pack(data, "--limit_mib=0.01")
    assert done.returncode == 2
    line = done.stderr.splitlines()[-1]
    assert line.startswith("pack.py: Expected a folder of at most")
    assert not list(data.glob("*packed*")) and not list(data.glob(".*"))


def test_what_train_jax_has_not(tmp_path):
    for flag in ("--adversarial=ralsgan", "--precision=mixed_float16"):
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "sis_keras.commands.train_jax",
                f"--output={tmp_path}/run",
                "--adversarial=none",
                flag,
            ],
            capture_output=True,
            text=True,
        )
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith("train_jax.py: ") and flag[2:9] in line
