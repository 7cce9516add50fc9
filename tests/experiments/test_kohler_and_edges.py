"""Table 4 and Figure 8 on made data, and what is said where there is none."""

import csv

import cv2
import numpy as np
import pytest
from places import ROOT
from skimage import data

from experiments import figure8, table4
from experiments.tables import published
from sis_keras.errors import UserError
from sis_keras.evaluation.edges import EdgeScores


def read(path):
    with open(path) as file:
        return list(csv.DictReader(file))


def write(path, picture):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.ascontiguousarray(picture[..., ::-1]))


def results(count=48, infinite=False):
    means = {
        "count": count,
        "blurry": {"psnr_kohler": 24.5, "ssim_kohler": 0.75},
        "restored": {"psnr_kohler": 26.123, "ssim_kohler": 0.81234},
    }
    if infinite:
        means["infinite"] = {"restored": {"psnr_kohler": 2}}
    protocol = {"benchmark": "kohler", "sharp frames": "197 to 199 an image"}
    return {"protocol": protocol, "all": means}


def test_the_printed_values_are_those_of_the_paper():
    rows = {row["method"]: row for row in published("table4")}
    assert len(rows) == 10
    assert rows["SIS-net (paper)"]["psnr"] == "26.79"
    assert max(rows, key=lambda x: float(rows[x]["psnr"])) == "SIS-net (paper)"
    assert max(rows, key=lambda x: float(rows[x]["ssim"])) == "Chi et al."
    head = (ROOT / "experiments/published/table4.csv").read_text()
    assert "10.1109/ACCESS.2020.3028157" in head.splitlines()[0]


def test_table_4_beside_the_printed_rows(tmp_path):
    text = table4.beside_printed(tmp_path, "made", results())
    rows = read(tmp_path / "table4.csv")
    assert [row["method"] for row in rows[-2:]] == ["blurred input", "made"]
    assert (rows[-1]["PSNR"], rows[-1]["SSIM"]) == ("26.12", "0.8123")
    assert "| SRN | 26.75 | 0.837 |" in text
    assert "no comparison" not in text


def test_table_4_says_what_is_no_comparison(tmp_path):
    text = table4.beside_printed(tmp_path, "made", results(3, infinite=True))
    assert "Of 3 pictures, not of 48: no comparison." in text
    assert "Psnr_kohler of 2 restored pictures is infinite" in text


def test_table_4_without_ground_truth(tmp_path):
    write(tmp_path / "Blurry1_3.png", data.astronaut()[:170, :170])
    with pytest.raises(UserError, match="none of the 1 blurred"):
        table4.run(tmp_path, "sisnet_mobile", str(tmp_path), None)


def test_edges_are_means_and_pictures_without_edges_have_no_width():
    scores = {
        "blurry": [
            EdgeScores(1.0, 0.0, 0.0, np.nan),
            EdgeScores(0.5, 0.5, 0.5, 6.0),
        ],
        "restored": [EdgeScores(1.0, 0.0, 0.0, np.nan)],
    }
    assert figure8.rows_of(scores) == [
        ["blurred", "0.750", "0.250", "0.250", "6.00"],
        ["restored", "1.000", "0.000", "0.000", "-"],
    ]


def test_figure_8_of_made_pairs(tmp_path):
    sharp = data.astronaut()[:96, :128]
    for name, width in (("a", 3), ("b", 9)):
        blurred = cv2.blur(sharp, (width, 1))
        write(tmp_path / f"pairs/blur/{name}.png", blurred)
        write(tmp_path / f"pairs/sharp/{name}.png", sharp)
    output = tmp_path / "output"
    text = figure8.run(output, "sisnet_mobile", str(tmp_path / "pairs"), None)
    assert "drawn is b, where the blur has done most" in text
    assert "thresholds 50 and 150" in text
    rows = {row["picture"]: row for row in read(output / "figure8.csv")}
    assert list(rows) == ["blurred", "restored", "sharp"]
    assert rows["sharp"]["F1"] == "1.000"
    assert float(rows["blurred"]["recall"]) < 1
    assert cv2.imread(str(output / "figure8.png")).std() > 10
    assert "<svg" in (output / "figure8.svg").read_text()


def test_figure_8_without_pairs(tmp_path):
    with pytest.raises(UserError, match="blur/ and sharp/"):
        figure8.run(tmp_path, "sisnet_mobile", str(tmp_path), None)
