"""Weights whose dead units are drawn anew."""

import numpy as np
import pytest
from pair_folders import write_two_sequences

from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.weights.generators import load_generator, save_weights
from tools import revive

ARGUMENTS = {
    "width_multiplier": 0.125,
    "fusion_channels": 8,
    "normalization": "none",
    "seed": 1,
}
LAYER = "trunk_conv_01"
CARD = {"step": 7, "validation": {"gain": 1.0}}


@pytest.fixture
def dead(tmp_path):
    """A file in which one unit of a layer is above zero nowhere."""
    generator = build_generator(**ARGUMENTS)
    layer = generator.get_layer(LAYER)
    kernel, bias = layer.get_weights()
    kernel[..., 0], bias[0] = 0, -1
    layer.set_weights([kernel, bias])
    path = tmp_path / "dead.safetensors"
    save_weights(path, generator, ARGUMENTS, CARD)
    return path


@pytest.fixture
def pairs(tmp_path):
    return write_two_sequences(tmp_path / "pairs")


def test_dead_units_of_a_file_live_again(dead, pairs, capsys):
    new = dead.with_name("new.safetensors")
    revive.main([str(dead), f"--data={pairs}", f"--write={new}"])
    assert f"not any more: {new}" in capsys.readouterr().out
    generator, metadata = load_generator(new)
    drawn = generator.get_layer(LAYER).kernel.numpy()
    assert np.linalg.norm(drawn[..., 0]) >= 0.3 - 1e-6
    # What was scored were other weights.
    assert metadata["card"] == {"step": 7}


def test_nothing_is_begun_that_cannot_be_written(dead, pairs, tmp_path):
    with pytest.raises(UserError, match="which is a folder.*`write`"):
        revive.main([str(dead), f"--data={pairs}", f"--write={tmp_path}"])
