"""Recipes on made data, a few tiny steps each."""

import csv

import cv2
import numpy as np
from places import ROOT
from train_calls import run

from sis_keras.restoring.precision import best_precision
from sis_keras.weights.tensors import read_tensors

TINY = [
    "--steps=2",
    "--batch_size=2",
    "--crop_size=32",
    "--validate_every=2",
    "--log_every=1",
]


def gopro_large(folder):
    """GOPRO_Large's layout, two small pairs in each sequence."""
    random = np.random.default_rng(0)
    for sequence in (
        "train/GOPR0372_07_00",
        "train/GOPR0374_11_00",
        "train/GOPR0384_11_02",
        "train/GOPR0477_11_00",
        "train/GOPR0881_11_00",
        "test/GOPR0384_11_00",
    ):
        for frame in ("000001", "000002"):
            sharp = random.integers(256, size=(72, 128, 3), dtype=np.uint8)
            for half, picture in (
                ("blur", cv2.blur(sharp, (5, 1))),
                ("blur_gamma", cv2.blur(sharp, (5, 1))),
                ("sharp", sharp),
            ):
                path = folder / sequence / half / f"{frame}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                assert cv2.imwrite(str(path), picture)
    return folder


def test_gopro_mobile_needs_gopro_large_alone(tmp_path, monkeypatch):
    monkeypatch.delenv("SIS_DATA", raising=False)
    monkeypatch.setenv("GOPRO_LARGE", str(gopro_large(tmp_path / "data")))
    output = tmp_path / "run"
    flags = [f"--flagfile={ROOT}/recipes/gopro_mobile.flags"]
    status, _, err = run("train.py", *flags, f"--output={output}", *TINY)
    assert status == 0, err[-3000:]
    with open(output / "validation" / "scores.csv") as file:
        table = (line for line in file if not line.startswith("#"))
        scored = {x["name"] for x in csv.DictReader(table) if "/" in x["name"]}
    held_out = ("GOPR0374_11_00", "GOPR0384_11_02")
    frames = ("000001", "000002")
    assert scored == {f"{x}/{frame}" for x in held_out for frame in frames}
    # The recipe says "auto": a run is known by what that was.
    _, metadata = read_tensors(output / "last.safetensors")
    policies = {"bfloat16": "mixed_bfloat16", "float32": "float32"}
    precision = metadata["card"]["settings"]["precision"]
    assert precision == policies[best_precision()]


def test_gopro_mobile_without_the_variable(tmp_path, monkeypatch):
    monkeypatch.delenv("GOPRO_LARGE", raising=False)
    flags = [f"--flagfile={ROOT}/recipes/gopro_mobile.flags"]
    status, _, err = run("train.py", *flags, f"--output={tmp_path}")
    assert status == 2 and "GOPRO_LARGE=FOLDER python" in err.splitlines()[-1]
