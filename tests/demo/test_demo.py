"""The page in demo/, in headless Chromium."""

import contextlib
import json
import shutil
import subprocess

import cv2
import keras
import numpy as np
import pytest
import tiny

from benchmarks.page import (
    CHROMIUM,
    DEMO,
    ISOLATED,
    build,
    choose,
    difference,
    export,
    png,
    restored,
    served,
)
from sis_keras.export.litert.convert import fixed_model, float32_file
from sis_keras.restoring.litert import with_metadata
from sis_keras.restoring.tiles import cut_within

TILE = (128, 160)
needs_node = pytest.mark.skipif(
    shutil.which("node") is None, reason="wants node"
)


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory):
    """The page, built around a small random network."""
    if shutil.which("node") is None or CHROMIUM is None:
        pytest.skip("wants node and Chromium")
    if not (DEMO / "node_modules").is_dir():
        pytest.skip("wants the page's packages: cd demo && npm ci")
    folder = tmp_path_factory.mktemp("demo")
    model = folder / "model.tflite"
    generator = tiny.random_generator(seed=3)
    content = float32_file(fixed_model(generator, *TILE))
    model.write_bytes(with_metadata(content, {"size": TILE}))
    build(model, folder / "page")
    return folder / "page"


@pytest.fixture
def opened(page_folder, browser):
    """Opens the page; at the end, nothing but it has been asked for.

    And nothing is an error in the browser's console.
    """
    with contextlib.ExitStack() as stack:

        def open_page(folder=page_folder, headers=(), **options):
            address = stack.enter_context(served(folder, headers))
            context = browser.new_context(**options)
            stack.callback(context.close)
            page = context.new_page()
            asked, errors = [], []
            context.on("request", lambda x: asked.append(x.url))
            page.on("pageerror", lambda x: errors.append(x))
            page.on(
                "console",
                lambda x: x.type == "error" and errors.append(x.text),
            )
            stack.callback(lambda: check(address, asked, errors))
            page.goto(address)
            return page

        def check(address, asked, errors):
            # The model may be on its way yet where a test restores nothing.
            assert f"{address}page.js" in asked
            own = (address, f"blob:{address}")
            assert [url for url in asked if not url.startswith(own)] == []
            assert errors == []

        yield open_page


def photograph(height, width):
    from skimage import data

    return cv2.resize(data.astronaut(), (width, height))


def check_agreement(path, picture, model):
    """At most 0.01 % of the bytes differ, by 1, from Python's run."""
    differing, most, moved = difference(path, picture, model)
    assert moved > 5  # Not the identity.
    assert differing <= 1e-4 and most <= 1


# Under a tile, of a tile, of several with remainders, a single pixel.
@pytest.mark.parametrize("size", [(70, 100), TILE, (301, 437), (1, 1)])
def test_pixels_agree_with_python(opened, page_folder, tmp_path, size):
    page = opened()
    picture = photograph(*size)
    choose(page, "holiday.photo.png", png(picture))
    path = restored(page, tmp_path)
    assert path.name == "holiday.photo_deblurred.png"
    check_agreement(path, picture, page_folder / "model.tflite")


def test_threads_agree_with_python(opened, page_folder, tmp_path):
    page = opened(headers=ISOLATED)
    assert page.evaluate("crossOriginIsolated")
    picture = photograph(150, 200)
    choose(page, "a.png", png(picture))
    path = restored(page, tmp_path)
    check_agreement(path, picture, page_folder / "model.tflite")


def test_released_weights_agree_with_python(opened, page_folder, tmp_path):
    del page_folder  # It skips where the page cannot be built.
    model = tmp_path / "model.tflite"
    export(model)
    build(model, tmp_path / "page")
    page = opened(tmp_path / "page")
    picture = photograph(540, 700)
    choose(page, "a.png", png(picture))
    check_agreement(restored(page, tmp_path), picture, model)


def test_a_photo_is_turned_upright(opened, tmp_path):
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6  # Turned by a quarter, as phones write it.
    path = tmp_path / "portrait.jpg"
    Image.fromarray(photograph(120, 200)).save(path, exif=exif, quality=95)
    page = opened()
    choose(page, "portrait.jpg", path.read_bytes(), "image/jpeg")
    found = restored(page, tmp_path)
    assert found.name == "portrait_deblurred.jpg"
    assert Image.open(found).format == "JPEG"
    assert Image.open(found).size == (120, 200)
    shown = page.evaluate(
        "[before.width, before.height, after.width, after.height]"
    )
    assert shown == [120, 200, 120, 200]


def test_what_is_transparent_gets_a_white_ground(opened, tmp_path):
    page = opened()
    picture = np.zeros((40, 50, 4), np.uint8)
    choose(page, "logo.png", cv2.imencode(".png", picture)[1].tobytes())
    restored(page, tmp_path)
    pixel = page.evaluate(
        "[...before.getContext('2d').getImageData(20, 20, 1, 1).data]"
    )
    assert pixel == [255, 255, 255, 255]


def test_a_bad_file_gives_one_line(opened, tmp_path):
    page = opened()
    choose(page, "notes.jpg", b"no picture", "image/jpeg")
    page.wait_for_selector("#message:not([hidden])")
    message = page.inner_text("#message")
    assert message == (
        "Expected a picture that this browser can read, such as JPEG, PNG or "
        "WebP. Received: notes.jpg."
    )
    choose(page, "good.png", png(photograph(50, 60)))
    restored(page, tmp_path)
    assert page.is_hidden("#message")


