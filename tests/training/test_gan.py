import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny
from places import SUPPORT

from sis_keras.training.game import gradient_penalty, local_crop


def snapshot(variables):
    return [v.numpy() for v in variables]


def all_variables(gan):
    groups = [gan.generator, gan.averaged_generator, *gan.discriminators]
    groups += [gan.generator_optimizer, gan.discriminator_optimizer]
    return [v for x in groups if x is not None for v in x.variables]


def step(gan, batch):
    return {k: float(v) for k, v in gan.train_step(as_tensors(batch)).items()}


def as_tensors(batch):
    return {key: tf.constant(value) for key, value in batch.items()}


def test_one_step_trains_all_three_networks():
    gan = tiny.make_gan()
    networks = [gan.generator, *gan.discriminators]
    before = [snapshot(network.trainable_variables) for network in networks]
    step(gan, tiny.make_batch())
    for network, old in zip(networks, before, strict=True):
        new = snapshot(network.trainable_variables)
        # The generator starts as the identity: only its last layer has a
        # gradient in the first step.
        assert any((a != b).any() for a, b in zip(old, new, strict=True))


def test_the_terms_are_the_equations():
    gan = tiny.make_gan(content={"content": "mse", "content_weight": 0.5})
    batch = tiny.make_batch()
    logs = step(gan, batch)
    # Before the first step the generator is the identity.
    error = (batch["sharp"] - batch["blurry"]) / 0.225
    np.testing.assert_allclose(logs["content"], 0.5 * (error**2).mean(), 1e-5)
    np.testing.assert_allclose(
        logs["loss"], logs["content"] + logs["adversarial"], rtol=1e-6
    )
    mse = ((batch["sharp"] - batch["blurry"]) ** 2).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(
        logs["psnr"], (10 * np.log10(1 / mse)).mean(), rtol=1e-5
    )


def test_the_discriminators_play_equation_6_on_whole_and_local():
    gan = tiny.make_gan()
    batch = tiny.make_batch(count=3)
    scores = []
    for name, crop in (("global", whole), ("local", cut)):
        discriminator = getattr(gan, f"{name}_discriminator")
        scores.append(
            [
                discriminator(crop(batch, key)).numpy().astype(np.float64)
                for key in ("sharp", "blurry")
            ]
        )
    expected = np.mean(
        [
            ((real - fake.mean() - 1) ** 2).mean()
            + ((fake - real.mean() + 1) ** 2).mean()
            for real, fake in scores
        ]
    )
    logs = step(gan, batch)
    np.testing.assert_allclose(logs["discriminator_loss"], expected, 1e-5)
    for name, (real, fake) in zip(("global", "local"), scores, strict=True):
        np.testing.assert_allclose(
            logs[f"{name}_real_score"], real.mean(), 1e-5
        )
        np.testing.assert_allclose(
            logs[f"{name}_fake_score"], fake.mean(), 1e-5
        )


def whole(batch, key):
    return batch[key]


def cut(batch, key):
    half = batch[key].shape[1] // 2
    return np.stack(
        [
            image[top : top + half, left : left + half]
            for image, (top, left) in zip(
                batch[key], batch["local_origin"], strict=True
            )
        ]
    )


def test_local_crop_is_a_slice():
    batch = tiny.make_batch(seed=3, count=4)
    cropped = local_crop(
        tf.constant(batch["sharp"]), tf.constant(batch["local_origin"])
    )
    np.testing.assert_array_equal(cropped, cut(batch, "sharp"))


def test_the_average_follows_its_formula():
    gan = tiny.make_gan("none", ema_decay=0.999)
    expected = snapshot(gan.averaged_generator.variables)
    for number in range(1, 4):
        step(gan, tiny.make_batch(number))
        decay = min(0.999, (1 + number) / (10 + number))
        expected = [
            decay * old + (1 - decay) * new.numpy()
            for old, new in zip(expected, gan.generator.variables, strict=True)
        ]
    for want, got in zip(
        expected, gan.averaged_generator.variables, strict=True
    ):
        np.testing.assert_allclose(got, want, atol=1e-6)


def test_the_discriminators_do_not_see_the_generators_gradient():
    played, alone = tiny.make_gan(), tiny.make_gan("none")
    batch = tiny.make_batch()
    played.adversarial_weight = 0.0
    step(played, batch)
    step(alone, batch)
    for a, b in zip(
        played.generator.variables, alone.generator.variables, strict=True
    ):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("wrap", [lambda x: x, tf.function])
