"""Training without TensorFlow: a Python that cannot import it does the work,
and the numbers are held against the TensorFlow trainer's and NumPy's."""

import csv
import importlib.util
import math
import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
from places import ROOT, SUPPORT

from sis_keras.weights.generators import GENERATOR, set_model_tensors
from sis_keras.weights.tensors import read_tensors

STEPS = 3
# Batch normalisation takes it off again: its gradient is rounding alone.
TRUNK_BIAS = 1

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="JAX is not installed"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """What jax_script.py left, of which each `given.npz` was there before."""
    folder = tmp_path_factory.mktemp("jax")
    batches = [tiny.make_batch(seed) for seed in range(STEPS)]
    for kind in ("fine", "coarse"):
        (folder / kind).mkdir()
        values = first_weights(kind == "coarse")
        np.savez(
            folder / kind / "given.npz",
            blurry=[batch["blurry"] for batch in batches],
            sharp=[batch["sharp"] for batch in batches],
            **{f"weight{number}": x for number, x in enumerate(values)},
        )
    done = subprocess.run(
        [sys.executable, str(SUPPORT / "jax_script.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (folder / "printed").write_text(done.stdout)
    return folder


def first_weights(coarse=False):
    """Of a generator that is no longer the identity."""
    random = np.random.default_rng(1)
    return [
        (value + random.normal(0, 0.1, value.shape)).astype(np.float32)
        if value.ndim == 4
        else value
        for value in tiny.make_generator(coarse).get_weights()
    ]


def rows(path):
    with open(path) as file:
        return [
            {key: float(value) for key, value in row.items()}
            for row in csv.DictReader(file)
        ]


@pytest.mark.parametrize("kind", ["fine", "coarse"])
def test_steps_equal_those_of_tensorflow(folder, kind):
    import keras

    coarse = kind == "coarse"
    gan = tiny.make_gan(
        "none",
        generator=lambda: tiny.make_generator(coarse),
        coarse_weight=0.5 * coarse,
        content={"content": "charbonnier", "content_weight": 1.0},
        clip_norm=0.05,
        ema_decay=0.7,
    )
    gan.compile(keras.optimizers.Adam(1e-2))
    for model in (gan.generator, gan.averaged_generator):
        model.set_weights(first_weights(coarse))
    given, taken = (
        np.load(folder / kind / f"{name}.npz") for name in ("given", "taken")
    )
    for step in range(STEPS):
        batch = {key: given[key][step] for key in ("blurry", "sharp")}
        logs = gan.train_step(batch)
        # The clip counts only where gradients are larger.
        assert float(logs["generator_gradient_norm"]) > 0.05
        assert {f"coarse_{2**n}" in logs for n in range(1, 5)} == {coarse}
        for key in logs.keys() - {"skipped"}:
            expected = float(logs[key])
            assert taken[key][step] == pytest.approx(expected, rel=1e-3), key
    for name, values in (
        ("weight", gan.generator.get_weights()),
        ("average", gan.averaged_generator.get_weights()),
        ("head", gan.supervision.heads),
        ("optimizer", gan.generator_optimizer.variables),
    ):
        for number, value in enumerate(values):
            if name != "optimizer" and number == TRUNK_BIAS:
                continue
            value = np.asarray(value)
            ours = taken[f"{name}{number}"]
            np.testing.assert_allclose(ours, value, rtol=1e-3, atol=1e-5)
    assert taken["learning_rate"] == pytest.approx([1e-2] * STEPS)


def test_resumed_equals_uninterrupted(folder):
    for name in ("best.safetensors", "last.safetensors", "validation.csv"):
        whole, cut, at_six = (
            (folder / run / name).read_bytes()
            for run in ("whole", "cut", "at_six")
        )
        assert whole == cut
        # The comparison is not of things that never change.
        assert whole != at_six or name == "best.safetensors"
    assert "Out of time at step 6 of 12" in (folder / "printed").read_text()


def test_rows(folder):
    for run in ("whole", "cut"):
        training = rows(folder / run / "training.csv")
        assert [row["step"] for row in training] == [2, 4, 6, 8, 10, 12]
        # A schedule of 12 steps, 2 of them warming up, at the second step of
        # each call.
        for row in training:
            done = min(max((row["step"] - 2) / 10, 0), 1)
            left = (1 + math.cos(math.pi * done)) / 2
            expected = 1e-4 + (1e-2 - 1e-4) * left
            assert row["learning_rate"] == pytest.approx(expected, rel=1e-3)
        validation = rows(folder / run / "validation.csv")
        assert [row["step"] for row in validation] == [0, 4, 8, 12]
        assert validation[0]["gain"] == 0
        # Brightening by a ninth is what there is to learn.
        assert validation[-1]["gain"] > 0.3
        for row in validation:
            mean = (row["gain_real"] + row["gain_flow"]) / 2
            assert row["gain"] == pytest.approx(mean, abs=1e-5)
            assert row["gain_real"] != row["gain_flow"] or row["step"] == 0


def test_the_product_is_a_weight_file(folder):
    tensors, metadata = read_tensors(
        folder / "whole/best.safetensors", GENERATOR
    )
    generator = tiny.make_generator()
    set_model_tensors(generator, GENERATOR, tensors)
    assert {x.dtype for x in tensors.values()} == {np.dtype("float32")}
    best = max(
        rows(folder / "whole/validation.csv"), key=lambda row: row["gain"]
    )
    assert metadata["card"]["step"] == best["step"]
    card = metadata["card"]["validation"]
    assert card["gain"] == pytest.approx(best["gain"], rel=1e-4)
    blurry = np.full((1, 20, 24, 3), 0.5, np.float32)
    restored = generator(blurry, training=False).numpy()
    assert np.mean(restored - blurry) > 0.005


def test_half_precision(folder):
    tensors, _ = read_tensors(folder / "half/last.safetensors")
    kinds = {
        name: tensors[f"training/{name}/0001"].dtype.name
        for name in ("generator", "generator_optimizer")
    }
    assert kinds == {"generator": "float16", "generator_optimizer": "bfloat16"}
