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


def test_dead_units_are_drawn_anew_and_living_ones_stay():
    biases = [-0.1, -0.2, -0.3, 0.5, *[-1.0] * 12]
    model = model_with_biases(biases, [0.0, -1.0])
    units = DeadUnits(model)
    before = [x.copy() for x in model.get_layer("first").get_weights()]
    # On one level a draw is below zero in half of the cases: four are a
    # sixteenth, which this seed does not meet.
    assert units.revive([grey(51)], seed=2) == 14 + 1
    assert units.share([grey(51)]) == 0
    kernel, bias = model.get_layer("first").get_weights()
    living = [0, 3]
    np.testing.assert_array_equal(kernel[..., living], before[0][..., living])
    np.testing.assert_array_equal(bias[living], before[1][living])
    dead = np.setdiff1d(np.arange(16), living)
    assert (bias[dead] == 0).all()
    # As long as the living ones: three weights of 1/3.
    lengths = np.linalg.norm(kernel[..., dead].reshape(3, -1), axis=0)
    np.testing.assert_allclose(lengths, 3**-0.5, rtol=1e-6)


@pytest.mark.parametrize("transposed", [False, True])
def test_the_unit_and_no_other_is_drawn(transposed):
    kind = keras.layers.Conv2DTranspose if transposed else keras.layers.Conv2D
    picture = keras.Input((None, None, 3))
    x = kind(2, 3, padding="same", name="layer")(picture)
    model = keras.Model(picture, keras.layers.Activation("relu")(x))
    layer = model.get_layer("layer")
    kernel = np.moveaxis(layer.get_weights()[0], -2 if transposed else -1, -1)
    kernel = np.abs(kernel)
    kernel[..., 1] *= -1  # Negative everywhere: dead.
    layer.set_weights(
        [np.moveaxis(kernel, -1, -2 if transposed else -1), np.zeros(2)]
    )
    units = DeadUnits(model)
    assert units.revive([grey(100)], seed=0) == 1
    found = np.moveaxis(layer.get_weights()[0], -2 if transposed else -1, -1)
    np.testing.assert_array_equal(found[..., 0], kernel[..., 0])
    assert (found[..., 1] != kernel[..., 1]).any()
