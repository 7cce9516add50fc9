"""ConvMuon against NumPy: Newton-Schulz, its matrices, what Adam gets."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from sis_keras.training.muon import BY_ADAM, ConvMuon

RATE = 0.01


def orthogonal(matrix):
    """Jordan et al. 2024, their listing, in float64."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / np.linalg.norm(x)
    for _ in range(5):
        s = x @ x.T
        x = a * x + (b * s + c * s @ s) @ x
    return x.T if tall else x


# Two of each kind and shape, and others of the same shape.
SHAPES = [
    ("kernel_a", (3, 3, 4, 6)),
    ("kernel_b", (3, 3, 4, 6)),
    ("kernel_c", (1, 1, 6, 36)),
    ("bias", (6,)),
    ("bias", (6,)),
    ("gamma", (6,)),
    ("beta", (6,)),
    ("scale", ()),
    ("to_rgb_kernel", (3, 3, 4, 6)),
    ("info_0_channels_kernel", (3, 3, 4, 6)),
]


def made_variables():
    return [
        variable(shape, name, seed) for seed, (name, shape) in enumerate(SHAPES)
    ]


def two_steps(optimizer):
    """All of SHAPES after two steps of random gradients, in float64."""
    variables = made_variables()
    optimizer.build(variables)
    gradients = [
        random_gradients(shape, seed=seed)
        for seed, (_, shape) in enumerate(SHAPES)
    ]
    for step in range(2):
        optimizer.apply(
            [keras.ops.convert_to_tensor(x[step]) for x in gradients]
        )
    return [np.float64(np.asarray(v.numpy())) for v in variables]


def variable(shape, name="kernel", seed=0):
    value = np.random.default_rng(seed).normal(size=shape)
    return keras.Variable(value.astype(np.float32), name=name)


def random_gradients(shape, count=2, seed=1):
    random = np.random.default_rng(seed)
    return [
        np.asarray(random.normal(size=shape), np.float32) for _ in range(count)
    ]


@pytest.mark.parametrize("shape", [(3, 3, 4, 6), (1, 1, 8, 3), (4, 4, 5, 7)])
def test_a_kernel_moves_by_the_orthogonalised_momentum(shape):
    kernel = variable(shape)
    optimizer = ConvMuon(RATE)
    optimizer.build([kernel])
    expected, momentum = kernel.numpy().astype(np.float64), np.zeros(shape)
    rows, columns = int(np.prod(shape[:3])), shape[3]
    for gradient in random_gradients(shape):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)])
        momentum = 0.95 * momentum + gradient
        matrix = (gradient + 0.95 * momentum).reshape(rows, columns)
        step = orthogonal(matrix) * 0.2 * np.sqrt(max(rows, columns))
        expected -= RATE * step.reshape(shape)
        # Newton-Schulz amplifies float32's rounding.
        np.testing.assert_allclose(kernel.numpy(), expected, atol=2e-5)


@pytest.mark.parametrize(
    "name, shape",
    [
        ("gamma", (5,)),
        ("to_rgb_kernel", (3, 3, 4, 3)),
        ("info_2_channels_kernel", (1, 1, 4, 8)),
    ],
)
def test_the_rest_gets_adam(name, shape):
    kernel, twin = variable(shape, name), variable(shape)
    optimizer, adam = ConvMuon(RATE), keras.optimizers.Adam(RATE)
    optimizer.build([kernel])
    adam.build([twin])
    for gradient in random_gradients(shape):
        gradient = keras.ops.convert_to_tensor(gradient)
        optimizer.apply([gradient])
        adam.apply([gradient])
    np.testing.assert_allclose(kernel.numpy(), twin.numpy(), atol=1e-7)


def test_biases_move_at_a_hundredth_of_the_rate():
    bias, twin = variable((5,), "bias"), variable((5,))
    optimizer = ConvMuon(RATE, weight_decay=0.5)
    adam = keras.optimizers.AdamW(RATE / 100, weight_decay=50.0)
    optimizer.build([bias])
    adam.build([twin])
    for gradient in random_gradients((5,)):
        gradient = keras.ops.convert_to_tensor(gradient)
        optimizer.apply([gradient])
        adam.apply([gradient])
    np.testing.assert_allclose(bias.numpy(), twin.numpy(), atol=1e-7)


