"""evaluate.py on a made Köhler folder, as a user runs it."""

import csv
import json
import math
import os
import subprocess
import sys

import cv2
import numpy as np
import pytest
from places import ROOT
from skimage import data

SIDE = 170


def evaluate(*flags):
    return subprocess.run(
        [sys.executable, str(ROOT / "evaluate.py"), *map(str, flags)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Picture 1_1 is frame 101 of its trajectory, half as bright; all other
    frames are that picture in grey."""
    folder = tmp_path_factory.mktemp("kohler")
    even = data.astronaut()[:SIDE, :SIDE] // 2 * 2
    grey = np.repeat(cv2.cvtColor(even, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    for name, picture in (
        ("BlurryImages/Blurry1_1.png", even // 2),
        ("GroundTruth/GroundTruth1_1_1.png", grey),
        ("GroundTruth/GroundTruth1_1_101.png", even),
    ):
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        assert cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]))
    frames = folder / "GroundTruth"
    for number in set(range(2, 199)) - {101}:
        name = f"GroundTruth1_1_{number}.png"
        os.link(frames / "GroundTruth1_1_1.png", frames / name)
    return folder


def test_table_4_of_a_picture(folder, tmp_path):
    done = evaluate(
        "--weights=sisnet_mobile",
        f"--test_data=kohler:{folder}",
        "--limit=1",
        f"--output={tmp_path}",
    )
    assert done.returncode == 0, done.stderr
    assert "PSNR in dB, restored, by kernel" in done.stdout
    assert "limit: the first 1 images" in done.stdout
    assert "198 sharp frames compared in" in done.stdout
    written = json.loads((tmp_path / "kohler/scores.json").read_text())
    (image,) = written["images"]
    # The gain of 2 makes the blurred picture equal to the frame.
    assert image["blurry"] == {
        "psnr_kohler": str(math.inf),
        "ssim_kohler": pytest.approx(1.0),
    }
    assert set(image["best_frames"]["blurry"].values()) == {101}
    assert 20 < image["restored"]["psnr_kohler"] < 100
    with open(tmp_path / "kohler/table4.csv") as file:
        rows = list(csv.DictReader(file))
    cells = {
        (row["score"], row["picture"]): row["1"]
        for row in rows
        if row["image"] == "1"
    }
    assert cells["psnr_kohler", "blurry"] == "inf"
    assert float(cells["psnr_kohler", "restored"]) == pytest.approx(
        image["restored"]["psnr_kohler"]
    )


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--test_data=kohler:{}"], "Missing: the blurred pictures Blurry1_2"),
        (["--test_data=kohler:{},flat:3"], "Köhler benchmark alone"),
        (["--test_data=kohler:{}", "--metrics=psnr"], "Expected no --metrics"),
        (["--test_data=kohler:{}", "--report=page"], "Expected no --report"),
        (
            [
                "--test_data=tfds:kohler:test",
                "--data_dir={}",
                "--threads_of_an_operation=1",
            ],
            "--manual_dir",
        ),
    ],
)
def test_mistakes_are_one_line(folder, flags, message):
    done = evaluate("--identity", *(flag.format(folder) for flag in flags))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert message in line
