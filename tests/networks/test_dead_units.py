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
    x = keras.layers.Activation("relu")(x)
    model = keras.Model(picture, keras.layers.Conv2D(1, 1)(x))
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


def kernels_at_random(model, dead):
    """Positive biases and random kernels; `dead` maps layers to channels."""
    random = np.random.default_rng(3)
    for layer in model.layers:
        if layer.weights:
            kernel, bias = layer.get_weights()
            bias = np.full_like(bias, 0.1)
            kernel = random.normal(size=kernel.shape, scale=0.2)
            for channel in dead.get(layer.name, ()):
                kernel[..., channel], bias[channel] = 0, -1
            layer.set_weights([kernel, bias])


@pytest.mark.parametrize("pool", ["MaxPooling2D", "AveragePooling2D"])
def test_the_model_computes_what_it_did(pool):
    """Behind a concatenation, a pool and both kinds of convolutions."""
    picture = keras.Input((None, None, 3))
    relu = {"padding": "same", "activation": "relu"}
    one = keras.layers.Conv2D(4, 3, name="one", **relu)(picture)
    two = keras.layers.Conv2D(5, 3, name="two", **relu)(picture)
    x = keras.layers.Concatenate()([one, two])
    x = getattr(keras.layers, pool)(2)(x)
    up = keras.layers.Conv2DTranspose(3, 2, strides=2, name="up")(x)
    x = keras.layers.Concatenate()([up, keras.layers.Conv2D(2, 1)(two)])
    model = keras.Model(picture, x)
    kernels_at_random(model, {"one": [1], "two": [0, 4]})
    pictures = list(
        np.random.default_rng(0).integers(0, 256, (2, 8, 8, 3), np.uint8)
    )
    values = np.stack(pictures) / np.float32(255)
    before = model.predict(values, verbose=0)
    units = DeadUnits(model)
    assert units.by_layer(pictures) == {"one": (1, 4), "two": (2, 5)}
    assert units.revive(pictures, seed=0) == 3
    assert units.share(pictures) == 0
    np.testing.assert_array_equal(model.predict(values, verbose=0), before)
    # The fifth unit of `two` is the ninth channel of the first join.
    kernel = model.get_layer("up").kernel.numpy()
    silent = np.flatnonzero((kernel == 0).all(axis=(0, 1, 2)))
    assert silent.tolist() == [1, 4, 8]


def added(x, two):
    return keras.layers.Conv2D(3, 1)(keras.layers.Add()([x, two]))


def given_out(x, two):
    return [x, keras.layers.Conv2D(3, 1)(x)]


def shared(x, two):
    convolution = keras.layers.Conv2D(3, 1)
    return [convolution(x), convolution(two)]


def shared_pool(x, two):
    pool = keras.layers.MaxPooling2D(2)
    return [keras.layers.Conv2D(3, 1)(pool(x)) for x in (x, two)]


def in_groups(x, two):
    return keras.layers.Conv2D(2, 1, groups=2)(x)


def below_each_other(x, two):
    joined = keras.layers.Concatenate(axis=1)([x, two])
    return keras.layers.Conv2D(3, 1)(joined)


@pytest.mark.parametrize(
    "read",
    [added, given_out, shared, shared_pool, in_groups, below_each_other],
)
def test_what_no_kernel_reads_apart_stays_dead(read):
    picture = keras.Input((8, 8, 3))
    relu = {"padding": "same", "activation": "relu"}
    one, two = (
        keras.layers.Conv2D(2, 3, name=name, **relu)(picture)
        for name in ("one", "two")
    )
    model = keras.Model(picture, read(one, two))
    kernels_at_random(model, {"one": [1]})
    assert_nothing_is_drawn(model, "one", np.full((8, 8, 3), 100, np.uint8))


def assert_nothing_is_drawn(model, name, picture):
    units = DeadUnits(model)
    dead = units.by_layer([picture])[name][0]
    before = model.get_weights()
    assert dead > 0 and units.revive([picture], seed=2) == 0
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)


def test_what_is_normalised_stays_dead():
    picture = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(2, 3, use_bias=False)(picture)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Activation("relu", name="relu")(x)
    model = keras.Model(picture, keras.layers.Conv2D(3, 1)(x))
    norm = model.get_layer("norm")
    norm.gamma.assign([0.0, 0.0])
    norm.beta.assign([1.0, -1.0])
    assert_nothing_is_drawn(model, "relu", np.full((8, 8, 3), 100, np.uint8))
