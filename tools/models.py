"""Model cards: SIS_DATA=FOLDER python -m tools.models

Scores every released model as evaluate.py does, the blurred input beside it,
and writes docs/models.json, docs/models/NAME.jpg and, from these and the
manifest, docs/models.md. A model whose file was scored before is not scored
again (--again: it is). Takes about five minutes a model on 2 cores.
"""

import datetime
import json
import math
import os
import pathlib

import numpy as np
from absl import flags

from sis_keras.commands.building import start_keras
from sis_keras.commands.flags import FLAGS
from sis_keras.commands.opening import open_sources
from sis_keras.commands.start import start
from sis_keras.errors import UserError
from sis_keras.evaluation.protocol import known_protocol
from sis_keras.files.atomic import atomic_path
from sis_keras.weights import released
from tools import model_page

flags.DEFINE_bool("again", False, "Score also what was scored before.")

DOCS = pathlib.Path("docs")
TRUNKS = pathlib.Path("training")
METRICS = (
    "psnr",
    "ssim_gaussian",
    "ssim_matlab3d",
    "ciede2000",
    "shift_red",
    "shift_green",
    "shift_blue",
)
SETS = {
    "gopro": "$SIS_DATA/gopro/test",
    "synthetic": "photographs:$SIS_DATA/bsds500/test",
    "reds": "$SIS_DATA/reds/train",
    "sharp": "sharp:$SIS_DATA/bsds500/test",
}
HARM = 40.0  # dB; above, hardly anybody sees a change
# Failures are shown from CC BY pictures alone.
SHOWN = ("gopro", "reds")
TILE = (180, 320)


def score_model(name: str, sources: dict, picture: pathlib.Path) -> dict:
    """Scores one model on every set and writes the picture of its failures.

    Args:
        name: Of the released weights.
        sources: `sis_keras.data.source.Source` by key of `SETS`.
        picture: To write.

    Returns:
        What `model_page.page` takes of a model.
    """
    from sis_keras.evaluation.evaluate import evaluate
    from sis_keras.restoring.restorer import load_restorer
    from sis_keras.weights.generators import GENERATOR
    from sis_keras.weights.tensors import read_tensors

    restorer = load_restorer(name)
    tensors, _ = read_tensors(name, GENERATOR)
    scores = {}
    for key, source in sources.items():
        known = known_protocol([source], name, FLAGS.precision)
        results = evaluate(
            restorer,
            source.examples(),
            metrics=METRICS,
            # Not the folder that this machine has for it.
            protocol=known | {"source": SETS[key]},
            total=source.count,
        )
        print(f"{name}, {key}: {results['all']}", flush=True)
        scores[key] = {"protocol": results["protocol"], **results["all"]}
        images = results["images"]
        scores[key]["worse"] = sum(x["gain"]["psnr"] < 0 for x in images)
        if key == "sharp":
            scores[key] |= harm(images)
    tiles = worst_tiles(restorer, {key: sources[key] for key in SHOWN})
    write_tiles(picture, tiles)
    return {
        "sha256": released.manifest()[name]["sha256"],
        "date": datetime.date.today().isoformat(),
        "parameters": sum(array.size for array in tensors.values()),
        "scores": scores,
        "failures": [tile["words"] for tile in tiles],
    }


def trunk_sources() -> dict[str, list[str]]:
    """What the weights in `training/` were trained on, by their file."""
    from sis_keras.weights.tensors import read_tensors

    found = {}
    for path in sorted(TRUNKS.glob("*.safetensors")):
        card = read_tensors(path)[1]["card"]
        found[str(path)] = card["settings"]["train_data"]
    return found


def harm(images: list[dict]) -> dict:
    """What a model does to pictures that are sharp already.

    Args:
        images: Of `evaluate`, input and target the same.

    Returns:
        `worst`: least PSNR; `worst_name`; `below`: share under `HARM`;
        `untouched`: number of pictures that came back as they were.
    """
    worst = min(images, key=lambda image: image["restored"]["psnr"])
    values = [image["restored"]["psnr"] for image in images]
    return {
        "worst": worst["restored"]["psnr"],
        "worst_name": worst["name"],
        "below": sum(value < HARM for value in values) / len(values),
        "untouched": sum(map(math.isinf, values)),
    }


