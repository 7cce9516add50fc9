"""Model cards: figures by hand, the places of the failures, the page."""

import json
import math
import re

import numpy as np
import pytest
from places import ROOT

from sis_keras.data.source import Source
from sis_keras.evaluation.evaluate import evaluate
from sis_keras.evaluation.report import write_json
from sis_keras.files.pictures import read_rgb
from tools import model_page, models, weight_licences


def grey(level, height=370, width=650):
    return np.full((height, width, 3), level, np.uint8)


def source(*examples):
    return Source(
        name="/home/somebody/pairs",
        fingerprint="",
        count=len(examples),
        synthetic=False,
        input="blur",
        examples=lambda: iter(examples),
    )


# === Figures ===


def test_harm_by_hand():
    images = [
        {"name": name, "restored": {"psnr": psnr}}
        for name, psnr in (
            ("a", 45.0),
            ("b", 39.9),
            ("c", math.inf),
            ("d", 40.0),
            ("e", 38.5),
        )
    ]
    assert models.harm(images) == {
        "worst": 38.5,
        "worst_name": "e",
        "below": 0.4,
        "untouched": 1,
    }


def test_the_worst_tiles_are_where_the_error_grew_most():
    def restorer(batch):
        """Adds 20 levels in one tile, 10 in another, only to dark frames."""
        out = batch.copy()
        if batch.mean() < 0.5:
            out[:, 180:360, 320:640] += 20 / 255
            out[:, 180:360, :320] += 10 / 255
        return out

    examples = [
        ("s/0", grey(100), grey(98)),
        ("s/1", grey(100), grey(99)),
        ("s/2", grey(200), grey(150)),
    ]
    tiles = models.worst_tiles(restorer, {"gopro": source(*examples)})
    # The error of s/0 grew more: (20 + 2)² - 2² against (20 + 1)² - 1².
    growth = [tile["growth"] for tile in tiles]
    assert growth == [22**2 - 2**2, 12**2 - 2**2, 0]
    first, second, _ = (tile["words"] for tile in tiles)
    assert (first["name"], first["left"], first["top"]) == ("s/0", 320, 180)
    assert (second["name"], second["left"], second["top"]) == ("s/0", 0, 180)
    assert first["set"] == "gopro"
    assert first["blurry"] == pytest.approx(20 * math.log10(255 / 2))
    assert first["restored"] == pytest.approx(20 * math.log10(255 / 22))
    blurry, restored, sharp = tiles[0]["pictures"]
    assert blurry.shape == (*models.TILE, 3)
    assert (blurry == 100).all() and (sharp == 98).all()
    assert (restored == 120).all()


def test_the_picture_of_the_failures(tmp_path):
    tiles = [{"pictures": [grey(n, 18, 32) for n in (9, 99, 199)]}] * 2
    models.write_tiles(tmp_path / "models" / "tiny.png", tiles)
    picture = read_rgb(tmp_path / "models" / "tiny.png")
    assert picture.shape == (18 + 4 + 18, 3 * 32 + 2 * 4, 3)
    assert (picture[18:22] == 255).all()
    assert (picture[22:, :32] == 9).all() and (picture[22:, -32:] == 199).all()


# === The page ===

CARD = {
    "step": 7000,
    "batch_size": 8,
    "crop_size": 192,
    "train_data": [
        "$SIS_DATA/reds/train",
        "photographs:$SIS_DATA/urban100",
        "elsewhere/pairs",
    ],
    "validation_data": ["$SIS_DATA/gopro_derived/train/GOPR0374_11_00"],
    "recipe": "some.flags",
    "device_hours": "half an hour on 2 cores",
    "limits": "Not for portraits.",
    "float16_cost": 0.0023,
}
ENTRY = {"preset": "sisnet_mobile", "file": "tiny-0123.safetensors"}


def figures(tmp_path):
    """Of a model that adds a level to all; each set one picture of 16x12."""
    blurry, sharp = grey(90, 12, 16), grey(100, 12, 16)
    scores = {}
    for key in models.SETS:
        results = evaluate(
            lambda batch: batch + np.float32(1 / 255),
            [("a/1", sharp if key == "sharp" else blurry, sharp)],
            metrics=models.METRICS,
            protocol={"source": key, "input": "some", "device": "2 cores"},
            progress=False,
        )
        scores[key] = {"protocol": results["protocol"], **results["all"]}
        scores[key]["worse"] = int(key == "sharp")
    scores["sharp"] |= models.harm(results["images"])
    failure = {"set": "reds", "name": "a/1", "left": 0, "top": 9}
    model = {
        "parameters": 1_840_891,
        "scores": scores,
        "failures": [failure | {"blurry": 21.5, "restored": 21.25}],
    }
    write_json(tmp_path / "models.json", {"tiny": model})
    return json.loads((tmp_path / "models.json").read_text())


