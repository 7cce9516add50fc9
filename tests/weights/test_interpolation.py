"""Weights between two files."""

import numpy as np
import pytest

from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.weights.generators import load_generator, save_weights
from sis_keras.weights.interpolation import interpolate

ARGUMENTS = {"width_multiplier": 0.125, "fusion_channels": 8}
CARD = {"step": 7, "validation": {"gain": 1.0}}


@pytest.fixture
def files(tmp_path):
    return [saved(tmp_path / f"{seed}.safetensors", seed) for seed in (1, 2)]


def saved(path, seed, **changed):
    arguments = {**ARGUMENTS, "seed": seed, **changed}
    generator = build_generator(**arguments)
    output = generator.get_layer("to_rgb")  # Zero at the beginning.
    random = np.random.default_rng(seed)
    output.set_weights([random.random(x.shape) for x in output.get_weights()])
    save_weights(path, generator, arguments, CARD)
    return path


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_each_value_is_so_far_on_the_way(files, tmp_path, share):
    path = tmp_path / "between.safetensors"
    interpolate(*files, share, path)
    one, two, between = (
        load_generator(p)[0].get_weights() for p in (*files, path)
    )
    for a, b, found in zip(one, two, between, strict=True):
        expected = np.float32(1 - share) * a + np.float32(share) * b
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_the_strength_is_that_of_the_last_layer(files, tmp_path):
    path = tmp_path / "weaker.safetensors"
    interpolate(*files, 1.0, path, strength=0.5)
    full, found = (load_generator(p)[0] for p in (files[1], path))
    for layer in full.layers:
        factor = np.float32(0.5 if layer.name == "to_rgb" else 1.0)
        same = found.get_layer(layer.name).get_weights()
        for a, b in zip(layer.get_weights(), same, strict=True):
            np.testing.assert_array_equal(b, factor * a)
    assert load_generator(path)[1]["card"]["strength"] == 0.5
    for strength in (0.0, -1.0, 2.5, float("nan")):
        with pytest.raises(UserError, match="strength above 0"):
            interpolate(*files, 1.0, tmp_path / "none", strength=strength)
    assert not (tmp_path / "none").exists()


def test_the_card_tells_and_keeps_no_score_of_others(files, tmp_path):
    path = tmp_path / "between.safetensors"
    interpolate(*files, 0.5, path)
    card = load_generator(path)[1]["card"]
    assert card == {
        "step": 7,
        "interpolated": {
            "from": f"…/{tmp_path.name}/1.safetensors",
            "share": 0.5,
        },
    }


def test_other_networks_are_refused(files, tmp_path):
    other = saved(tmp_path / "other.safetensors", 1, fusion="concat")
    path = tmp_path / "between.safetensors"
    with pytest.raises(UserError, match="fusion="):
        interpolate(other, files[1], 0.5, path)
    assert not path.exists()


def test_a_share_is_between_none_and_all(files, tmp_path):
    with pytest.raises(UserError, match="from 0 to 1"):
        interpolate(*files, 1.5, tmp_path / "between.safetensors")


def test_the_card_names_what_both_learned_from(tmp_path):
    def path_of(name, *train_data, checkpoint=False):
        path = tmp_path / f"{name}.safetensors"
        arguments = {**ARGUMENTS, "seed": 1}
        card = {"train_data": list(train_data)} if train_data else {}
        card = {"settings": card} if checkpoint else card
        save_weights(path, build_generator(**arguments), arguments, card)
        return path

    def between(first, second):
        path = tmp_path / f"{first.stem}_{second.stem}.safetensors"
        interpolate(first, second, 0.5, path)
        return path, load_generator(path)[1]["card"]["interpolated"]

    a, b, c = path_of("a", "x", "y"), path_of("b", "y", "z"), path_of("c", "w")
    both, card = between(a, b)
    assert card["train_data"] == ["x", "y", "z"]
    assert between(both, c)[1]["train_data"] == ["y", "z", "x", "w"]
    assert between(c, both)[1]["train_data"] == ["w", "y", "z", "x"]
    run = path_of("e", "v", checkpoint=True)
    assert between(run, a)[1]["train_data"] == ["v", "x", "y"]
    untold, card = between(path_of("d"), a)
    assert "train_data" not in card
    assert "train_data" not in between(untold, b)[1]
