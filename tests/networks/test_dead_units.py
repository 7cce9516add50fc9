"""Dead units of models made by hand."""

import keras
import numpy as np
import pytest

from sis_keras.networks.dead_units import DeadUnits


def model_with_biases(first, second):
    """Two layers of ReLU and one without, each of a grey picture's level."""
    constant = keras.initializers.Constant
    picture = x = keras.Input((None, None, 3))
    for name, biases in (("first", first), ("second", second)):
        x = keras.layers.Conv2D(
            len(biases),
            1,
            activation="relu",
            kernel_initializer=constant(1 / x.shape[-1]),
            bias_initializer=constant(np.array(biases)),
            name=name,
        )(x)
    x = keras.layers.Conv2D(3, 1, kernel_initializer="zeros", name="none")(x)
    return keras.Model(picture, x)


def grey(level, side=4):
    return np.full((side, side, 3), level, np.uint8)


def test_counts_by_hand():
    # Level 51 is 0.2: the first layer gives 0.2 - 0.1, 0, 0, 0.2 + 0.5.
    units = DeadUnits(model_with_biases([-0.1, -0.2, -0.3, 0.5], [0.0, -1.0]))
    assert units.by_layer([grey(51)]) == {"first": (2, 4), "second": (1, 2)}
    assert units.share([grey(51)]) == pytest.approx(3 / 6)


def test_alive_in_one_picture_is_alive():
    units = DeadUnits(model_with_biases([-0.3, -0.9], [0.0]))
    assert units.share([grey(51)]) == pytest.approx(1.0)
    assert units.share([grey(51), grey(102)]) == pytest.approx(1 / 3)
    one_bright = grey(51, 8)
    one_bright[3, 4] = 255
    assert units.share([one_bright]) == 0


def test_the_middle_is_seen():
    units = DeadUnits(model_with_biases([-0.9], [0.0]))
    picture = grey(0, 600)
    picture[:170] = 255
    assert units.share([picture]) == 1
    picture[:175] = 255  # The middle 256 begin at 172.
    assert units.share([picture]) == 0


def test_later_weights_are_followed():
    model = model_with_biases([-0.9], [0.0])
    units = DeadUnits(model)
    model.get_layer("first").bias.assign([0.0])
    assert units.share([grey(51)]) == 0


def test_no_picture():
    with pytest.raises(ValueError, match="Received: none"):
        DeadUnits(model_with_biases([0.0], [0.0])).share([])
