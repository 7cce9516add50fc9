"""A folder where the pages' commands run as they stand there.

It has links to what the repository has, pictures that are made, and, under
the names that the pages use, weights that are there already. `FOLDER` is any
folder of theirs: pairs, and all that `SIS_DATA` has.
"""

import os
import pathlib
import shutil

import cv2
import numpy as np
from clips import make_video
from places import ROOT

SEQUENCES = (
    "gopro/train/GOPR0372_07_00",
    "gopro/test/GOPR0384_11_00",
    "gopro_derived/train/GOPR0477_11_00",
    "gopro_derived/train/GOPR0374_11_00",
    "gopro_derived/train/GOPR0384_11_02",
    "reds/train/020",
)
PHOTOGRAPHS = (
    "photos/clic2025 photos/cid22 photos/wallpapers photos/places photos/kodak "
    "photos/gb82 urban100 bsds500/train bsds500/test"
).split()
FRAMES = (
    "frames_240fps/GOPR0477_11_00 davis/breakdance davis/camel davis/parkour "
    "davis/scooter-black davis/train video/street"
).split()
# The recipes halve some, and cut 128x128 from them.
SIZE = (256, 288)
# Copied, for commands write into them.
COPIED = ("docs", "demo", "training")
LEFT_OUT = ("runs", "data", "export", "node_modules", "dist", ".git")


def texture(height: int, width: int, seed: int) -> np.ndarray:
    """Smooth noise, uint8 RGB."""
    random = np.random.default_rng(seed)
    noise = random.integers(256, size=(height, width, 3), dtype=np.uint8)
    return cv2.normalize(
        cv2.GaussianBlur(noise, (0, 0), 2), None, 0, 255, cv2.NORM_MINMAX
    )


def write(path: pathlib.Path, picture: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture)


def make_checkout(root: pathlib.Path) -> pathlib.Path:
    """The folder, in the empty folder `root`."""
    for path in ROOT.iterdir():
        if path.name in COPIED:
            ignored = shutil.ignore_patterns("node_modules", "dist")
            shutil.copytree(path, root / path.name, ignore=ignored)
        elif path.name not in LEFT_OUT and path.name[0] != ".":
            (root / path.name).symlink_to(path)
    make_pictures(root / "FOLDER")
    for name in ("OTHER", "VIDEO_OR_FOLDER"):
        write_frames(root / name, seed=len(name))
    for half in ("blur", "sharp"):
        write(root / "OTHER" / half / "a.png", texture(96, 128, 99))
    write(root / "holiday.jpg", texture(48, 64, 1))
    write(root / "photos/below/b.png", texture(48, 64, 2))
    make_video(root / "clip.mp4", frames=3)
    take_weights(root)
    return root


def make_pictures(folder):
    for seed, name in enumerate(SEQUENCES):
        size = (320, 900) if name.startswith("gopro/test") else SIZE
        for frame in range(2):
            sharp = texture(*size, 10 * seed + frame)
            blurry = cv2.blur(sharp, (9, 1))
            write(folder / name / f"sharp/{frame:06d}.png", sharp)
            write(folder / name / f"blur/{frame:06d}.png", blurry)
    for seed, name in enumerate(PHOTOGRAPHS):
        write(folder / name / "a.png", texture(*SIZE, 200 + seed))
    write(folder / "a.png", texture(*SIZE, 300))
    # One scene, turned: the frames of least detail, which are left out, are
    # not all of one sequence.
    for turns, name in enumerate(FRAMES):
        write_frames(folder / name, 300, 16, turns)


def write_frames(folder, seed, count=16, turns=0):
    """A scene that moves by two pixels a frame, in one of eight ways."""
    height, width = SIZE
    wide = texture(height, width + 2 * count, seed)
    wide = wide[:: -1 if turns & 1 else 1, :: -1 if turns & 2 else 1]
    wide = 255 - wide if turns & 4 else wide
    for number in range(count):
        frame = wide[:, 2 * number : 2 * number + width]
        write(folder / f"{number:05d}.png", frame)


def take_weights(root):
    from sis_keras.weights.released import weight_file

    mobile, game = map(weight_file, ("sisnet_mobile", "sisnet_mobile_gan"))
    trunk = ROOT / "training/sisnet_mobile.safetensors"
    for name, path in {
        "WEIGHTS": mobile,
        "runs/mine/best.safetensors": mobile,
        "runs/demo/best.safetensors": mobile,
        "runs/mobile/last.safetensors": trunk,
        "runs/mobile_game/last.safetensors": game,
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, root / name)


def environment(root: pathlib.Path, variables: tuple[str, ...]) -> dict:
    """Of a command that has `NAME=value` before it."""
    return {
        **os.environ,
        "SIS_DATA": str(root / "FOLDER"),
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **dict(x.split("=", 1) for x in variables if x != "SIS_DATA=FOLDER"),
    }
