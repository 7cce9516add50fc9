"""The page in demo/, in headless Chromium: python -m benchmarks.page [PICTURE…]

Builds the page around the released sisnet_mobile in several formats, 512x512,
restores each picture once to warm up and then --repeats times, on one thread
and on all cores, and prints the median seconds a tile, as the page itself
counts them, and how the downloaded PNG differs from Python's run of the same
file. Without pictures, those of scikit-image that the demo tests with. Wants
what demo/README.md says, and Chromium. Takes about four minutes on 2 cores.
"""

import argparse
import contextlib
import functools
import http.server
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import cv2
import numpy as np

from benchmarks.local_server import serving
from benchmarks.reporting import machine, text_table
from sis_keras.commands.program import Parser
from sis_keras.data.open_source import open_source
from sis_keras.files.pictures import read_rgb
from sis_keras.restoring.litert import LiteRTRestorer

DEMO = pathlib.Path(__file__).parents[1] / "demo"
CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser"))), None
)
FLAGS = [
    "--no-sandbox",  # Which Chromium refuses to have as root.
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# With these a server lets the page use threads.
ISOLATED = [
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Embedder-Policy", "require-corp"),
]
# Seen by the page's script before it makes its worker.
COUNT = """
  window.Worker = class extends Worker {
    constructor(...given) {
      super(...given);
      this.addEventListener("message", ({ data }) => {
        if (data.total) window.tiles = data.total;
        if (data.seconds) window.seconds = data.seconds;
      });
    }
  };
"""
FORMATS = ("none", "dynamic", "int8")
HEADER = [
    "format",
    "threads",
    "MB",
    "s a tile",
    "bytes that differ",
    "by at most",
]


def export(path, quantize: str = "int8") -> None:
    """Makes the file that demo/README.md builds the page around."""
    command = "export.py --format=tflite --weights=sisnet_mobile"
    command += f" --size=512x512 --quantize={quantize} --output={path}"
    subprocess.run(
        [sys.executable, *command.split()],
        cwd=DEMO.parent,
        check=True,
        capture_output=True,
    )


def build(model, output) -> None:
    """Builds the page around a LiteRT file into a folder."""
    command = ["node", "build.mjs", f"--model={model}", f"--output={output}"]
    subprocess.run(command, cwd=DEMO, check=True, capture_output=True)


class _Handler(http.server.SimpleHTTPRequestHandler):
    """A static server; `headers_added` are what it adds."""

    headers_added = ()

    def end_headers(self):
        for header in self.headers_added:
            self.send_header(*header)
        super().end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def served(folder, headers=()):
    """Yields the address of a folder."""
    kind = type("Handler", (_Handler,), {"headers_added": headers})
    with serving(functools.partial(kind, directory=folder)) as address:
        yield f"http://{address}/"


def choose(page, name, content, kind="image/png"):
    """Gives the page a picture file."""
    file = {"name": name, "mimeType": kind, "buffer": content}
    page.set_input_files("#choose", files=[file])


def restored(page, folder) -> pathlib.Path:
    """What the page lets one download, at its end."""
    page.wait_for_selector("#finished:not([hidden])", timeout=120_000)
    with page.expect_download() as download:
        page.click("#download")
    path = pathlib.Path(folder, download.value.suggested_filename)
    download.value.save_as(path)
    return path


def png(picture) -> bytes:
    return cv2.imencode(".png", picture[..., ::-1])[1].tobytes()


def difference(path, picture, model):
    """How a downloaded PNG differs from Python's run of the LiteRT file.

    Returns:
        The share of its bytes that differ, the most by which one does, and
        the most by which Python's run moved the picture.

    Raises:
        ValueError: The PNG has another size.
    """
    found = cv2.imread(str(path))[..., ::-1]
    if found.shape != picture.shape:
        raise ValueError(f"Expected {picture.shape}. Received: {found.shape}")
    expected = LiteRTRestorer(model)(picture[None].astype(np.float32) / 255)[0]
    apart = np.abs(found - np.rint(expected * 255))
    moved = np.abs(expected * 255 - picture).max()
    return np.mean(apart > 0), apart.max(), moved


def measure(browser, model, built, pictures, headers, repeats):
    """Median seconds a tile, largest share of bytes that differ, and by what.

    The first run of each picture is not timed.
    """
    seconds, shares, most = [], [], 0
    with (
        served(built, headers) as address,
        tempfile.TemporaryDirectory() as folder,
        contextlib.closing(browser.new_context()) as context,
    ):
        page = context.new_page()
        page.add_init_script(COUNT)
        page.goto(address)
        for picture in pictures:
            for repeat in range(1 + repeats):
                choose(page, "picture.png", png(picture))
                path = restored(page, folder)
                if repeat:
                    seconds.append(page.evaluate("seconds / tiles"))
            share, apart, _ = difference(path, picture, model)
            shares.append(share)
            most = max(most, apart)
    return statistics.median(seconds), max(shares), most


def rows_of(browser, quantize, pictures, repeats):
    """One format's rows: on one thread, then on all cores."""
    with tempfile.TemporaryDirectory() as folder:
        model, built = pathlib.Path(folder, "model.tflite"), f"{folder}/page"
        export(model, quantize)
        build(model, built)
        for threads, headers in (("one", ()), ("all", ISOLATED)):
            each, share, most = measure(
                browser, model, built, pictures, headers, repeats
            )
            yield [
                quantize,
                threads,
                f"{model.stat().st_size / 1e6:.1f}",
                f"{each:.3f}",
                f"{share:.4%}",
                f"{most:.0f}/255",
            ]


def main():
    from playwright.sync_api import sync_playwright

    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("pictures", nargs="*")
    parser.add_argument("--formats", nargs="+", default=FORMATS)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    pictures = [read_rgb(path) for path in given.pictures] or [
        blurry for _, blurry, _ in open_source("skimage:test").examples()
    ]
    print(f"{machine()}\n\npictures: {[x.shape[:2] for x in pictures]}\n")
    rows = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for quantize in given.formats:
            for row in rows_of(browser, quantize, pictures, given.repeats):
                print(" ".join(row), file=sys.stderr, flush=True)
                rows.append(row)
        browser.close()
    print(text_table(HEADER, rows))


if __name__ == "__main__":
    main()
