"""Releasing weights: float16, the file and its entry of the manifest."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
import safetensors.numpy
import tiny
from places import ROOT

from sis_keras.errors import UserError
from sis_keras.export import release as releasing
from sis_keras.networks.presets import preset_arguments
from sis_keras.restoring.precision import policy_of
from sis_keras.restoring.restorer import load_restorer
from sis_keras.training import checkpoint
from sis_keras.weights import released
from sis_keras.weights.generators import load_generator, save_weights
from sis_keras.weights.interpolation import interpolate
from sis_keras.weights.tensors import read_tensors

RELEASE = [sys.executable, "-m", "sis_keras.commands.release", "--weights=w"]
ARGUMENTS = {**preset_arguments("sisnet_mobile"), "name": "sisnet_mobile"}
FACTS = {"recipe": "tiny.flags", "device_hours": "none", "limits": "all"}
CARD = {"step": 7, "train_data": ["some/pairs"], "data": "not kept"}


def release(source, name="tiny", **arguments):
    return releasing.release(source, name, "sisnet_mobile", FACTS, **arguments)


def pairs():
    """Two pairs; the blurred half is near the sharp one."""
    random = np.random.default_rng(0)
    for number in range(2):
        sharp = random.integers(50, 200, (24, 32, 3)).astype(np.uint8)
        yield f"a/{number}", sharp + np.uint8(9), sharp


def saved(folder, generator):
    path = folder.parent / "best.safetensors"
    save_weights(path, generator, ARGUMENTS, CARD)
    return path


@pytest.mark.parametrize(
    "ablation", [{"info_box": False}, {"fusion": "concat"}, {"residual": False}]
)
def test_an_ablation_is_not_the_preset(released_folder, ablation):
    path = released_folder.parent / "best.safetensors"
    generator = tiny.random_generator(1)
    save_weights(path, generator, ARGUMENTS | ablation, CARD)
    (key,) = ablation
    with pytest.raises(UserError, match=f"{key}="):
        release(path)
    # Files of before do not name what is as it is by default.
    save_weights(path, generator, ARGUMENTS | {"synchronized": True}, CARD)
    release(path)


def test_weights_that_darken_are_refused(released_folder):
    path = released_folder.parent / "best.safetensors"
    for shift in (-0.12, 0.09):
        row = {"gain": 1.0, "shift": shift, "sharp_worst": float("inf")}
        card = CARD | {"validation": row}
        save_weights(path, tiny.random_generator(1), ARGUMENTS, card)
        if shift == -0.12:
            with pytest.raises(UserError, match=r"a channel by -0\.12"):
                release(path)
    entry = release(path)
    assert entry["card"]["validation"]["sharp_worst"] == "inf"
    text = (released_folder / "manifest.json").read_text()
    assert "Infinity" not in text


@pytest.fixture
def entry(released_folder):
    return release(saved(released_folder, tiny.random_generator(1)))


def test_the_entry_says_what_the_file_is(released_folder, entry):
    read = json.loads((released_folder / "manifest.json").read_text())
    assert read == {"tiny": entry}
    path = released_folder / entry["file"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry["sha256"] == digest and digest[:8] in entry["file"]
    assert entry["bytes"] == path.stat().st_size
    assert entry["preset"] == "sisnet_mobile"
    card = {"step": 7, "train_data": ["some/pairs"], **FACTS}
    assert entry["card"] == card
    assert read_tensors("tiny")[1] == {
        # JSON has lists for tuples.
        "arguments": ARGUMENTS | {"residual_blocks": [2, 4, 4, 0]},
        "card": card,
    }


def test_a_later_release_replaces_the_file(released_folder, entry):
    release(saved(released_folder, tiny.random_generator(2)), "second")
    later = release(saved(released_folder, tiny.random_generator(3)))
    assert later["file"] != entry["file"]
    names = {path.name for path in released_folder.iterdir()}
    second = released.manifest()["second"]["file"]
    assert names == {"manifest.json", later["file"], second}
    assert release(saved(released_folder, tiny.random_generator(3))) == later
    assert (released_folder / later["file"]).exists()


def test_only_the_product_is_released(released_folder):
    gan = tiny.make_gan("none")
    gan.averaged_generator.set_weights(tiny.random_generator(1).get_weights())
    path = released_folder.parent / "last.safetensors"
    state = {"step": 7, "settings": {"seed": 3, "data": "not kept"}}
    checkpoint.save_checkpoint(path, gan, ARGUMENTS, state)
    assert any(n.startswith("training/") for n in read_tensors(path)[0])
    entry = release(path)
    assert entry["card"] == {"step": 7, "seed": 3, **FACTS}
    tensors = safetensors.numpy.load_file(released_folder / entry["file"])
    assert {n.partition("/")[0] for n in tensors} == {"generator"}
    kernel = tiny.random_generator(1).get_weights()[0]
    np.testing.assert_array_equal(tensors["generator/trunk/kernel"], kernel)


def test_float16_is_numpys_own(released_folder):
    generator = tiny.random_generator(1)
    entry = release(saved(released_folder, generator), examples=pairs)
    tensors = safetensors.numpy.load_file(released_folder / entry["file"])
    loaded, _ = load_generator("tiny")
    for ours, theirs in zip(generator.variables, loaded.variables, strict=True):
        half = ours.numpy().astype(np.float16)
        stored = tensors[f"generator/{ours.path}"]
        assert stored.dtype == np.float16
        np.testing.assert_array_equal(stored, half)
        assert theirs.dtype == "float32"
        np.testing.assert_array_equal(theirs.numpy(), half.astype(np.float32))


def test_float16_cost_is_the_difference_of_mean_psnr(released_folder):
    generator = tiny.random_generator(1)
    source = saved(released_folder, generator)
    cost = release(source, examples=pairs)["card"]["float16_cost"]
    means = []
    for name in (source, "tiny"):
        restore = load_restorer(name)
        scores = []
        for _, blurry, sharp in pairs():
            image = restore(blurry[None].astype(np.float32) / 255)[0] * 255
            error = np.rint(image).astype(np.float64) - sharp
            scores.append(10 * np.log10(255**2 / np.mean(error**2)))
        means.append(np.mean(scores))
    assert cost == pytest.approx(means[0] - means[1], abs=1e-9)
    assert cost != 0.0


def test_float16_that_costs_too_much_is_refused(released_folder, monkeypatch):
    source = saved(released_folder, tiny.random_generator(1))
    monkeypatch.setattr(releasing, "float16_cost", lambda *_: 0.02)
    with pytest.raises(UserError, match="0.01 dB.*loses 0.0200 dB"):
        release(source, examples=pairs)
    assert not released_folder.exists()
    entry = release(source, examples=pairs, most_cost=0.03)
    assert entry["card"]["float16_cost"] == 0.02


@pytest.mark.parametrize("value", [np.nan, np.inf, 70000.0])
def test_values_that_cannot_be_released(released_folder, value):
    generator = tiny.random_generator(1)
    kernel = generator.get_layer("to_rgb").kernel.numpy()
    kernel[0, 1, 2, 1] = value
    generator.get_layer("to_rgb").kernel.assign(kernel)
    source = saved(released_folder, generator)
    with pytest.raises(UserError, match="1 tensors.*generator/to_rgb/kernel"):
        release(source, examples=pairs)
    assert not released_folder.exists()
    if np.isfinite(value):
        release(source)
        tensors, _ = read_tensors("tiny")
        assert tensors["generator/to_rgb/kernel"].max() == value


def test_weights_of_another_preset(released_folder):
    with pytest.raises(UserError, match="fusion_channels=64"):
        source = saved(released_folder, tiny.random_generator(1))
        releasing.release(source, "tiny", "sisnet_small", FACTS)


def test_names_that_are_none(released_folder):
    source = saved(released_folder, tiny.random_generator(1))
    for name in ("a.safetensors", "../a", "A b", ""):
        with pytest.raises(UserError, match="small letters"):
            release(source, name)


def test_too_much_together(released_folder, entry, monkeypatch):
    monkeypatch.setattr(releasing, "MOST_BYTES", 2 * entry["bytes"] - 1)
    release(
        saved(released_folder, tiny.random_generator(2))
    )  # in place of the first
    with pytest.raises(UserError, match="with second"):
        release(saved(released_folder, tiny.random_generator(2)), "second")
    assert list(released.manifest()) == ["tiny"]


def test_a_full_disk_leaves_the_old_release(
    released_folder, entry, small_disk, monkeypatch
):
    for path in released_folder.iterdir():
        (small_disk / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(released, "FOLDER", small_disk)
    with pytest.raises(OSError, match="No space"):
        releasing.add("tiny", bytes(2**17), {"preset": "", "card": {}})
    assert released.manifest() == {"tiny": entry}
    assert released.weight_file("tiny").exists()
    assert len(list(small_disk.iterdir())) == 2


def test_the_card_names_no_folder_of_this_machine(released_folder, monkeypatch):
    monkeypatch.setenv("SIS_DATA", "/somewhere/data/")
    data = ["photographs:/somewhere/data/a", "$SIS_DATA/b"]
    generator = tiny.random_generator(1)
    path = released_folder.parent / "best.safetensors"
    save_weights(path, generator, ARGUMENTS, {"train_data": data})
    card = release(path)["card"]
    assert card["train_data"] == ["photographs:$SIS_DATA/a", "$SIS_DATA/b"]
    assert b"/somewhere" not in released.weight_file("tiny").read_bytes()


def test_a_mean_says_what_it_is_of(released_folder):
    first = released_folder.parent / "first.safetensors"
    save_weights(first, tiny.random_generator(1), ARGUMENTS, CARD)
    second = saved(released_folder, tiny.random_generator(2))
    mean = released_folder.parent / "mean.safetensors"
    interpolate(first, second, 0.25, mean, strength=0.9)
    card = release(mean)["card"]
    assert card["strength"] == 0.9
    assert card["interpolated"]["share"] == 0.25


def test_leveled_weights_keep_the_brightness(released_folder):
    generator = tiny.random_generator(1)
    output = generator.get_layer("to_rgb")
    output.kernel.assign(0.0 * output.kernel)
    output.bias.assign([0.02, -0.03, 0.01])
    entry = release(
        saved(released_folder, generator), examples=pairs, level=True
    )
    before, after = (entry["card"]["leveled"][x] for x in ("before", "after"))
    # tanh(x) / 2, rounded to whole levels.
    assert before == [3.0, -4.0, 1.0]
    assert after == [0.0, 0.0, 0.0]
    restore = load_restorer("tiny")
    blurry = np.stack([x for _, x, _ in pairs()])
    restored = np.asarray(restore(blurry / np.float32(255)))
    np.testing.assert_array_equal(np.rint(restored * 255.0), blurry)


def test_the_policy_of_the_run_does_not_count(released_folder):
    """A recipe's flagfile sets bfloat16; what is released is float32's."""
    path = saved(released_folder, tiny.random_generator(1))
    entry = release(path, examples=pairs, most_cost=9)
    with policy_of("bfloat16"):
        again = release(path, "again", examples=pairs, most_cost=9)
    assert again == entry | {"file": again["file"]}


def test_leveling_wants_the_pairs_of_float16():
    done = subprocess.run(
        [*RELEASE, "--level"], capture_output=True, text=True, cwd=ROOT
    )
    assert done.returncode == 2
    assert "Expected --float16 with --level" in done.stderr
