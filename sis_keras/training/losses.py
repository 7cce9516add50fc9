"""Losses (paper III-C): pure functions of tensors, on any Keras backend.

Images are float `(batch, height, width, 3)`, RGB in [0, 1]; scores are
`(batch, 1)`. Every loss is a scalar.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from sis_keras.networks.imagenet import IMAGE_SCALE

Tensor = Any  # of whichever backend Keras runs on

# === Content ===


def mse(sharp: Tensor, restored: Tensor) -> Tensor:
    """Eq. 4, mean over pixels and channels, on images divided by 0.225."""
    return ops.mean(ops.square((sharp - restored) / IMAGE_SCALE))


def charbonnier(
    sharp: Tensor, restored: Tensor, epsilon: float = 1e-3
) -> Tensor:
    """mean(sqrt((sharp - restored)² + epsilon²)), Charbonnier et al. 1994."""
    return ops.mean(ops.sqrt(ops.square(sharp - restored) + epsilon**2))


def negative_psnr(
    sharp: Tensor, restored: Tensor, epsilon: float = 1e-4
) -> Tensor:
    """-PSNR in dB, mean of images: mean(10 log10(mse of an image + epsilon)).

    So an image counts by the share of its error that goes, not by how much it
    had. The PSNR loss of Chen et al., "HINet", CVPRW 2021; theirs has a mean
    of 255² mse and no epsilon, by which here what is 40 dB near to its target
    (mse = epsilon) hardly counts any more.
    """
    squared = ops.mean(ops.square(sharp - restored), axis=(1, 2, 3))
    return ops.mean(ops.log10(squared + epsilon)) * 10


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
    The sixth equation of Cho et al., "Rethinking coarse-to-fine approach",
    ICCV 2021.
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
    return ops.mean(ops.square(features(sharp) - features(restored)))


CONTENT = {"mse": mse, "charbonnier": charbonnier, "psnr": negative_psnr}

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
        content: "mse" (the paper), "charbonnier" or "psnr".
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
