"""Losses (paper III-C): pure functions of tensors, on any Keras backend.

Images are float `(batch, height, width, 3)`, RGB in [0, 1]; scores are
`(batch, 1)`. Every loss is a scalar.
"""

import pathlib
import warnings
from typing import Any

import keras
import numpy as np
from keras import ops

from sis_keras.errors import UserError

Tensor = Any  # of whichever backend Keras runs on

# The standard deviation of ImageNet's channels, about; the authors' code takes
# its losses on normalised images, and 0.5 and 0.006 belong to that scale.
IMAGE_SCALE = 0.225
# The authors' VGG16 takes unit variance, Keras's takes 0…255. A heuristic.
FEATURE_SCALE = IMAGE_SCALE * 255
VGG16_MEAN_BGR = (103.939, 116.779, 123.68)
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"

# === Content ===


def mse(sharp: Tensor, restored: Tensor) -> Tensor:
    """Eq. 4, mean over pixels and channels, on images divided by 0.225."""
    return ops.mean(ops.square((sharp - restored) / IMAGE_SCALE))


def charbonnier(
    sharp: Tensor, restored: Tensor, epsilon: float = 1e-3
) -> Tensor:
    """mean(sqrt((sharp - restored)² + epsilon²)), Charbonnier et al. 1994."""
    return ops.mean(ops.sqrt(ops.square(sharp - restored) + epsilon**2))


def ssim_loss(sharp: Tensor, restored: Tensor) -> Tensor:
    """1 - SSIM: 11x11 Gaussian, sigma 1.5, valid region, mean of channels.

    Height and width at least 11. Wang et al., IEEE TIP 2004.
    """

    def blur(x):
        for shape in ((11, 1, 3, 1), (1, 11, 3, 1)):
            kernel = np.broadcast_to(_GAUSSIAN.reshape(*shape[:2], 1, 1), shape)
            x = ops.depthwise_conv(x, ops.cast(kernel, x.dtype))
        return x

    sharp = ops.cast(sharp, "float32")
    restored = ops.cast(restored, "float32")
    mean_s, mean_r = blur(sharp), blur(restored)
    var_s = blur(sharp * sharp) - mean_s**2
    var_r = blur(restored * restored) - mean_r**2
    covariance = blur(sharp * restored) - mean_s * mean_r
    c1, c2 = 0.01**2, 0.03**2
    luminance = (2 * mean_s * mean_r + c1) / (mean_s**2 + mean_r**2 + c1)
    structure = (2 * covariance + c2) / (var_s + var_r + c2)
    return 1 - ops.mean(luminance * structure)


_GAUSSIAN = np.exp(-(np.arange(-5, 6, dtype=np.float64) ** 2) / (2 * 1.5**2))
_GAUSSIAN /= _GAUSSIAN.sum()


def frequency(sharp: Tensor, restored: Tensor) -> Tensor:
    """L1 of the real and imaginary parts of the difference's 2-D spectrum.

    Mean over both parts; the transform is not normalised; float32 always.
    Cho et al., "Rethinking coarse-to-fine approach", ICCV 2021, Eq. 6.
    """
    difference = ops.cast(sharp, "float32") - ops.cast(restored, "float32")
    difference = ops.transpose(difference, (0, 3, 1, 2))
    real, imaginary = ops.fft2((difference, ops.zeros_like(difference)))
    return (ops.mean(ops.abs(real)) + ops.mean(ops.abs(imaginary))) / 2


def perceptual(
    features: keras.Model, sharp: Tensor, restored: Tensor
) -> Tensor:
    """Eq. 5: mean squared difference of VGG16's ReLU 3_3 maps.

    Args:
        features: The model that `vgg16_features` returns.
    """
    difference = features(sharp) - features(restored)
    difference = ops.cast(difference, "float32") / FEATURE_SCALE
    return ops.mean(ops.square(difference))


def vgg16_features(weights_path) -> keras.Model:
    """Images in [0, 1] to VGG16's ReLU 3_3 maps, `(batch, h/4, w/4, 256)`.

    Args:
        weights_path: Keras's public ImageNet file, `vgg16_weights_tf_dim_
            ordering_tf_kernels_notop.h5`, or a `.weights.h5` of that model.

    Raises:
        UserError: The file is missing, None or not VGG16's.
    """
    path = pathlib.Path(weights_path or "")
    if not path.is_file():
        received = f"{path}, which is no file" if weights_path else "none"
        raise UserError(
            "The perceptual loss needs --vgg16_weights: expected Keras's "
            f"{VGG16_FILE}. Received: {received}. "
            "Name the file, or set --perceptual_weight=0."
        )
    vgg16 = keras.applications.VGG16(include_top=False, weights=None)
    try:
        # Keras warns of each layer that a file lacks before it raises.
        with warnings.catch_warnings(action="ignore"):
            vgg16.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise UserError(
            f"Expected VGG16's weights ({VGG16_FILE}) in {path}. Received a "
            f"file that does not fit: {str(error).splitlines()[0]}"
        ) from error
    relu_3_3 = vgg16.get_layer("block3_conv3").output
    trunk = keras.Model(vgg16.input, relu_3_3, name="vgg16_relu_3_3")
    image = keras.Input((None, None, 3))
    bgr = keras.layers.Lambda(
        lambda x: x[..., ::-1] * 255.0 - ops.cast(VGG16_MEAN_BGR, x.dtype),
        output_shape=(None, None, 3),
        dtype="float32",  # 0…255 would be rounded to whole numbers else
    )(image)
    model = keras.Model(image, trunk(bgr), name="vgg16_features")
    model.trainable = False
    return model


CONTENT = {"mse": mse, "charbonnier": charbonnier}

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

# === The generator's content terms (Eq. 7 without its last) ===


def content_terms(
    sharp: Tensor,
    restored: Tensor,
    content: str = "mse",
    content_weight: float = 0.5,
    perceptual_weight: float = 0.0,
    ssim_weight: float = 0.0,
    frequency_weight: float = 0.0,
    features: keras.Model | None = None,
) -> dict[str, Tensor]:
    """Each weighted term by name; terms of weight 0 are left out.

    Args:
        content: "mse" (the paper) or "charbonnier".
        features: `vgg16_features`, needed by the perceptual term alone.
    """
    terms = {}
    if content_weight:
        terms["content"] = content_weight * CONTENT[content](sharp, restored)
    if perceptual_weight:
        value = perceptual(features, sharp, restored)
        terms["perceptual"] = perceptual_weight * value
    if ssim_weight:
        terms["ssim"] = ssim_weight * ssim_loss(sharp, restored)
    if frequency_weight:
        terms["frequency"] = frequency_weight * frequency(sharp, restored)
    return terms
