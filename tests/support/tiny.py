"""A generator small enough for tests of the game, and made batches."""

import keras
import numpy as np

from sis_keras.networks.generator import RestoredImage
from sis_keras.networks.inception import TrunkNormalization


def make_generator(coarse=False, synchronized=False):
    """Two convolutions that keep the generator's contract: layers of its own
    kinds, starting as the identity, with averages, clipped at inference.

    With `coarse` there are the four scales that `Supervision` looks at; with
    `synchronized` batch statistics are those of all replicas.
    """
    blurry = keras.Input((None, None, 3))
    x = keras.layers.Conv2D(
        4,
        3,
        padding="same",
        kernel_initializer=keras.initializers.HeNormal(5),
        name="trunk",
    )(blurry)
    x = TrunkNormalization(synchronized=synchronized, name="norm")(x)
    x = keras.layers.Activation("relu")(x)
    for step in (4, 3, 2, 1) if coarse else ():
        kernel = keras.initializers.HeNormal(step)
        scale = 2 ** (5 - step)
        small = keras.layers.AveragePooling2D(scale)(x)
        small = keras.layers.Conv2D(
            4, 1, kernel_initializer=kernel, name=f"previous_{step}"
        )(small)
        x = keras.layers.Add()([x, keras.layers.UpSampling2D(scale)(small)])
    x = keras.layers.Conv2D(
        3, 3, padding="same", kernel_initializer="zeros", name="to_rgb"
    )(x)
    return keras.Model(blurry, RestoredImage()([blurry, x]), name="tiny")


def random_generator(seed):
    """The same with random weights, far from the identity."""
    generator = make_generator()
    random = np.random.default_rng(seed)
    generator.set_weights(
        [
            0.1 * random.random(w.shape, np.float32)
            for w in generator.get_weights()
        ]
    )
    return generator


def make_gan(
    adversarial="ralsgan", float16=False, generator=make_generator, **arguments
):
    """A compiled game; both generators begin alike."""
    from sis_keras.networks.discriminator import build_discriminator
    from sis_keras.training.gan import DeblurringGAN

    discriminators = [
        build_discriminator(adversarial == "ralsgan", seed, name)
        for seed, name in ((1, "global"), (2, "local"))
        if adversarial != "none"
    ]
    gan = DeblurringGAN(
        generator(),
        generator(),
        *discriminators,
        adversarial=adversarial,
        **arguments,
    )
    optimizers = [keras.optimizers.Adam(1e-3) for _ in range(2)]
    if float16:
        wrap = keras.optimizers.LossScaleOptimizer
        optimizers = [wrap(optimizer) for optimizer in optimizers]
    gan.compile(*optimizers)
    return gan


def make_batch(seed=0, count=2, size=32):
    """What `training_batches` gives, of random pictures."""
    random = np.random.default_rng(seed)
    shape = (count, size, size, 3)
    return {
        "blurry": random.random(shape, np.float32),
        "sharp": random.random(shape, np.float32),
        "local_origin": random.integers(size // 2 + 1, size=(count, 2)).astype(
            np.int32
        ),
    }
