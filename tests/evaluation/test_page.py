"""The report as a page: what it says, and how a browser shows it."""

import errno
import html.parser
import math
import os
import re

import cv2
import numpy as np
import pytest

from sis_keras.errors import UserError
from sis_keras.evaluation import page
from sis_keras.evaluation.evaluate import evaluate, score_into
from sis_keras.files.pictures import read_rgb

NAME = "Straße <b>\"x\" & 'y'/東 1"
SIZE = 90, 160


def photograph(height, width, number=0):
    """Part of a photograph, blurred, and as it is."""
    from skimage import data

    sharp = cv2.resize(data.astronaut()[: 300 + 20 * number], (width, height))
    return cv2.GaussianBlur(sharp, (0, 0), 1.5), sharp


def examples(names=(NAME, "a/2", "a/3", "b/1"), size=SIZE):
    for number, name in enumerate(names):
        yield name, *photograph(*size, number)


def sharpen(batch):
    soft = cv2.GaussianBlur(batch[0], (0, 0), 1.0)
    return np.clip(1.5 * batch - 0.5 * soft[None], 0.0, 1.0)


def report(folder, restorer=sharpen, given=examples, **arguments):
    arguments = {"metrics": ["psnr", "ssim_gaussian", "shift_red"], **arguments}
    return score_into(
        folder / "scores",
        restorer,
        given,
        {"source": "half:FOLDER & more", "weights": "<made>", "input": "blur"},
        report=folder / "page",
        **arguments,
    )


class Parsed(html.parser.HTMLParser):
    """Texts by tag, cells by row, and the addresses that a page names."""

    def __init__(self, folder):
        super().__init__()
        self.texts, self.rows, self.addresses = {}, [], []
        self._tag = ""
        self.feed((folder / "page" / "index.html").read_text("utf-8"))

    def handle_starttag(self, tag, attrs):
        self._tag = tag
        self.texts.setdefault(tag, []).append("")
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        self.addresses += [v for k, v in attrs if k in ("src", "href")]

    def handle_endtag(self, tag):
        self._tag = ""

    def handle_data(self, data):
        if self._tag in self.texts:
            self.texts[self._tag][-1] += data
        if self._tag in ("td", "th"):
            self.rows[-1][-1] += data


# === What it says ===


def test_it_holds_every_figure(tmp_path):
    results = report(tmp_path)
    parsed = Parsed(tmp_path)
    rows = {row[0]: row[1:] for row in parsed.rows}
    for metric, name, digits in (
        ("PSNR", "psnr", 3),
        ("SSIM gaussian", "ssim_gaussian", 4),
        ("shift red", "shift_red", 3),
    ):
        everything = results["all"]
        expected = [
            f"{everything['blurry'][name]:.{digits}f}",
            f"{everything['restored'][name]:.{digits}f}",
            f"{everything['gain'][name]:+.{digits}f}",
        ]
        assert rows[metric] == expected
    for image in results["images"]:
        psnr = [image[x]["psnr"] for x in ("blurry", "restored")]
        assert rows[image["name"]][:2] == [f"{x:.3f}" for x in psnr]
        assert len(rows[image["name"]]) == 3 * 3 + 2
    assert len(rows["a (n=2)"]) == 3 * 3 + 2
    assert parsed.texts["h1"] == ["<made>, on half:FOLDER & more"]
    protocol = dict(zip(parsed.texts["dt"], parsed.texts["dd"], strict=True))
    assert protocol["input"] == "blur" and protocol["resolution"] == "160x90"
    assert "peak 255" in protocol["metrics.psnr"]


def test_names_are_words_and_no_html(tmp_path):
    report(tmp_path)
    parsed = Parsed(tmp_path)
    assert any(row[0] == NAME for row in parsed.rows)
    assert "b" not in parsed.texts


def test_bytes_that_are_no_name_are_shown(tmp_path):
    name = os.fsdecode(b"a/\xff\xfe.png")
    report(tmp_path, given=lambda: examples([name]))
    assert any(r"a/\udcff\udcfe.png" in row for row in Parsed(tmp_path).rows)


def test_pictures_and_places_are_those_of_the_results(tmp_path):
    """In one picture one place is blurred: there the box lies."""
    sharp = np.random.default_rng(0).integers(
        256, size=(*SIZE, 3), dtype=np.uint8
    )
    blurry = sharp.copy()
    blurry[20:65, 60:140] = 128
    report(tmp_path, lambda x: 1 - x, lambda: [("a/1", blurry, sharp)])
    text = (tmp_path / "page" / "index.html").read_text()
    (box,) = {*re.findall('class="box" style="([^"]*)"', text)}
    sides = dict(x.split(":") for x in box.split(";"))
    top, left, height, width = (
        float(sides[side].rstrip("%")) / 100
        for side in ("top", "left", "height", "width")
    )
    assert (height, width) == (0.5, 0.5)
    row, column = round(top * 90), round(left * 160)
    for name, picture in (
        ("blurry", blurry),
        ("restored", 255 - blurry),
        ("sharp", sharp),
    ):
        crop = picture[row : row + 45, column : column + 80]
        found = read_rgb(tmp_path / "page" / f"best_{name}_enlarged.png")
        factor = len(found) // 45
        assert factor > 1
        np.testing.assert_array_equal(
            found, np.kron(crop, np.ones((factor, factor, 1), np.uint8))
        )