@pytest.mark.parametrize("alone", [False, True])
def test_the_extracting_path_moves_at_its_own_rate(alone, monkeypatch):
    """As every variable would at a rate of that; the others as before."""
    monkeypatch.setattr(ConvMuon, "_by_itself", lambda self: alone)
    names = {
        "trunk_conv_00_kernel": (3, 3, 4, 6),
        "trunk_norm_00_gamma": (6,),
        "block_kernel": (3, 3, 4, 6),  # Of one shape: its matrices' group.
        "block_scale": (6,),
    }
    gradients = [random_gradients(shape) for shape in names.values()]

    def moved(rate, **kwargs):
        variables = [variable(x, name) for name, x in names.items()]
        optimizer = ConvMuon(rate, weight_decay=0.5, **kwargs)
        optimizer.build(variables)
        for step in range(2):
            optimizer.apply(
                [keras.ops.convert_to_tensor(x[step]) for x in gradients]
            )
        return dict(zip(names, [v.numpy() for v in variables], strict=True))

    slow, whole = moved(RATE * 0.25), moved(RATE)
    for name, value in moved(RATE, trunk_rate=0.25).items():
        expected = (slow if name.startswith("trunk") else whole)[name]
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-6)
        assert np.abs(slow[name] - whole[name]).max() > 1e-4


def test_weight_decay_is_that_of_kernels_and_biases():
    """Each step first takes rate * decay of them away (decoupled)."""
    names = {
        "kernel": (3, 3, 4, 6),
        "bias": (5,),
        "gamma": (5,),
        "to_rgb_kernel": (3, 3, 4, 3),
    }
    for name, shape in names.items():
        decayed, plain = variable(shape, name), variable(shape, name)
        before = decayed.numpy()
        (gradient,) = random_gradients(shape, 1)
        for kernel, decay in ((decayed, 0.5), (plain, 0.0)):
            optimizer = ConvMuon(RATE, weight_decay=decay)
            optimizer.build([kernel])
            optimizer.apply([keras.ops.convert_to_tensor(gradient)])
        share = RATE * 0.5 if name in ("kernel", "bias") else 0.0
        np.testing.assert_allclose(
            plain.numpy() - decayed.numpy(), share * before, atol=1e-6
        )


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_groups_compute_what_each_variable_alone_would(decay, monkeypatch):
    settings = {"weight_decay": decay, "adam_weight_decay": decay / 5}
    grouped = two_steps(ConvMuon(RATE, **settings))
    monkeypatch.setattr(ConvMuon, "_by_itself", lambda self: True)
    alone = two_steps(ConvMuon(RATE, **settings))
    for ours, theirs in zip(grouped, alone, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-5)


def test_groups_compute_what_numpy_does():
    moved = two_steps(ConvMuon(RATE, weight_decay=0.5))
    for seed, (before, after, (name, shape)) in enumerate(
        zip(made_variables(), moved, SHAPES, strict=True)
    ):
        if not name.startswith("kernel"):
            continue
        matrix = (int(np.prod(shape[:3])), shape[3])
        expected = np.float64(before.numpy()).reshape(matrix)
        momentum = np.zeros(matrix)
        for gradient in random_gradients(shape, seed=seed):
            gradient = gradient.reshape(matrix)
            momentum = 0.95 * momentum + gradient
            step = orthogonal(gradient + 0.95 * momentum)
            expected *= 1 - RATE * 0.5
            expected -= RATE * 0.2 * np.sqrt(max(matrix)) * step
        np.testing.assert_allclose(after.reshape(matrix), expected, atol=2e-5)


def test_bfloat16_takes_nearly_the_same_steps():
    start = [np.float64(np.asarray(v.numpy())) for v in made_variables()]
    exact = two_steps(ConvMuon(RATE))
    rough = two_steps(ConvMuon(RATE, orthogonal_dtype="bfloat16"))
    for (name, _), before, one, other in zip(
        SHAPES, start, exact, rough, strict=True
    ):
        error = np.linalg.norm(one - other) / np.linalg.norm(one - before)
        # bfloat16 keeps 8 bits, and Newton-Schulz amplifies its rounding.
        if name.startswith("kernel"):
            assert 0 < error < 0.1
        else:
            assert error == 0


def test_its_configuration_makes_it_again():
    optimizer = ConvMuon(RATE, momentum=0.9, orthogonal_dtype="bfloat16")
    again = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert isinstance(again, ConvMuon)
    assert (again.momentum, again.orthogonal_dtype) == (0.9, "bfloat16")
    assert tuple(again.exclude_layers) == BY_ADAM


@pytest.mark.skipif(keras.backend.backend() == "jax", reason="runs itself")
def test_all_this_on_jax():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", __file__],
        env=os.environ | {"KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