def test_a_large_picture_is_shrunk_only_when_one_says_so(opened):
    page = opened()
    choose(page, "wide.png", png(np.full((20, 20000, 3), 90, np.uint8)))
    page.wait_for_selector("#message:not([hidden])")
    message = page.inner_text("#message-text")
    assert message.endswith("Received: 20000×20.")
    assert page.is_hidden("#result")
    assert page.inner_text("#shrink") == "Shrink it to 16384×16 and go on"
    page.click("#shrink")
    page.wait_for_selector("#result:not([hidden])")
    assert page.evaluate("[before.width, before.height]") == [16384, 16]
    page.click("#cancel")
    assert page.is_visible("#start")


def test_a_model_of_another_kind_gives_one_line(opened, page_folder, tmp_path):
    folder = tmp_path / "page"
    shutil.copytree(page_folder, folder)
    blurry = keras.Input((40, 40, 1), batch_size=1)
    grey = keras.Model(blurry, keras.layers.ReLU()(blurry))
    (folder / "model.tflite").write_bytes(float32_file(grey))
    page = opened(folder)
    page.wait_for_selector("#message:not([hidden])")
    message = page.inner_text("#message")
    assert "expected a model of one float32 picture" in message
    assert "Received: float32 (1,40,40,1)" in message


def test_the_slider_moves(opened, tmp_path):
    page = opened()
    choose(page, "a.png", png(photograph(100, 200)))
    restored(page, tmp_path)

    def hidden():
        """Percent of the width at which the layer with after begins."""
        style = "getComputedStyle(document.querySelector('.layer')).clipPath"
        return float(page.evaluate(style).split()[-1].rstrip("%)"))

    assert hidden() == 50
    page.focus("#split")
    for _ in range(3):
        page.keyboard.press("ArrowRight")
    assert hidden() == 53
    slider = page.get_by_role("slider", name="Line between before and after")
    assert slider.get_attribute("aria-valuetext") == "53 percent before"
    box = page.locator("#viewer").bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.53 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.2 * box["width"], middle)
    page.mouse.up()
    assert abs(hidden() - 20) <= 1
    page.click("#zoom")
    transform = page.evaluate("after.style.transform")
    assert "scale(2)" in transform
    page.mouse.move(box["x"] + 0.7 * box["width"], middle)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], middle)
    page.mouse.up()
    assert page.evaluate("after.style.transform") != transform
    assert abs(hidden() - 20) <= 1


def test_a_dropped_picture_is_restored(opened, tmp_path):
    page = opened()
    content = list(png(photograph(40, 50)))
    page.evaluate(
        """(bytes) => {
          const dataTransfer = new DataTransfer();
          const content = [new Uint8Array(bytes)];
          dataTransfer.items.add(new File(content, "dropped.png"));
          document.body.dispatchEvent(
            new DragEvent("drop", { dataTransfer, bubbles: true }));
        }""",
        content,
    )
    assert restored(page, tmp_path).name == "dropped_deblurred.png"


def test_a_phone_shows_it_all(opened, tmp_path):
    page = opened(
        viewport={"width": 390, "height": 844},
        device_scale_factor=3,
        is_mobile=True,
        has_touch=True,
    )
    assert page.get_attribute("#camera", "capture") == "environment"
    assert page.is_visible("text=Take a photo")
    overflow = "document.documentElement.scrollWidth - innerWidth"
    assert page.evaluate(overflow) == 0
    page.tap("#example")
    restored(page, tmp_path)
    assert page.evaluate(overflow) == 0
    for name in ("download", "zoom", "another"):
        box = page.locator(f"#{name}").bounding_box()
        assert box["y"] + box["height"] <= 844 and box["height"] >= 44
    page.tap("#viewer", position={"x": 100, "y": 50})
    width = page.locator("#viewer").bounding_box()["width"]
    split = float(page.input_value("#split"))
    assert abs(split - 100 * 100 / width) <= 1


# What is wider than the window, or cut at its edge.
OUTSIDE = """
  [...document.querySelectorAll("body *:not(.viewer *)")].filter((element) => {
    const { left, right, width } = element.getBoundingClientRect();
    return width > 1 && (left < 0 || right > innerWidth + 0.5);
  }).map((element) => element.outerHTML.slice(0, 80))
"""


@pytest.mark.parametrize("touch", [False, True])
@pytest.mark.parametrize("width", [320, 375, 768])
def test_nothing_is_wider_than_the_window(opened, tmp_path, width, touch):
    size = {"width": width, "height": 720}
    page = opened(viewport=size, has_touch=touch, is_mobile=touch)

    def check():
        found = page.evaluate("document.documentElement.scrollWidth")
        assert found == width
        assert page.evaluate(OUTSIDE) == []

    check()
    choose(page, "wide.png", png(np.full((20, 20000, 3), 90, np.uint8)))
    page.wait_for_selector("#message:not([hidden])")
    check()
    choose(page, f"{'long' * 30}.jpg", b"no picture", "image/jpeg")
    page.wait_for_selector("#message:not([hidden])")
    check()
    for size in ((70, 900), (900, 70)):
        choose(page, "a.png", png(photograph(*size)))
        restored(page, tmp_path)
        check()
        page.click("#zoom")
        check()


@needs_node
def test_tiles_are_those_of_python():
    script = """
      import { cut } from "./src/tiles.js";
      const cuts = [];
      for (const most of [32, 100, 128, 512, 720])
        for (let length = 1; length < 3000; length += 13)
          cuts.push([length, most, cut(length, most)]);
      console.log(JSON.stringify(cuts));
    """
    done = subprocess.run(
        ["node", "--input-type=module", "--eval", script],
        cwd=DEMO,
        check=True,
        capture_output=True,
    )
    for length, most, found in json.loads(done.stdout):
        expected = [span._asdict() for span in cut_within(length, most, 192)]
        assert found == expected
