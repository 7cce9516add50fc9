"""Released weights: found by name, checked."""

import pathlib
import tomllib

import cv2
import numpy as np
import pytest
import tiny
from skimage import data

from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.export import release as releasing
from sis_keras.networks.presets import PRESETS
from sis_keras.restoring.restorer import load_restorer, restore
from sis_keras.weights import released
from sis_keras.weights.generators import GENERATOR, model_tensors, save_weights
from sis_keras.weights.tensors import encode_tensors, read_tensors

ROOT = pathlib.Path(released.__file__).parents[2]
METADATA = {"arguments": {}, "card": {"step": 7}}


def add(name, seed):
    generator = tiny.random_generator(seed)
    tensors = model_tensors(generator, GENERATOR)
    data = b"".join(encode_tensors(tensors, METADATA))
    return releasing.add(name, data, {"preset": "tiny", "card": {}})


@pytest.fixture
def entry(released_folder):
    return add("tiny", 1)


# === Looking up and loading ===


def test_a_name_loads_what_was_released(released_folder, entry):
    restorer = load_restorer("tiny")
    assert restorer.name == "tiny"
    assert restorer.metadata["card"]["step"] == 7
    blurry = np.random.default_rng(0).random((1, 9, 11, 3), np.float32)
    expected = tiny.random_generator(1)(blurry, training=False)
    np.testing.assert_allclose(restorer(blurry), expected, atol=1e-6)
    assert np.abs(restorer(blurry) - blurry).max() > 0.01
    tensors, _ = read_tensors("tiny", GENERATOR)
    assert len(tensors) == len(tiny.make_generator().variables)


def test_a_path_stays_a_path(released_folder, entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tiny", "tiny.safetensors"):
        save_weights(name, tiny.random_generator(2), {}, {})
    assert released.weight_file("tiny") == released_folder / entry["file"]
    for path in ("./tiny", "tiny.safetensors", str(tmp_path / "tiny")):
        assert released.weight_file(path).samefile(tmp_path / path)
        kernels, _ = read_tensors(path, "generator/trunk/kernel")
        (kernel,) = kernels.values()
        np.testing.assert_array_equal(
            kernel, tiny.random_generator(2).get_weights()[0]
        )


def test_an_unknown_name_lists_those_there_are(released_folder, entry):
    add("second", 2)
    message = r"path of .*\(second, tiny\)\. Received: thrid, which does not"
    with pytest.raises(UserError, match=message):
        load_restorer("thrid")


def test_nothing_is_released(released_folder):
    with pytest.raises(UserError, match="there are none.*sisnet_mobile"):
        load_restorer("sisnet_mobile")


@pytest.mark.parametrize("place", [0, 8, -1])
def test_a_flipped_bit(released_folder, entry, place):
    path = released_folder / entry["file"]
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    message = f"{entry['sha256']}. Received.*{path}.*git checkout.*by their"
    with pytest.raises(UserError, match=message):
        load_restorer("tiny")


def test_a_truncated_file(released_folder, entry):
    path = released_folder / entry["file"]
    path.write_bytes(path.read_bytes()[:100])
    message = f"tiny, {entry['bytes']} bytes.* 100 bytes"
    with pytest.raises(UserError, match=message):
        load_restorer("tiny")


def test_a_missing_file(released_folder, entry):
    (released_folder / entry["file"]).unlink()
    with pytest.raises(UserError, match=f"{entry['file']}. Received: no such"):
        load_restorer("tiny")


# === For LiteRT ===


@pytest.fixture
def litert(released_folder, entry, monkeypatch):
    """Where TensorFlow is not installed; the file's place."""
    monkeypatch.setattr(released, "is_installed", lambda name: False)
    monkeypatch.setattr(released, "require", lambda *_: None)
    part = {"file": "tiny-0.tflite", "of": entry["sha256"]}
    part |= released.fingerprint(b"network")
    releasing.put("tiny", entry | {"litert": part}, part["file"], b"network")
    return released_folder / part["file"]


def test_without_tensorflow_it_is_the_litert_file(litert):
    assert released.usable_weights("tiny") == litert
    assert released.weight_file("tiny").suffix == ".safetensors"


def test_a_damaged_litert_file(litert):
    litert.write_bytes(b"networks")
    with pytest.raises(UserError, match="for LiteRT, 7 bytes.* 8 bytes"):
        released.usable_weights("tiny")


def test_other_weights_of_the_name_take_its_litert_file_along(litert, entry):
    """So that it never is of weights of before."""
    add("tiny", 2)
    assert not litert.exists()
    message = r"LiteRT \(a file.*Received: tiny\. .*sis-keras\[tensorflow\]"
    with pytest.raises(UserError, match=message):
        released.usable_weights("tiny")


def test_without_tensorflow_a_weight_file_is_of_no_use(litert, tmp_path):
    save_weights(tmp_path / "mine", tiny.random_generator(2), {}, {})
    with pytest.raises(UserError, match=r"\(tiny or a file of export.py\)"):
        released.usable_weights(tmp_path / "mine")
    (tmp_path / "mine.tflite").touch()
    path = tmp_path / "mine.tflite"
    assert released.usable_weights(path) == path


# === What is released here ===


def test_the_released_files_are_those_of_the_manifest():
    entries = released.manifest()
    files = {path.name for path in released.FOLDER.iterdir()}
    listed = [x["file"] for x in released.listed(entries)]
    assert files == {"manifest.json", *listed}
    assert len(set(listed)) == len(listed)
    sizes = [path.stat().st_size for path in released.FOLDER.glob("sisnet*")]
    assert sum(sizes) <= releasing.MOST_BYTES
    for name, entry in entries.items():
        tensors, metadata = read_tensors(name)
        assert entry["preset"] in PRESETS
        assert metadata["card"] == entry["card"]
        for array in tensors.values():
            assert np.isfinite(array).all()


@pytest.mark.parametrize("name", released.manifest())
def test_a_released_file_describes_its_own_network(name):
    """Whatever shape its preset has by now."""
    sharp = data.astronaut()[:200, 100:330]
    blurry = cv2.blur(sharp, (7, 1))
    restored, _ = restore(load_restorer(name), blurry)
    assert psnr(restored, sharp) > psnr(blurry, sharp) + 0.1


def test_the_package_holds_every_released_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (glob,) = project["tool"]["setuptools"]["package-data"]["sis_keras.weights"]
    packed = set((ROOT / "sis_keras" / "weights").glob(glob))
    assert packed == set(released.FOLDER.iterdir())
