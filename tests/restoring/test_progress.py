"""The bar over many files: in pixels, from their heads alone."""

import contextlib
import io
import re
import threading
import types

import numpy as np
import pytest
import tqdm
from clips import make_video
from PIL import Image

from sis_keras.restoring import areas, progress, work
from sis_keras.restoring.jobs import Job, find_jobs


class Terminal(io.StringIO):
    def isatty(self):
        return True


class AtOnce:
    """A thread that has ended before the first tile."""

    def __init__(self, target, args, daemon):
        self.start = lambda: target(*args)
        self.join = lambda: None


@pytest.fixture
def terminal(monkeypatch):
    """Whatever is done is shown at once; heads are read at the beginning."""

    def bar(**options):
        return tqdm.tqdm(mininterval=0, ncols=120, **options)

    monkeypatch.setattr(progress, "tqdm", bar)
    made = types.SimpleNamespace(Thread=AtOnce, Event=threading.Event)
    monkeypatch.setattr(progress, "threading", made)
    return Terminal()


def job(path):
    return Job(path, path.with_suffix(".out"), None, path.suffix == ".mp4")


def picture(path, width, height, frames=1):
    every = [
        Image.fromarray(np.full((height, width, 3), 9 * i, np.uint8))
        for i in range(frames)
    ]
    every[0].save(path, save_all=frames > 1, append_images=every[1:])
    return path


# === Areas ===


@pytest.mark.parametrize(
    "name, frames", [("a.jpg", 1), ("a.png", 1), ("a.tif", 3), ("a.gif", 2)]
)
def test_pixels_of_all_frames(tmp_path, name, frames):
    path = picture(tmp_path / name, 70, 30, frames)
    assert areas.picture_pixels(path) == 70 * 30
    assert areas.job_pixels(job(path)) == 70 * 30 * frames


def test_pixels_of_a_video(tmp_path):
    path = make_video(tmp_path / "a.mp4", frames=7, size=(48, 64))
    assert areas.job_pixels(job(path)) == 7 * 48 * 64


def test_the_head_is_enough(tmp_path):
    path = picture(tmp_path / "a.jpg", 700, 300)
    whole = path.read_bytes()
    path.write_bytes(whole[:700])
    assert areas.job_pixels(job(path)) == 700 * 300


def test_what_does_not_say_has_as_many_as_bytes(tmp_path):
    for name in ("a.jpg", "a.mp4"):
        (tmp_path / name).write_bytes(bytes(123))
        assert areas.job_pixels(job(tmp_path / name)) == 123
        assert areas.job_pixels(job(tmp_path / f"no_{name}")) == 0


# === The bar ===


def run(path, terminal, tiles=4):
    """Over files, each picture in so many tiles."""

    def deblur(image, count):
        for done in range(tiles + 1):
            count(done, tiles)
        return image

    jobs = find_jobs([str(path)]).jobs
    with contextlib.redirect_stderr(terminal):
        work.Run(lambda: deblur)(jobs)


def shown(terminal):
    """(done, all) of each time that the bar with all of them was drawn."""
    found = re.findall(r"\| (\S+?)/(\S+) \[", terminal.getvalue())
    return list(dict.fromkeys(found))


def test_tiles_count_by_their_area(tmp_path, terminal):
    (tmp_path / "in").mkdir()
    picture(tmp_path / "in/a.png", 200, 100)
    picture(tmp_path / "in/b.png", 400, 200)
    run(tmp_path / "in", terminal)
    # 20,000 pixels in steps of 5,000, then 80,000 in steps of 20,000.
    done = [0, 5, 10, 15, 20, 40, 60, 80, 100]
    values = [(number(done), number(all_)) for done, all_ in shown(terminal)]
    assert values == [(1000 * x, 100_000) for x in done]
    assert "file 2 of 2, b.png" in terminal.getvalue()


def number(text):
    units = {"k": 1000, "M": 10**6}
    return float(text.rstrip("kM")) * units.get(text[-1], 1)


def test_files_that_fail_count_too(tmp_path, terminal):
    (tmp_path / "in").mkdir()
    picture(tmp_path / "in/a.png", 200, 100)
    (tmp_path / "in/b.png").write_bytes(bytes(20_000))
    run(tmp_path / "in", terminal)
    assert number(shown(terminal)[-1][0]) == 40_000


def test_pages_count_one_by_one(tmp_path, terminal):
    (tmp_path / "in").mkdir()
    picture(tmp_path / "in/a.tif", 200, 100, frames=3)
    picture(tmp_path / "in/b.png", 200, 100)
    run(tmp_path / "in", terminal, tiles=1)
    found = {number(done) for done, all_ in shown(terminal) if all_ == "80.0k"}
    assert {20_000, 40_000, 60_000, 80_000} <= found


def test_one_picture_has_a_bar_for_its_tiles_alone(tmp_path, terminal):
    path = picture(tmp_path / "a.png", 200, 100)
    run(path, terminal, tiles=1)
    assert terminal.getvalue() == ""
    (tmp_path / "a_deblurred.png").unlink()
    run(path, terminal, tiles=4)
    done = [number(x) for x, _ in shown(terminal)]
    assert done == [0, 5000, 10_000, 15_000, 20_000]


def test_nothing_is_read_or_said_where_nobody_looks(tmp_path, monkeypatch):
    """Standard error is no terminal here."""
    nobody = io.StringIO()
    (tmp_path / "in").mkdir()
    for name in "ab":
        picture(tmp_path / f"in/{name}.png", 20, 10)
    monkeypatch.setattr(progress, "job_pixels", None)
    run(tmp_path / "in", nobody)
    assert nobody.getvalue() == ""
    assert len([*(tmp_path / "in_deblurred").iterdir()]) == 2


def test_heads_are_read_meanwhile(tmp_path, terminal, monkeypatch):
    monkeypatch.setattr(progress, "threading", threading)
    jobs = [job(picture(tmp_path / f"{x}.png", 200, 100)) for x in "ab"]
    with (
        contextlib.redirect_stderr(terminal),
        progress.Progress(jobs) as made,
    ):
        assert made._reader is not threading.current_thread()
        made._reader.join()
        made.begin(jobs[0])
        made.end(jobs[0])
    assert shown(terminal)[-1] == ("20.0k", "40.0k")
