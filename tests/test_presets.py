"""Presets: arguments only, and networks of the sizes they are chosen for."""

import pytest

from sis_keras.errors import UserError
from sis_keras.generator import build_generator
from sis_keras.presets import PRESETS, preset_arguments

MILLIONS = {"sisnet": 29, "sisnet_small": 7.3, "sisnet_mobile": 1.9}


@pytest.mark.parametrize("name", MILLIONS)
def test_preset_builds_with_its_number_of_parameters(name):
    model = build_generator(**preset_arguments(name))
    assert model.count_params() == pytest.approx(MILLIONS[name] * 1e6, rel=0.04)


def test_every_preset_is_measured():
    assert set(PRESETS) == set(MILLIONS)


def test_arguments_are_a_copy():
    preset_arguments("sisnet")["width_multiplier"] = 2
    assert preset_arguments("sisnet")["width_multiplier"] == 1


def test_unknown_preset():
    with pytest.raises(UserError, match="sisnet_mobile.*Received: 'sisnett'"):
        preset_arguments("sisnett")