def test_the_page(tmp_path):
    entry = {**ENTRY, "bytes": 2**20, "card": CARD}
    text = model_page.page({"tiny": entry}, figures(tmp_path), {})
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.partition("## Licences")[0].splitlines()
        if line.startswith("|")
    ]
    # 10 and 9 levels beside the sharp picture: 28.131 and 29.046 dB.
    assert "28.131" in rows[2] and rows[2][0] == "blurred"
    assert rows[3][:4] == ["`tiny`", "1.8 M", "1.0 MiB", "29.046"]
    assert "48.131, 48.131" in rows[3]
    before, after = rows[6:8]
    assert before[:3] == ["GoPro subset, n=1", "blurred", "28.131"]
    assert before[-2:] == ["-10.00, -10.00, -10.00", ""]
    assert after[:3] == ["", "restored", "29.046"]
    assert after[-2:] == ["-9.00, -9.00, -9.00", "0"]
    assert rows[-1][:3] == [
        "sharp already, BSDS500 test, n=1",
        "restored",
        "48.131",
    ]
    assert rows[-1][-1] == ""
    assert all(len(row) == len(rows[4]) for row in rows[4:])
    flat = " ".join(text.split())
    for words in (
        "REDS (`$SIS_DATA/reds/train`, CC BY 4.0)",
        "(`photographs:$SIS_DATA/urban100`, research use)",
        "(`elsewhere/pairs`, licence unknown)",
        "7000 steps of 8 crops of 192, half an hour on 2 cores",
        "costs 0.0023 dB",
        "Not for portraits.",
        "REDS, n=1, same scene, trained on",
        "worst 48.131 dB (`a/1`), 0% of the pictures under 40 dB",
        "(models/tiny.jpg)",
        "REDS a/1 at 0, 9, 21.500 dB blurred, 21.250 restored",
    ):
        assert words in flat
    unseen = {**entry, "card": {**CARD, "train_data": []}}
    text = model_page.page({"tiny": unseen}, figures(tmp_path), {})
    assert "REDS, n=1, not trained on" in text


def test_a_sharp_picture_that_comes_back_untouched(tmp_path):
    made = figures(tmp_path)
    sharp = made["tiny"]["scores"]["sharp"]
    sharp["restored"]["psnr"] = sharp["worst"] = "inf"
    sharp["untouched"] = 1
    entry = {**ENTRY, "bytes": 2**20, "card": CARD}
    text = " ".join(model_page.page({"tiny": entry}, made, {}).split())
    assert "inf, inf" in text and "1 came back untouched" in text


# === Licences ===


def test_a_file_has_the_licence_of_what_it_learned_from():
    """Research data, also of the weights it was made from, decide."""
    free = {"card": {"train_data": ["$SIS_DATA/reds/train"]}}
    research = {"card": {"train_data": ["photographs:$SIS_DATA/urban100"]}}
    half = {"card": {**free["card"], "interpolated": {"from": "research"}}}
    unknown = {"card": {"train_data": ["elsewhere/pairs"]}}
    mixed = {"card": {**free["card"], "interpolated": {"from": "…/gopro/a.st"}}}
    told = {"from": "…/a.st", "train_data": ["flow:$SIS_DATA/davis"]}
    told = {"card": {**free["card"], "interpolated": told}}
    # Not for commerce by the pictures' README; some of DAVIS is in `video`.
    davis = {"card": {"train_data": ["half:flow:$SIS_DATA/davis"]}}
    video = {"card": {"train_data": ["flow:$SIS_DATA/video"]}}
    entries = {
        "davis": davis,
        "video": video,
        "free": free,
        "research": research,
        "half": half,
        "unknown": unknown,
        "mixed": mixed,
        "told": told,
        "nothing": {"card": {}},
    }
    entries = {k: {**v, "file": f"{k}.st"} for k, v in entries.items()}
    trunks = {"kept.st": ["half:photographs:$SIS_DATA/bsds500/train"]}
    _, (_, rows), _ = weight_licences.licence_section(entries, trunks)
    found = {row[0].strip("`").removesuffix(".st"): row[1] for row in rows}
    assert found == {
        "davis": "**research use only**",
        "video": "**research use only**",
        "free": "Apache-2.0",
        "research": "**research use only**",
        "half": "**research use only**",
        "unknown": "none: data of unknown licence",
        "mixed": "none: data of unknown licence",
        "told": "**research use only**",
        "nothing": "none: data of unknown licence",
        "kept": "**research use only**",
    }
    assert rows[4][2] == "research use (Urban100 photographs); CC BY 4.0"
    assert rows[0][2].startswith("CC BY-NC 4.0 (DAVIS 2016, ")


def test_the_page_names_the_licence_of_every_weight_file():
    text = (ROOT / "docs/models.md").read_text(encoding="utf-8")
    found = dict(
        re.findall(r"^\| `(\S+\.safetensors)` \| (.*?) \|", text, re.M)
    )
    files = [
        *(ROOT / "sis_keras/weights/files").glob("*.safetensors"),
        *(ROOT / "training").glob("*.safetensors"),
    ]
    assert {path.rpartition("/")[2] for path in found} == {
        path.name for path in files
    }
    # Urban100, in the trainings of all of them, is for research.
    assert set(found.values()) == {"**research use only**"}


def test_every_page_names_the_same_licence_of_davis():
    for page in ("data", "models"):
        text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
        lines = [x for x in text.splitlines() if "DAVIS 2016" in x]
        whole = " ".join(text.split()) if page == "models" else "\n".join(lines)
        assert weight_licences.NON_COMMERCIAL in whole
        assert "BSD, as its package" not in text
