"""LiteRT files at any size, and the released one beside Keras."""

import pathlib

import cv2
import numpy as np
import pytest
from skimage import data
from tiny import random_generator

from sis_keras.evaluation.metrics import psnr
from sis_keras.export.litert.convert import fixed_model, float32_file
from sis_keras.files.pictures import to_uint8
from sis_keras.restoring import restorer
from sis_keras.restoring.any_size import AnySizeRestorer
from sis_keras.restoring.deblurrer import Deblurrer
from sis_keras.restoring.litert import (
    LiteRTRestorer,
    read_metadata,
    with_metadata,
)
from sis_keras.weights import released

SIZE = (64, 96)


def random_picture(*shape):
    return np.random.default_rng(2).random((1, *shape, 3), np.float32)


# === Any size ===


@pytest.fixture(scope="module")
def tiny_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("any_size") / "tiny.tflite"
    content = float32_file(fixed_model(random_generator(1), *SIZE))
    path.write_bytes(with_metadata(content, {"size": SIZE}))
    return path


@pytest.fixture(scope="module")
def any_size(tiny_file):
    return AnySizeRestorer(tiny_file)


@pytest.mark.parametrize(
    "shape", [SIZE, (32, 32), (128, 64), (97, 33), (5, 200), (1, 1)]
)
def test_any_size_is_what_keras_computes(any_size, shape):
    blurry = random_picture(*shape)
    missing = [(0, -x % 32) for x in shape]
    padded = np.pad(blurry, [(0, 0), *missing, (0, 0)], "reflect")
    expected = random_generator(1)(padded).numpy()
    found = any_size(blurry)
    assert found.shape == blurry.shape
    whole = expected[:, : shape[0], : shape[1]]
    np.testing.assert_allclose(found, whole, atol=3e-4, rtol=0)


def test_pictures_of_a_batch_stay_apart(any_size):
    batch = np.concatenate([random_picture(*SIZE), 1 - random_picture(*SIZE)])
    for one, found in zip(batch, any_size(batch), strict=True):
        np.testing.assert_array_equal(any_size(one[None])[0], found)


# === The released file ===

NAMES = [x for x, entry in released.manifest().items() if "litert" in entry]


def released_path(name):
    return released.FOLDER / released.manifest()[name]["litert"]["file"]


def test_the_default_weights_have_one():
    assert released.DEFAULT_WEIGHTS in NAMES


@pytest.mark.parametrize("name", NAMES)
def test_it_was_made_of_the_weights_that_are_released(name):
    """`python -m sis_keras.commands.release_litert` makes it anew."""
    entry = released.manifest()[name]
    weights = pathlib.Path(released.FOLDER, entry["file"]).read_bytes()
    assert entry["litert"]["of"] == released.fingerprint(weights)["sha256"]
    content = released_path(name).read_bytes()
    assert released.fingerprint(content)["sha256"] == entry["litert"]["sha256"]
    metadata = read_metadata(content)
    assert metadata["weights"]["sha256"] == entry["litert"]["of"]
    assert metadata["card"] == entry["card"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("shape", [(150, 201), (240, 320)])
def test_pictures_are_those_of_keras(name, shape, monkeypatch):
    sharp = data.astronaut()[50 : 50 + shape[0], 100 : 100 + shape[1]]
    # As long as streaks are of which the weights take away much.
    blurry = cv2.blur(sharp, (9, 1))
    by_keras = Deblurrer(name, precision="float32")(blurry)
    monkeypatch.setattr(released, "is_installed", lambda name: False)
    monkeypatch.setattr(released, "require", lambda *_: None)
    deblurrer = Deblurrer(name)
    found = deblurrer(blurry)
    assert psnr(found, by_keras) > 50.0
    gain = psnr(by_keras, sharp) - psnr(blurry, sharp)
    assert psnr(found, sharp) - psnr(blurry, sharp) > 0.9 * gain > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_it_computes_what_a_file_of_the_size_computes(name):
    """As LiteRT runs it at the size that it was exported for."""
    fixed = LiteRTRestorer(released_path(name))
    blurry = random_picture(*fixed.size)
    found = AnySizeRestorer(released_path(name))(blurry)
    np.testing.assert_array_equal(found, fixed(blurry))
    assert (to_uint8(found) != to_uint8(blurry)).any()


def test_a_report_calls_it_by_its_name_and_not_by_a_path():
    name = released.DEFAULT_WEIGHTS
    file = released_path(name)
    assert restorer.load_restorer(file).name == file.name


def test_where_tensorflow_is_keras_restores():
    loaded = restorer.load_restorer(released.DEFAULT_WEIGHTS)
    assert isinstance(loaded, restorer.KerasRestorer)
