import keras
import numpy as np
import pytest
import tiny
from expanding_path import conv_3x3

from sis_keras.networks.generator import build_generator
from sis_keras.training.losses import charbonnier
from sis_keras.training.muon import ConvMuon
from sis_keras.training.supervision import STEPS, Supervision

ARGUMENTS = {
    "width_multiplier": 0.25,
    "fusion_channels": 4,
    "normalization": "none",
}
CHARBONNIER = {"content": "charbonnier", "content_weight": 1.0}


def random_heads(supervision):
    random = np.random.default_rng(0)
    for head in supervision.heads:
        head.assign(random.normal(0, 0.1, head.shape))


def averaged_down(image, scale):
    """Means of squares of `scale` pixels; what is left over is dropped."""
    count, height, width, _ = image.shape
    height, width = height // scale, width // scale
    image = image[:, : height * scale, : width * scale]
    squares = image.reshape(count, height, scale, width, scale, 3)
    return squares.mean(axis=(2, 4), dtype=np.float64)


@pytest.mark.parametrize("height, width", [(32, 64), (50, 36)])
def test_each_coarse_term_is_the_content_loss_at_its_scale(height, width):
    generator = build_generator(**ARGUMENTS)
    supervision = Supervision(generator, CHARBONNIER, coarse_weight=0.5)
    random_heads(supervision)
    random = np.random.default_rng(1)
    last = generator.get_layer("to_rgb").kernel
    last.assign(random.normal(0, 1, last.shape))
    blurry, sharp = random.random((2, 2, height, width, 3), np.float32)
    restored, terms = supervision(blurry, sharp)
    np.testing.assert_array_equal(restored, generator(blurry, training=True))
    assert np.max(restored) > 1  # Not clipped.
    np.testing.assert_allclose(
        terms.pop("content"), charbonnier(sharp, restored), rtol=1e-6
    )
    assert terms.keys() == {f"coarse_{scale}" for scale in STEPS}
    for number, (scale, name) in enumerate(STEPS.items()):
        step = keras.Model(generator.input, generator.get_layer(name).output)
        kernel, bias = (
            np.asarray(v, np.float64)
            for v in supervision.heads[2 * number : 2 * number + 2]
        )
        x = conv_3x3(np.asarray(step(blurry), np.float64), kernel, bias)
        small_sharp = averaged_down(sharp, scale)
        x = x[:, : height // scale, : width // scale]
        error = averaged_down(blurry, scale) + np.tanh(x) / 2 - small_sharp
        expected = 0.5 * np.sqrt(error**2 + 1e-6).mean()
        np.testing.assert_allclose(terms[f"coarse_{scale}"], expected, 1e-5)


def test_the_frequency_term_counts_at_each_scale():
    generator = build_generator(**ARGUMENTS)
    batch = tiny.make_batch(size=64)
    blurry, sharp = batch["blurry"], batch["sharp"]
    with_it = CHARBONNIER | {"frequency_weight": 0.02, "ssim_weight": 0.1}
    _, terms = Supervision(generator, with_it, 1.0)(blurry, sharp)
    for scale in STEPS:
        # Heads start at zero: the residual is none.
        error = averaged_down(sharp - blurry, scale)
        spectrum = np.fft.fft2(error, axes=(1, 2))
        parts = (np.abs(spectrum.real).mean(), np.abs(spectrum.imag).mean())
        expected = np.sqrt(error**2 + 1e-6).mean() + 0.02 * np.mean(parts)
        np.testing.assert_allclose(terms[f"coarse_{scale}"], expected, 1e-4)


def test_without_a_weight_there_are_no_heads():
    generator = build_generator(**ARGUMENTS)
    supervision = Supervision(generator, CHARBONNIER)
    assert not supervision.heads
    batch = tiny.make_batch()
    _, terms = supervision(batch["blurry"], batch["sharp"])
    assert terms.keys() == {"content"}


def test_the_heads_learn_and_the_product_is_without_them():
    gan = tiny.make_gan(
        "none",
        generator=lambda: build_generator(**ARGUMENTS),
        content=CHARBONNIER,
        coarse_weight=1.0,
    )
    random = np.random.default_rng(0)
    sharp = random.random((4, 32, 32, 3), np.float32)
    batch = {"blurry": 0.7 * sharp, "sharp": sharp}
    first, *_, last = [gan.train_step(batch) for _ in range(12)]
    for scale in STEPS:
        key = f"coarse_{scale}"
        assert float(last[key]) < float(first[key])
    assert all(np.any(head.numpy()) for head in gan.supervision.heads)
    names = {v.path for v in build_generator(**ARGUMENTS).variables}
    assert {v.path for v in gan.generator.variables} == names


def test_a_bad_step_leaves_the_heads():
    gan = tiny.make_gan(
        "none",
        generator=lambda: tiny.make_generator(coarse=True),
        content=CHARBONNIER,
        coarse_weight=1.0,
    )
    random_heads(gan.supervision)
    before = [head.numpy() for head in gan.supervision.heads]
    batch = tiny.make_batch()
    batch["blurry"] = batch["blurry"] * np.float32("nan")
    assert float(gan.train_step(batch)["skipped"]) == 1
    for old, head in zip(before, gan.supervision.heads, strict=True):
        np.testing.assert_array_equal(head, old)


def test_muon_leaves_the_heads_to_adam():
    """They are output layers, as the generator's own last one."""
    supervision = Supervision(build_generator(**ARGUMENTS), CHARBONNIER, 1.0)
    optimizer = ConvMuon()
    optimizer.build(supervision.trainable_variables)
    assert all(optimizer._should_use_adamw(x) for x in supervision.heads)