def worst_tiles(restorer, sources: dict, count: int = 3) -> list[dict]:
    """The places where the squared error grew most, or fell least.

    Squared error, not decibels: those would find flat sky, where nobody sees
    the loss. The frames of a sequence resemble each other, so one of them
    stands for each place.

    Returns:
        For each `growth` of the mean squared error in 8-bit levels²,
        `pictures` (blurry, restored, sharp: uint8 RGB of `TILE`) and `words`:
        set, name, left, top, blurry and restored PSNR.
    """
    from sis_keras.evaluation import metrics
    from sis_keras.evaluation.evaluate import sequence_of
    from sis_keras.restoring.restorer import restore

    found: dict[tuple, dict] = {}
    for key, source in sources.items():
        for name, blurry, sharp in source.examples():
            restored, _ = restore(restorer, blurry, name)
            for top, left, rows in places(sharp.shape):
                cut = [x[rows] for x in (blurry, restored, sharp)]
                growth = squared_error(cut[1], cut[2])
                growth -= squared_error(cut[0], cut[2])
                place = (key, sequence_of(name), top, left)
                if place in found and found[place]["growth"] >= growth:
                    continue
                words = {"set": key, "name": name, "left": left, "top": top}
                for half, part in zip(
                    ("blurry", "restored"), cut, strict=False
                ):
                    words[half] = metrics.psnr(part, cut[2])
                found[place] = {
                    "growth": growth,
                    "pictures": cut,
                    "words": words,
                }
    return sorted(found.values(), key=lambda tile: -tile["growth"])[:count]


def places(shape):
    """Top, left and slices of every whole tile of a picture."""
    height, width = TILE
    for top in range(0, shape[0] - height + 1, height):
        for left in range(0, shape[1] - width + 1, width):
            rows = slice(top, top + height), slice(left, left + width)
            yield top, left, rows


def squared_error(picture, sharp):
    """Mean squared error of two uint8 pictures."""
    return np.mean((picture.astype(np.float64) - sharp) ** 2)


def write_tiles(path, tiles: list[dict]) -> None:
    """Rows of blurred | restored | sharp, pixel for pixel."""
    from sis_keras.evaluation.sheet import before_after
    from sis_keras.files.pictures import write_rgb

    rows = [before_after(*tile["pictures"]) for tile in tiles]
    gap = np.full((4, *rows[0].shape[1:]), 255, np.uint8)
    parts = [part for row in rows for part in (row, gap)][:-1]
    write_rgb(path, np.concatenate(parts))


def main():
    entries = released.manifest()
    if not entries:
        raise UserError(
            "Expected released weights to score. Received: none; "
            "python -m sis_keras.commands.release makes them."
        )
    if "SIS_DATA" not in os.environ:
        raise UserError(
            "Expected SIS_DATA to name the folder of pictures that holds "
            f"{', '.join(SETS.values())}. Received: no such variable."
        )
    opened = open_sources(list(SETS.values()), versions=1)
    sources = dict(zip(SETS, opened, strict=True))
    start_keras()
    figures = DOCS / "models.json"
    models = json.loads(figures.read_text()) if figures.is_file() else {}
    models = {name: models.get(name) for name in entries}
    for name, entry in entries.items():
        old = models[name]
        if FLAGS.again or not old or old["sha256"] != entry["sha256"]:
            picture = DOCS / "models" / f"{name}.jpg"
            models[name] = score_model(name, sources, picture)
    from sis_keras.evaluation.report import write_json

    write_json(figures, models)
    text = model_page.page(
        entries, json.loads(figures.read_text()), trunk_sources()
    )
    with atomic_path(DOCS / "models.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    print(f"{text}\nWritten: {DOCS}/models.md, models.json, models/.")


if __name__ == "__main__":
    start(main, __doc__)