def test_the_input_alone_has_no_gain(tmp_path):
    report(tmp_path, None)
    parsed = Parsed(tmp_path)
    assert ["All (n=4)", "blurry"] in parsed.rows
    assert len(parsed.texts["svg"]) == 1
    assert not list((tmp_path / "page").glob("*restored*"))


def test_what_is_infinite_is_said(tmp_path):
    sharp = photograph(*SIZE)[1]
    report(
        tmp_path, given=lambda: [("a/1", sharp, sharp)], restorer=lambda x: x
    )
    notes = Parsed(tmp_path).texts["p"]
    assert "1 infinite (before) left out." in notes
    assert any("infinite for 1 of 1 images" in note for note in notes)


def test_the_first_metric_where_psnr_was_not_asked_for(tmp_path):
    report(tmp_path, metrics=["shift_red"])
    words = Parsed(tmp_path).texts["text"]
    assert "gain of shift red" in words


# === Where it is written ===


def test_a_folder_with_something_in_it_is_left_alone(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "mine.txt").write_text("mine")

    def refuse():
        raise AssertionError("before any picture is read")

    with pytest.raises(UserError, match="`report=.*page`.*Remove it"):
        report(tmp_path, given=refuse)
    assert [x.name for x in (tmp_path / "page").iterdir()] == ["mine.txt"]
    assert not (tmp_path / "scores").exists()


def test_an_empty_folder_is_taken(tmp_path):
    (tmp_path / "page").mkdir()
    report(tmp_path)
    assert (tmp_path / "page" / "index.html").exists()
    assert {x.name for x in tmp_path.iterdir()} == {"page", "scores"}


def test_a_place_below_a_file_is_refused_before_the_work(tmp_path):
    (tmp_path / "page").write_text("mine")
    with pytest.raises(UserError, match="where something is already"):
        report(tmp_path)
    with (
        pytest.raises(UserError, match="folder to write into"),
        page.new_page(tmp_path / "page/x"),
    ):
        raise AssertionError("it was made")


def test_what_fails_leaves_nothing(tmp_path):
    with pytest.raises(UserError, match="finite"):
        report(tmp_path, lambda x: x * math.nan)
    assert not list(tmp_path.iterdir())


def test_a_full_disk_names_the_folder(small_disk):
    results = evaluate(None, examples(size=(400, 600)), progress=False)
    rows = [("best", results["images"][0], {})]
    _, blurry, sharp = next(examples(size=(400, 600)))
    rows[0][2].update(blurry=blurry, sharp=sharp)
    with (
        pytest.raises(OSError) as caught,
        page.new_page(small_disk / "page") as folder,
    ):
        page.write_page(folder, results, rows)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(small_disk / "page")
    assert not list(small_disk.iterdir())


# === In a browser ===


@pytest.mark.parametrize("width", [390, 1280])
def test_a_browser_shows_it_without_a_network(tmp_path, browser, width):
    report(tmp_path)
    context = browser.new_context(
        viewport={"width": width, "height": 844}, offline=True
    )
    opened, asked, errors = context.new_page(), [], []
    opened.on("request", lambda x: asked.append(x.url))
    opened.on("pageerror", lambda x: errors.append(x))
    opened.on("console", lambda x: errors.append(x.text))
    opened.goto((tmp_path / "page" / "index.html").as_uri())
    folder = (tmp_path / "page").as_uri()
    assert all(x.startswith((folder, "data:")) for x in asked)
    assert len(asked) > 18 and not errors
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert opened.evaluate(overflow) == 0
    shown = opened.evaluate(
        "[...document.images].map(x => [x.complete, x.naturalWidth])"
    )
    assert len(shown) == 18 and all(done and side for done, side in shown)
    # A box lies where its picture is.
    for whole, box in zip(
        opened.locator(".whole").all(),
        opened.locator(".box").all(),
        strict=True,
    ):
        outer, inner = whole.bounding_box(), box.bounding_box()
        assert inner["width"] == pytest.approx(outer["width"] / 2, abs=1)
        assert outer["x"] - 0.5 <= inner["x"]
        assert inner["x"] + inner["width"] <= outer["x"] + outer["width"] + 0.5
    # Beside each other where there is room.
    first, second = (
        x.bounding_box() for x in opened.locator(".row figure").all()[:2]
    )
    assert (first["y"] == second["y"]) == (width > 700)
    # The first table is read without scrolling.
    table = opened.locator(".wide").first
    assert table.evaluate("x => x.scrollWidth - x.clientWidth") == 0
    for summary in opened.locator("summary").all():
        summary.click()
    assert opened.evaluate(overflow) == 0
    context.close()
