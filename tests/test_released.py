"""Released weights: found by name, checked, float16, the manifest."""

import hashlib
import json
import pathlib
import tomllib

import numpy as np
import pytest
import safetensors.numpy
import tiny

from sis_keras import checkpoint, released, releasing, weights
from sis_keras.errors import UserError
from sis_keras.presets import preset_arguments

ROOT = pathlib.Path(released.__file__).parents[1]
ARGUMENTS = {**preset_arguments("sisnet_mobile"), "name": "sisnet_mobile"}
FACTS = {"recipe": "tiny.flags", "device_hours": "none", "limits": "all"}
CARD = {"step": 7, "train_data": ["some/pairs"], "settings": "not kept"}


def release(source, name="tiny", **arguments):
    return releasing.release(source, name, "sisnet_mobile", FACTS, **arguments)


def pairs():
    """Two pairs; the blurred half is near the sharp one."""
    random = np.random.default_rng(0)
    for number in range(2):
        sharp = random.integers(50, 200, (24, 32, 3)).astype(np.uint8)
        yield f"a/{number}", sharp + np.uint8(9), sharp


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Stands in for the released folder, and `tiny` for the generator."""
    monkeypatch.setattr(released, "FOLDER", tmp_path / "weights")
    monkeypatch.setattr(weights, "build_generator", lambda **_: random_tiny())
    return tmp_path / "weights"


def random_tiny(seed=0, scale=0.1):
    generator = tiny.make_generator()
    random = np.random.default_rng(seed)
    generator.set_weights(
        [
            scale * random.random(w.shape, np.float32)
            for w in generator.get_weights()
        ]
    )
    return generator


def saved(folder, generator, name="best.safetensors"):
    path = folder.parent / name
    weights.save_weights(path, generator, ARGUMENTS, CARD)
    return path


@pytest.fixture
def entry(folder):
    return release(saved(folder, random_tiny(1)))


# === Looking up and loading ===


def test_a_name_loads_what_was_released(folder, entry):
    restorer = weights.load_restorer("tiny")
    assert restorer.name == "tiny"
    assert restorer.metadata["card"]["step"] == 7
    blurry = np.random.default_rng(0).random((1, 9, 11, 3), np.float32)
    expected = random_tiny(1)(blurry, training=False)
    np.testing.assert_allclose(restorer(blurry), expected, atol=1e-6)
    assert np.abs(restorer(blurry) - blurry).max() > 0.01
    tensors, _ = weights.read_tensors("tiny", weights.GENERATOR)
    assert len(tensors) == len(random_tiny().variables)


def test_a_path_stays_a_path(folder, entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("tiny", "tiny.safetensors"):
        saved(folder, random_tiny(2), name)
    assert released.weight_file("tiny") == folder / entry["file"]
    for path in ("./tiny", "tiny.safetensors", str(tmp_path / "tiny")):
        assert released.weight_file(path).samefile(tmp_path / path)
        kernels, _ = weights.read_tensors(path, "generator/trunk/kernel")
        (kernel,) = kernels.values()
        np.testing.assert_array_equal(kernel, random_tiny(2).get_weights()[0])


def test_an_unknown_name_lists_those_there_are(folder, entry):
    release(saved(folder, random_tiny(2)), "second")
    message = r"path of .*\(second, tiny\)\. Received: thrid, which does not"
    with pytest.raises(UserError, match=message):
        weights.load_restorer("thrid")


def test_nothing_is_released(folder):
    with pytest.raises(UserError, match="there are none.*sisnet_mobile"):
        weights.load_restorer("sisnet_mobile")


@pytest.mark.parametrize("place", [0, 8, -1])
def test_a_flipped_bit(folder, entry, place):
    path = folder / entry["file"]
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    message = f"{entry['sha256']}. Received.*{path}.*git checkout.*by their"
    with pytest.raises(UserError, match=message):
        weights.load_restorer("tiny")


def test_a_truncated_file(folder, entry):
    path = folder / entry["file"]
    path.write_bytes(path.read_bytes()[:100])
    message = f"tiny, {entry['bytes']} bytes.* 100 bytes"
    with pytest.raises(UserError, match=message):
        weights.load_restorer("tiny")


def test_a_missing_file(folder, entry):
    (folder / entry["file"]).unlink()
    with pytest.raises(UserError, match=f"{entry['file']}. Received: no such"):
        weights.load_restorer("tiny")


# === Releasing ===


def test_the_entry_says_what_the_file_is(folder, entry):
    read = json.loads((folder / "manifest.json").read_text())
    assert read == {"tiny": entry}
    path = folder / entry["file"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry["sha256"] == digest and digest[:8] in entry["file"]
    assert entry["bytes"] == path.stat().st_size
    assert entry["preset"] == "sisnet_mobile"
    card = {"step": 7, "train_data": ["some/pairs"], **FACTS}
    assert entry["card"] == card
    assert weights.read_tensors("tiny")[1] == {
        "arguments": ARGUMENTS,
        "card": card,
    }


def test_a_later_release_replaces_the_file(folder, entry):
    release(saved(folder, random_tiny(2)), "second")
    later = release(saved(folder, random_tiny(3)))
    assert later["file"] != entry["file"]
    names = {path.name for path in folder.iterdir()}
    second = released.manifest()["second"]["file"]
    assert names == {"manifest.json", later["file"], second}
    assert release(saved(folder, random_tiny(3))) == later
    assert (folder / later["file"]).exists()


def test_only_the_product_is_released(folder):
    gan = tiny.make_gan("none")
    gan.averaged_generator.set_weights(random_tiny(1).get_weights())
    path = folder.parent / "last.safetensors"
    checkpoint.save_checkpoint(path, gan, ARGUMENTS, CARD)
    assert any(n.startswith("training/") for n in weights.read_tensors(path)[0])
    entry = release(path)
    tensors = safetensors.numpy.load_file(folder / entry["file"])
    assert {n.partition("/")[0] for n in tensors} == {"generator"}
    kernel = random_tiny(1).get_weights()[0]
    np.testing.assert_array_equal(tensors["generator/trunk/kernel"], kernel)


def test_float16_is_numpys_own(folder):
    generator = random_tiny(1)
    entry = release(saved(folder, generator), examples=pairs)
    tensors = safetensors.numpy.load_file(folder / entry["file"])
    loaded, _ = weights.load_generator("tiny")
    for ours, theirs in zip(generator.variables, loaded.variables, strict=True):
        half = ours.numpy().astype(np.float16)
        stored = tensors[f"generator/{ours.path}"]
        assert stored.dtype == np.float16
        np.testing.assert_array_equal(stored, half)
        assert theirs.dtype == "float32"
        np.testing.assert_array_equal(theirs.numpy(), half.astype(np.float32))


def test_float16_cost_is_the_difference_of_mean_psnr(folder):
    generator = random_tiny(1)
    source = saved(folder, generator)
    cost = release(source, examples=pairs)["card"]["float16_cost"]
    means = []
    for name in (source, "tiny"):
        restore = weights.load_restorer(name)
        scores = []
        for _, blurry, sharp in pairs():
            image = restore(blurry[None].astype(np.float32) / 255)[0] * 255
            error = np.rint(image).astype(np.float64) - sharp
            scores.append(10 * np.log10(255**2 / np.mean(error**2)))
        means.append(np.mean(scores))
    assert cost == pytest.approx(means[0] - means[1], abs=1e-9)
    assert cost != 0.0


def test_float16_that_costs_too_much_is_refused(folder, monkeypatch):
    source = saved(folder, random_tiny(1))
    monkeypatch.setattr(releasing, "float16_cost", lambda *_: 0.02)
    with pytest.raises(UserError, match="0.01 dB.*loses 0.0200 dB"):
        release(source, examples=pairs)
    assert not folder.exists()
    entry = release(source, examples=pairs, most_cost=0.03)
    assert entry["card"]["float16_cost"] == 0.02


@pytest.mark.parametrize("value", [np.nan, np.inf, 70000.0])
def test_values_that_cannot_be_released(folder, value):
    generator = random_tiny(1)
    kernel = generator.get_layer("to_rgb").kernel.numpy()
    kernel[0, 1, 2, 1] = value
    generator.get_layer("to_rgb").kernel.assign(kernel)
    source = saved(folder, generator)
    with pytest.raises(UserError, match="1 tensors.*generator/to_rgb/kernel"):
        release(source, examples=pairs)
    assert not folder.exists()
    if np.isfinite(value):
        release(source)
        tensors, _ = weights.read_tensors("tiny")
        assert tensors["generator/to_rgb/kernel"].max() == value


def test_weights_of_another_preset(folder):
    with pytest.raises(UserError, match="fusion_channels=64"):
        source = saved(folder, random_tiny(1))
        releasing.release(source, "tiny", "sisnet_small", FACTS)


def test_names_that_are_none(folder):
    source = saved(folder, random_tiny(1))
    for name in ("a.safetensors", "../a", "A b", ""):
        with pytest.raises(UserError, match="small letters"):
            release(source, name)


def test_too_much_together(folder, entry, monkeypatch):
    monkeypatch.setattr(releasing, "MOST_BYTES", 2 * entry["bytes"] - 1)
    release(saved(folder, random_tiny(2)))  # in place of the first
    with pytest.raises(UserError, match="with second"):
        release(saved(folder, random_tiny(2)), "second")
    assert list(released.manifest()) == ["tiny"]


def test_a_full_disk_leaves_the_old_release(
    folder, entry, small_disk, monkeypatch
):
    for path in folder.iterdir():
        (small_disk / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(released, "FOLDER", small_disk)
    with pytest.raises(OSError, match="No space"):
        releasing.add("tiny", bytes(2**17), {"preset": "", "card": {}})
    assert released.manifest() == {"tiny": entry}
    assert released.weight_file("tiny").exists()
    assert len(list(small_disk.iterdir())) == 2


def test_the_card_names_no_folder_of_this_machine(folder, monkeypatch):
    monkeypatch.setenv("SIS_DATA", "/somewhere/data/")
    data = ["photographs:/somewhere/data/a", "$SIS_DATA/b"]
    generator = random_tiny(1)
    path = folder.parent / "best.safetensors"
    weights.save_weights(path, generator, ARGUMENTS, {"train_data": data})
    card = release(path)["card"]
    assert card["train_data"] == ["photographs:$SIS_DATA/a", "$SIS_DATA/b"]
    assert b"/somewhere" not in released.weight_file("tiny").read_bytes()


# === What is released here ===


def test_the_released_files_are_those_of_the_manifest():
    entries = released.manifest()
    files = {path.name for path in released.FOLDER.iterdir()}
    listed = [entry["file"] for entry in entries.values()]
    assert files == {"manifest.json", *listed}
    assert len(set(listed)) == len(listed)
    assert sum(x["bytes"] for x in entries.values()) <= releasing.MOST_BYTES
    for name, entry in entries.items():
        tensors, metadata = weights.read_tensors(name)
        preset = preset_arguments(entry["preset"])
        weights.check_arguments(metadata["arguments"], preset, name)
        assert metadata["card"] == entry["card"]
        for array in tensors.values():
            assert np.isfinite(array).all()


def test_the_package_holds_every_released_file():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    (glob,) = project["tool"]["setuptools"]["package-data"]["sis_keras"]
    packed = set((ROOT / "sis_keras").glob(glob))
    assert packed == set(released.FOLDER.iterdir())
