"""Presets: arguments only, and networks of the sizes they are chosen for."""

import pytest

from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.networks.presets import PRESETS, preset_arguments
from sis_keras.training.throughput import multiply_adds

MILLIONS = {"sisnet": 29, "sisnet_small": 9.1, "sisnet_mobile": 2.34}


@pytest.mark.parametrize("name", MILLIONS)
def test_preset_builds_with_its_number_of_parameters(name):
    model = build_generator(**preset_arguments(name))
    assert model.count_params() == pytest.approx(MILLIONS[name] * 1e6, rel=0.04)


@pytest.mark.parametrize(
    "name, most", [("sisnet_small", 60e9), ("sisnet_mobile", 20e9)]
)
def test_a_720p_picture_fits_the_budget(name, most):
    """Multiply-adds of its convolutions, padded to 736 rows."""
    model = build_generator(**preset_arguments(name))
    assert 0.5 * most < multiply_adds(model, 720, 1280) <= most


def test_every_preset_is_measured():
    assert set(PRESETS) == set(MILLIONS)


def test_arguments_are_a_copy():
    preset_arguments("sisnet")["width_multiplier"] = 2
    assert preset_arguments("sisnet")["width_multiplier"] == 1


def test_unknown_preset():
    with pytest.raises(UserError, match="sisnet_mobile.*Received: 'sisnett'"):
        preset_arguments("sisnett")