def test_without_a_game_a_step_is_that_of_a_plain_loop(wrap):
    gan = tiny.make_gan(
        "none",
        content={"content": "mse", "content_weight": 0.5},
        clip_norm=0.3,
        ema_decay=0.5,
    )
    train = wrap(gan.train_step)
    model, adam = tiny.make_generator(), keras.optimizers.Adam(1e-3)
    average = [v.numpy() for v in model.variables]
    for number in range(1, 4):
        batch = as_tensors(tiny.make_batch(number))
        logs = train(batch)
        with tf.GradientTape() as tape:
            error = batch["sharp"] - model(batch["blurry"], training=True)
            loss = 0.5 * tf.reduce_mean(tf.square(error / 0.225))
        gradients = tape.gradient(loss, model.trainable_variables)
        norm = np.sqrt(sum(np.sum(np.square(g)) for g in gradients))
        assert norm > 0.3
        adam.apply(
            [g * (0.3 / norm) for g in gradients], model.trainable_variables
        )
        decay = min(0.5, (1 + number) / (10 + number))
        average = [
            decay * old + (1 - decay) * new.numpy()
            for old, new in zip(average, model.variables, strict=True)
        ]
        assert float(logs["skipped"]) == 0
        np.testing.assert_allclose(logs["loss"], loss, rtol=1e-5)
        np.testing.assert_allclose(
            logs["generator_gradient_norm"], norm, rtol=1e-4
        )
    for ours, theirs in (
        (gan.generator.variables, snapshot(model.variables)),
        (gan.averaged_generator.variables, average),
    ):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one.numpy(), other, atol=1e-5)


@pytest.mark.parametrize("game", ["ralsgan", "rsgan", "lsgan", "wgan-gp"])
def test_each_game_moves_the_scores_apart(game):
    gan = tiny.make_gan(game)
    train = tf.function(gan.train_step)
    batch = as_tensors(tiny.make_batch(count=4))
    logs = [train(batch) for _ in range(15)]
    losses = [float(log["discriminator_loss"]) for log in logs]
    assert losses[-1] < losses[0]
    assert all(np.isfinite(float(v)) for v in logs[-1].values())


def test_gradient_penalty_of_a_linear_critic():
    gan = tiny.make_gan("wgan-gp")
    image = keras.Input((None, None, 3))
    x = keras.layers.GlobalAveragePooling2D()(image)
    slope = np.array([[3.0], [0.0], [4.0]], np.float32)
    linear = keras.Model(image, keras.layers.Dense(1, use_bias=False)(x))
    linear.set_weights([slope])
    batch = tiny.make_batch(size=8)
    value = gradient_penalty(
        linear,
        tf.constant(batch["sharp"]),
        tf.constant(batch["blurry"]),
        tf.constant(0, tf.int64),
    )
    # d score / d pixel = slope / 64, over 64 pixels: norm = 5 / 8.
    np.testing.assert_allclose(value, (5 / 8 - 1) ** 2, rtol=1e-5)
    assert gan.penalized


@pytest.mark.parametrize("game", ["ralsgan", "none"])
@pytest.mark.parametrize("key", ["blurry", "sharp"])
def test_one_nan_picture_changes_nothing_and_is_counted(game, key):
    gan = tiny.make_gan(game, clip_norm=1.0)
    step(gan, tiny.make_batch())
    before = snapshot(all_variables(gan))
    bad = tiny.make_batch(1)
    bad[key][1] = np.nan
    assert step(gan, bad)["skipped"] == 1
    for old, new in zip(before, all_variables(gan), strict=True):
        np.testing.assert_array_equal(old, new.numpy())
    assert int(gan.skipped_in_a_row) == 1
    assert step(gan, tiny.make_batch(2))["skipped"] == 0
    assert (int(gan.skipped), int(gan.skipped_in_a_row)) == (1, 0)


def test_float16_lowers_its_scale_instead_of_counting():
    keras.mixed_precision.set_dtype_policy("mixed_float16")
    try:
        gan = tiny.make_gan(
            "none", float16=True, content={"content_weight": 1e4}
        )
        scale = float(gan.generator_optimizer.dynamic_scale)
        before = snapshot(gan.generator.variables)
        logs = step(gan, tiny.make_batch())
        assert not np.isfinite(logs["generator_gradient_norm"])
        assert float(gan.generator_optimizer.dynamic_scale) == scale / 2
        assert int(gan.skipped) == 0
        for old, new in zip(before, gan.generator.variables, strict=True):
            np.testing.assert_array_equal(old, new.numpy())
    finally:
        keras.mixed_precision.set_dtype_policy("float32")


def test_clipping_bounds_what_the_optimizer_gets():
    seen = []

    class Recorder(keras.optimizers.SGD):
        def apply(self, gradients, variables=None):
            seen.append(float(tf.linalg.global_norm(gradients)))
            super().apply(gradients, variables)

    gan = tiny.make_gan("none", clip_norm=0.01)
    gan.compile(Recorder(1e-3))
    logs = step(gan, tiny.make_batch())
    assert logs["generator_gradient_norm"] > 0.02
    np.testing.assert_allclose(seen, [0.01], rtol=1e-4)


def test_two_replicas_compute_what_one_does(tmp_path):
    """Needs logical devices, which must be set before TensorFlow starts."""
    script = SUPPORT / "replicas_script.py"
    done = subprocess.run(
        [sys.executable, script, tmp_path], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "equal" in done.stdout
