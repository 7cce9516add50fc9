"""Tables, JSON and CSV: what was measured comes back from the files."""

import csv
import json
import math

import numpy as np
import pytest

from sis_keras.evaluation import report
from sis_keras.evaluation.evaluate import evaluate


def grey(level):
    return np.full((12, 16, 3), level, np.uint8)


@pytest.fixture
def results():
    """Two sequences; the second one's image is restored exactly."""
    examples = [
        ("street/1", grey(90), grey(100)),
        ("street/2", grey(95), grey(100)),
        ("tree/1", grey(98), grey(100)),
    ]
    return evaluate(
        lambda batch: batch + np.float32(2 / 255),
        examples,
        metrics=["psnr", "ssim_gaussian", "shift_red"],
        protocol={"input": "blur", "device": "two\nlines"},
        progress=False,
    )


def lines_of(text, start):
    return [line for line in text.splitlines() if line.startswith(start)]


def test_table_shows_images_sequences_and_all(results):
    text = report.text_table(results)
    # 20 log10(255 / 10) and 20 log10(255 / 8).
    row = lines_of(text, "street/1")[0].split()
    assert row[1:4] == ["28.131", "30.069", "+1.938"]
    assert lines_of(text, "street (n=2)")
    row = lines_of(text, "shift red")[0].split()
    assert row[2:] == ["-5.667", "-3.667", "+2.000"]
    assert lines_of(text, "tree/1")[0].split()[2] == "inf"
    notes = lines_of(text, "PSNR restored: infinite for 1 of 3 images")
    assert len(notes) == 1
    assert lines_of(text, "  input: blur")
    assert lines_of(text, "  device: two lines")
    assert lines_of(text, "  metrics.ssim_gaussian: SSIM of each RGB channel")


def test_table_columns_are_aligned(results):
    lines = report.text_table(results).splitlines()
    start = [line[:5] for line in lines].index("Image")
    block = lines[start : start + 4]
    assert len({len(line) for line in block}) == 1
    # A metric's name begins two spaces after the column before it ends.
    heading = lines[start - 1]
    assert heading.index("PSNR") == len("street/1") + 2
    first_gain = block[0].index("gain") + len("gain")
    assert heading.index("SSIM gaussian") == first_gain + 2


def test_table_leaves_out_the_rows_of_many_images(results):
    text = report.text_table(results, max_images=2)
    assert not lines_of(text, "street/1")
    assert lines_of(text, "3 images: each one is in JSON and CSV.")
    assert lines_of(text, "street (n=2)")


def test_table_of_identity_has_the_input_alone():
    results = evaluate(
        None, [("1", grey(90), grey(100))], metrics=["psnr"], progress=False
    )
    text = report.text_table(results)
    assert lines_of(text, ". (n=1)")[0].split()[2:] == ["28.131"]
    assert "restored" not in text
    assert "seconds" not in text


def test_json_holds_everything(results, tmp_path):
    report.write_json(tmp_path / "new" / "scores.json", results)

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    text = (tmp_path / "new" / "scores.json").read_text()
    loaded = json.loads(text, parse_constant=refuse)
    assert loaded["images"][2]["restored"].pop("psnr") == "inf"
    assert loaded["images"][2]["gain"].pop("psnr") == "inf"
    for column in ("restored", "gain"):
        del results["images"][2][column]["psnr"]
        del results["sequences"]["tree"][column]["psnr"]
        del loaded["sequences"]["tree"][column]["psnr"]
    assert loaded == results


def test_csv_holds_every_number_and_the_protocol(results, tmp_path):
    report.write_csv(tmp_path / "scores.csv", results)
    lines = (tmp_path / "scores.csv").read_text().splitlines()
    head = [line for line in lines if line.startswith("#")]
    assert head[:2] == ["# input: blur", "# device: two lines"]
    assert any(line.startswith("# software.numpy: ") for line in head)
    rows = list(csv.DictReader(lines[len(head) :]))
    assert [(row["scope"], row["name"], row["images"]) for row in rows] == [
        ("image", "street/1", "1"),
        ("image", "street/2", "1"),
        ("image", "tree/1", "1"),
        ("sequence", "street", "2"),
        ("sequence", "tree", "1"),
        ("all", "", "3"),
    ]
    assert (
        float(rows[0]["blurry_psnr"]) == results["images"][0]["blurry"]["psnr"]
    )
    assert float(rows[0]["seconds"]) == results["images"][0]["seconds"]
    assert float(rows[2]["restored_psnr"]) == math.inf
    assert float(rows[5]["gain_shift_red"]) == pytest.approx(2.0)
    assert rows[5]["infinite"] == "restored_psnr=1 gain_psnr=1"


def test_a_failed_write_leaves_the_old_file(results, tmp_path):
    path = tmp_path / "scores.json"
    path.write_text("old")
    with pytest.raises(TypeError):
        report.write_json(path, results | {"images": {1, 2}})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
