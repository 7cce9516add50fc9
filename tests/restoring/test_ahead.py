"""How many pictures are in memory: a large one is alone."""

import threading

import numpy as np
import pytest
from PIL import Image

from sis_keras.restoring import ahead, work
from sis_keras.restoring.jobs import find_jobs


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """Runs over pictures of such widths; the events, in their order."""
    monkeypatch.setattr(ahead, "LARGE", 100)
    monkeypatch.setattr(work, "LARGE", 100)

    def run(*widths):
        folder = tmp_path / "in"
        folder.mkdir()
        for number, width in enumerate(widths):
            pixels = np.zeros((10, width, 3), np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        events, read_next = [], threading.Event()
        read, write = work.read_photograph, work.write_photograph

        def reading(path, **options):
            events.append(f"read {path.stem}")
            read_next.set()
            return read(path, **options)

        def writing(path, pixels, before, **options):
            assert before.pixels.size == 0  # It is not kept for nothing.
            found = write(path, pixels, before, **options)
            events.append(f"wrote {path.stem}")
            return found

        def deblur(image, progress):
            # Time for whoever reads ahead.
            read_next.clear()
            read_next.wait(0.2)
            events.append("network")
            return image.copy()

        monkeypatch.setattr(work, "read_photograph", reading)
        monkeypatch.setattr(work, "write_photograph", writing)
        work.Run(lambda: deblur)(find_jobs([str(folder)]).jobs)
        return events

    return run


def test_small_ones_are_read_while_the_network_works(counted):
    events = counted(5, 5)
    assert events[:3] == ["read 0", "read 1", "network"]


def test_beside_a_large_one_nothing_is_read_or_written(counted):
    events = counted(5, 50, 5)
    assert [e for e in events if e != "wrote 0"] == [
        "read 0",
        "network",
        "read 1",
        "network",
        "wrote 1",
        "read 2",
        "network",
        "wrote 2",
    ]


def test_what_pillow_does_not_read_is_judged_by_its_size(tmp_path, monkeypatch):
    monkeypatch.setattr(ahead, "LARGE", 100)
    for size, large in ((50, False), (200, True)):
        (tmp_path / "a").write_bytes(bytes(size))
        assert ahead.is_large(tmp_path / "a") is large
    assert not ahead.is_large(tmp_path / "nowhere")
