import numpy as np
import pytest
import tensorflow as tf

from sis_keras.training.adversarial import ADVERSARIAL

# === Adversarial ===


def log_sigmoid(x):
    return np.log(1 / (1 + np.exp(-x)))


# Each from its paper's equation: (discriminator's, generator's), as functions
# of real, fake and their means over the global batch.
GAMES = {
    "ralsgan": (
        lambda real, fake, mean_real, mean_fake: (
            np.mean((real - mean_fake - 1) ** 2)
            + np.mean((fake - mean_real + 1) ** 2)
        ),
        lambda real, fake, mean_real, mean_fake: (
            np.mean((real - mean_fake + 1) ** 2)
            + np.mean((fake - mean_real - 1) ** 2)
        ),
    ),
    "rsgan": (
        lambda real, fake, *means: -np.mean(log_sigmoid(real - fake)),
        lambda real, fake, *means: -np.mean(log_sigmoid(fake - real)),
    ),
    "lsgan": (
        lambda real, fake, *means: np.mean((real - 1) ** 2) + np.mean(fake**2),
        lambda real, fake, *means: np.mean((fake - 1) ** 2),
    ),
    "wgan-gp": (
        lambda real, fake, *means: np.mean(fake) - np.mean(real),
        lambda real, fake, *means: -np.mean(fake),
    ),
}


def scores(seed):
    random = np.random.default_rng(seed)
    return random.normal(0.5, 1.5, (8, 1)).astype(np.float32)


def test_every_game_is_tested():
    assert set(ADVERSARIAL) == set(GAMES)


@pytest.mark.parametrize("name", GAMES)
def test_game_equals_its_equation(name):
    real, fake = scores(0), scores(1)
    # means of a larger batch than this one: not those of real and fake
    means = np.float32(0.3), np.float32(-0.2)
    for ours, expected in zip(ADVERSARIAL[name], GAMES[name], strict=True):
        loss = ours(*map(tf.constant, (real, fake, *means)))
        assert loss.shape == ()
        np.testing.assert_allclose(
            loss.numpy(), expected(real, fake, *means), rtol=1e-5
        )


@pytest.mark.parametrize("name", GAMES)
def test_replicas_with_global_means_average_to_the_whole_batch(name):
    real, fake = scores(2), scores(3)
    means = real.mean(), fake.mean()
    for loss in ADVERSARIAL[name]:
        whole = loss(tf.constant(real), tf.constant(fake), *means)
        parts = [
            loss(tf.constant(real[half]), tf.constant(fake[half]), *means)
            for half in (slice(0, 4), slice(4, 8))
        ]
        np.testing.assert_allclose(np.mean(parts), whole.numpy(), rtol=1e-5)


def test_ralsgan_by_hand():
    """Perfect scores of the discriminator: real 1 above fake."""
    real, fake = tf.ones((2, 1)), tf.zeros((2, 1))
    discriminator, generator = ADVERSARIAL["ralsgan"]
    assert discriminator(real, fake, 1.0, 0.0).numpy() == 0
    assert generator(real, fake, 1.0, 0.0).numpy() == 8


def test_rsgan_stays_finite_for_large_scores():
    large = tf.constant([[1e4]])
    discriminator, generator = ADVERSARIAL["rsgan"]
    assert discriminator(large, -large, 0, 0).numpy() == 0
    assert generator(large, -large, 0, 0).numpy() == 2e4
