"""LiteRT files as restorers: metadata, sizes, tiles."""

import functools
import itertools
import json

import numpy as np
import pytest
from tiny import random_generator

from sis_keras.errors import UserError
from sis_keras.export.litert.convert import fixed_model, float32_file
from sis_keras.restoring.litert import (
    LiteRTRestorer,
    read_metadata,
    with_metadata,
)

SIZE = (64, 96)
FACTS = {"arguments": {"width_multiplier": 0.25}, "card": {"preset": "é"}}


@functools.cache
def generator():
    return random_generator(1)


@functools.cache
def content(io="float32"):
    model = fixed_model(generator(), *SIZE, io)
    return float32_file(model)


@pytest.fixture(params=["float32", "uint8"])
def restorer(request, tmp_path):
    facts = {**FACTS, "size": list(SIZE), "io": request.param}
    path = tmp_path / "tiny.tflite"
    path.write_bytes(with_metadata(content(request.param), facts))
    return LiteRTRestorer(path)


def picture(*shape):
    random = np.random.default_rng(2)
    values = random.integers(0, 256, (*shape, 3), np.uint8)
    return values / np.float32(255)


def assert_close(found, expected, restorer):
    """Rounded to uint8, a value may fall to either side of a half."""
    levels = 0.5001 if restorer.metadata["io"] == "uint8" else 3e-4
    np.testing.assert_allclose(found, expected, atol=levels / 255, rtol=0)


def restored(blurry):
    """Keras's, of the whole picture."""
    return generator()(blurry[None]).numpy()[0]


def test_metadata_comes_back_and_the_network_stays(restorer):
    assert restorer.metadata == {
        **FACTS,
        "size": [64, 96],
        "io": restorer.metadata["io"],
    }
    assert restorer.name == "tiny.tflite" and restorer.size == SIZE
    assert read_metadata(content()) is None


def test_the_size_of_the_file(restorer):
    blurry = picture(*SIZE)
    assert_close(restorer(blurry[None])[0], restored(blurry), restorer)


@pytest.mark.parametrize("shape", [(1, 1), (5, 96), (63, 95), (64, 20)])
def test_smaller_pictures(restorer, shape):
    """All that the network sees beyond the picture is its reflection."""
    blurry = picture(*shape)
    missing = [(0, a - b) for a, b in zip(SIZE, shape, strict=True)]
    padded = np.pad(blurry, [*missing, (0, 0)], "reflect")
    whole = restored(padded)[: shape[0], : shape[1]]
    assert_close(restorer(blurry[None])[0], whole, restorer)


@pytest.mark.parametrize("shape", [(65, 96), (200, 97), (130, 300)])
def test_larger_pictures_are_what_the_network_makes_of_the_whole(
    restorer, shape
):
    """The tiny network sees 2 pixels around, so a seam can only be there;
    what is further from every tile's edge is exact."""
    blurry = picture(*shape)
    found, whole = restorer(blurry[None])[0], restored(blurry)
    exact = np.ones(shape, bool)
    for axis, cuts in enumerate(restorer.cut(*shape)):
        for edge in {x for span in cuts for x in span} - {0}:
            near = [slice(None)] * 2
            near[axis] = slice(max(edge - 2, 0), edge + 2)
            exact[tuple(near)] = False
    assert exact.mean() > 0.5
    assert_close(found[exact], whole[exact], restorer)
    assert np.abs(found - whole).max() < 0.2


def test_tiles_cover_and_fit(restorer):
    for length in (97, 128, 1000, 4096):
        rows, columns = restorer.cut(length, length)
        for spans, most in zip((rows, columns), SIZE, strict=True):
            assert spans[0].start == 0 and spans[-1].stop == length
            assert all(b - a <= most for a, b in spans)
            overlaps = [a.stop - b.start for a, b in itertools.pairwise(spans)]
            # No row is in three tiles, and neighbours do overlap or touch.
            assert all(x >= 0 for x in overlaps)
            assert all(
                a.stop <= b.start
                for a, b in zip(spans, spans[2:], strict=False)
            )


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"no flatbuffer at all, but some text",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: content(),
    ],
)
def test_files_of_others_are_refused(tmp_path, damage):
    path = tmp_path / "odd.tflite"
    path.write_bytes(damage(with_metadata(content(), {**FACTS, "size": SIZE})))
    with pytest.raises(UserError, match="odd.tflite"):
        LiteRTRestorer(path)


def test_metadata_is_plain_json():
    file = with_metadata(content(), {"size": [1, 2]})
    assert json.dumps({"size": [1, 2]}).encode() in file
