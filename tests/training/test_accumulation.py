"""A batch in parts against the whole, and against plain NumPy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

from sis_keras.networks.discriminator import build_discriminator
from sis_keras.networks.generator import build_generator
from sis_keras.networks.inception import freeze_batch_norm
from sis_keras.training.accumulation import mean_over_parts
from sis_keras.training.gan import DeblurringGAN

# Nothing of a picture depends on the others of its batch.
ARGUMENTS = {
    "width_multiplier": 0.25,
    "fusion_channels": 4,
    "normalization": "none",
    "branch_pooling": "max",
}
TERMS = {
    "content": "charbonnier",
    "content_weight": 1.0,
    "ssim_weight": 0.1,
    "frequency_weight": 0.02,
}


def tensors(batch):
    return {key: tf.constant(value) for key, value in batch.items()}


def numbers(variables):
    return [v.numpy() for v in variables]


def sisnet():
    return build_generator(**ARGUMENTS)


def frozen():
    generator = tiny.make_generator(coarse=True)
    freeze_batch_norm(generator)
    return generator


def make_gan(make_generator, accumulation, adversarial):
    generators = make_generator(), make_generator()
    # Far from the identity, so that all layers learn at once.
    for generator in generators:
        last = generator.get_layer("to_rgb").kernel
        last.assign(np.random.default_rng(0).normal(0, 0.1, last.shape))
    plays = adversarial != "none"
    gan = DeblurringGAN(
        *generators,
        *[build_discriminator(False, x) for x in (1, 2) if plays],
        adversarial=adversarial,
        content=TERMS,
        coarse_weight=0.5,
        clip_norm=0.1,
        ema_decay=0.5,
        accumulation=accumulation,
    )
    gan.compile(*[keras.optimizers.SGD(0.1) for _ in range(1 + plays)])
    return gan


def trained(make_generator, accumulation, adversarial):
    gan = make_gan(make_generator, accumulation, adversarial)
    step = tf.function(gan.train_step)
    logs = [
        {k: float(v) for k, v in step(tensors(batch)).items()}
        for batch in (tiny.make_batch(seed, count=4) for seed in range(3))
    ]
    networks = [gan.generator, gan.averaged_generator, *gan.discriminators]
    variables = [v for x in networks for v in x.variables]
    return logs, numbers(variables + gan.supervision.heads)


@pytest.mark.parametrize(
    "make_generator, adversarial, parts",
    # The scores of lsgan meet no means of the batch.
    [(sisnet, "none", 2), (frozen, "lsgan", 2), (frozen, "lsgan", 4)],
)
def test_parts_train_as_the_whole(make_generator, adversarial, parts):
    logs, weights = trained(make_generator, 1, adversarial)
    # Clipped.
    assert all(row["generator_gradient_norm"] > 0.1 for row in logs)
    found, moved = trained(make_generator, parts, adversarial)
    for row, expected in zip(found, logs, strict=True):
        assert row == pytest.approx(expected, rel=1e-5, abs=1e-5)
    for one, other in zip(moved, weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("wrap", [lambda x: x, tf.function])
def test_means_over_parts(wrap):
    random = np.random.default_rng(0)
    x = random.random((6, 2), np.float32)

    def of(part, number):
        assert part["x"].shape == (2, 2)
        square = tf.reduce_sum(part["x"], axis=0) ** 2
        return [square], {"number": tf.cast(number, tf.float32)}

    [squares], logs = wrap(lambda x: mean_over_parts(of, {"x": x}, 3))(
        tf.constant(x)
    )
    expected = np.mean([x[i : i + 2].sum(axis=0) ** 2 for i in (0, 2, 4)], 0)
    np.testing.assert_allclose(squares, expected, rtol=1e-6)
    assert float(logs["number"]) == 1


def test_relativistic_means_are_of_each_part():
    gan = tiny.make_gan("ralsgan", accumulation=2)
    batch = tiny.make_batch(count=4)
    expected = []
    for discriminator, view in (
        (gan.global_discriminator, lambda batch, key: batch[key]),
        (gan.local_discriminator, cut),
    ):
        # Before the first step the generator is the identity.
        real, fake = (
            discriminator(view(batch, key)).numpy().reshape(2, 2)
            for key in ("sharp", "blurry")
        )
        for r, f in zip(real, fake, strict=True):
            expected.append(
                ((r - f.mean() - 1) ** 2).mean()
                + ((f - r.mean() + 1) ** 2).mean()
            )
    logs = gan.train_step(tensors(batch))
    np.testing.assert_allclose(
        logs["discriminator_loss"], np.mean(expected), rtol=1e-5
    )


def cut(batch, key):
    pairs = zip(batch[key], batch["local_origin"], strict=True)
    return np.stack(
        [
            image[top : top + 16, left : left + 16]
            for image, (top, left) in pairs
        ]
    )


@pytest.mark.parametrize("adversarial", ["none", "ralsgan"])
def test_batch_averages_move_once_with_each_part(adversarial):
    gan = tiny.make_gan(adversarial, accumulation=2)
    maps = keras.Model(
        gan.generator.input, gan.generator.get_layer("trunk").output
    )
    batch = tiny.make_batch(count=4)
    mean, variance = np.zeros(4), np.ones(4)
    for part in (slice(2), slice(2, 4)):
        x = np.asarray(maps(batch["blurry"][part]), np.float64)
        mean = 0.99 * mean + 0.01 * x.mean(axis=(0, 1, 2))
        variance = 0.99 * variance + 0.01 * x.var(axis=(0, 1, 2))
    tf.function(gan.train_step)(tensors(batch))
    norm = gan.generator.get_layer("norm")
    np.testing.assert_allclose(norm.moving_mean, mean, atol=1e-6)
    np.testing.assert_allclose(norm.moving_variance, variance, atol=1e-6)


@pytest.mark.parametrize("adversarial", ["none", "wgan-gp"])
def test_a_bad_picture_of_one_part_changes_nothing(adversarial):
    gan = tiny.make_gan(adversarial, accumulation=2)
    step = tf.function(gan.train_step)
    step(tensors(tiny.make_batch(count=4)))
    networks = [gan.generator, gan.averaged_generator, *gan.discriminators]
    variables = [v for x in networks for v in x.variables]
    variables += gan.generator_optimizer.variables
    before = numbers(variables)
    bad = tiny.make_batch(1, count=4)
    bad["blurry"][3] = np.nan
    assert float(step(tensors(bad))["skipped"]) == 1
    for old, new in zip(before, variables, strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    assert float(step(tensors(tiny.make_batch(2, count=4)))["skipped"]) == 0


def test_float16_unscales_the_mean():
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        norms = []
        for parts in (1, 2):
            gan = tiny.make_gan(
                "none",
                float16=True,
                content={"content_weight": 0.5},
                accumulation=parts,
            )
            batch = tiny.make_batch(count=4)
            # Equal halves: batch statistics are those of the whole.
            for value in batch.values():
                value[2:] = value[:2]
            logs = tf.function(gan.train_step)(tensors(batch))
            assert float(logs["skipped"]) == 0
            norms.append(float(logs["generator_gradient_norm"]))
        assert norms[1] == pytest.approx(norms[0], rel=1e-2)
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
