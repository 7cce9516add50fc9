"""Adversarial losses: Eq. 6 of the paper, and others to compare with."""

from keras import ops

from sis_keras.training.losses import Tensor

# === Adversarial ===
#
# Each takes the scores of real and fake images and their means over the
# global batch, which the training step reduces over its replicas.


def ralsgan_discriminator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """Eq. 6, as printed."""
    return ops.mean(ops.square(real - mean_fake - 1)) + ops.mean(
        ops.square(fake - mean_real + 1)
    )


def ralsgan_generator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """Eq. 6 with the roles of real and fake swapped."""
    return ops.mean(ops.square(real - mean_fake + 1)) + ops.mean(
        ops.square(fake - mean_real - 1)
    )


def rsgan_discriminator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """-E log sigmoid(D(real) - D(fake)), pair by pair.

    The relativistic standard GAN, Jolicoeur-Martineau, ICLR 2019.
    """
    del mean_real, mean_fake
    return ops.mean(ops.softplus(fake - real))


def rsgan_generator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """-E log sigmoid(D(fake) - D(real)), pair by pair."""
    del mean_real, mean_fake
    return ops.mean(ops.softplus(real - fake))


def lsgan_discriminator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """E (D(real) - 1)² + E D(fake)², as CycleGAN's; Mao et al., ICCV 2017."""
    del mean_real, mean_fake
    return ops.mean(ops.square(real - 1)) + ops.mean(ops.square(fake))


def lsgan_generator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """E (D(fake) - 1)²."""
    del real, mean_real, mean_fake
    return ops.mean(ops.square(fake - 1))


def wgan_discriminator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """E D(fake) - E D(real); the gradient penalty is the training step's.

    Differs from paper: plain WGAN there; Gulrajani et al., NeurIPS 2017.
    """
    del mean_real, mean_fake
    return ops.mean(fake) - ops.mean(real)


def wgan_generator(
    real: Tensor, fake: Tensor, mean_real: Tensor, mean_fake: Tensor
) -> Tensor:
    """-E D(fake)."""
    del real, mean_real, mean_fake
    return -ops.mean(fake)


# name: (discriminator's loss, generator's loss)
ADVERSARIAL = {
    "ralsgan": (ralsgan_discriminator, ralsgan_generator),
    "rsgan": (rsgan_discriminator, rsgan_generator),
    "lsgan": (lsgan_discriminator, lsgan_generator),
    "wgan-gp": (wgan_discriminator, wgan_generator),
}
