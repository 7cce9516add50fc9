"""What a camera does to a picture beside motion blur."""

import cv2
import numpy as np

from sis_keras.data.blur.lengths import pixels
from sis_keras.files.pictures import to_uint8


def damaged(
    blurry: np.ndarray,
    rng: np.random.Generator,
    *,
    defocus_probability: float = 0.03,
    defocus: tuple[float, float] = (0.7, 4.0),
    noise_probability: float = 0.5,
    noise: tuple[float, float] = (0.5, 3.0),
    jpeg_probability: float = 0.5,
    jpeg_quality: tuple[int, int] = (75, 98),
) -> np.ndarray:
    """What a camera does to a picture beside motion blur.

    Args:
        blurry: float32 `(height, width, 3)` in [0, 1].
        rng: Where the draws come from.
        defocus_probability: Share of the pictures out of focus.
        defocus: Radius of its disc in pixels of a 720p picture.
        noise_probability: Share of the pictures with noise.
        noise: Its standard deviation at mid grey, in steps of 1/255.
        jpeg_probability: Share of the pictures that go through JPEG.
        jpeg_quality: Range of its quality.

    Returns:
        uint8.
    """
    if rng.random() < defocus_probability:
        radius = pixels(rng.uniform(*defocus), blurry.shape[:2])
        blurry = cv2.filter2D(
            blurry, -1, disc(radius), borderType=cv2.BORDER_REFLECT
        )
    if rng.random() < noise_probability:
        blurry = add_noise(blurry, rng, rng.uniform(*noise))
    blurry = to_uint8(blurry)
    if rng.random() < jpeg_probability:
        quality = int(rng.integers(*jpeg_quality, endpoint=True))
        blurry = _through_jpeg(blurry, quality)
    return blurry


def disc(radius: float) -> np.ndarray:
    """A disc's kernel that sums to 1, its edge a pixel soft; float32."""
    reach = int(np.ceil(radius + 0.5))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.hypot(x, y), 0.0, 1.0)
    return (kernel / kernel.sum()).astype(np.float32)


def match_brightness(blurry: np.ndarray, sharp: np.ndarray) -> np.ndarray:
    """Gives a blurred picture the sharp one's low frequencies.

    A blur averaged in linear light, or through a camera's response, comes out
    brighter than the stored values' mean, and a network trained on it darkens
    every picture. The difference of the two pictures, blurred by a Gaussian
    of a 24th of the longer side, is taken off.

    Args:
        blurry: float32 `(height, width, 3)` in [0, 1].
        sharp: uint8.

    Returns:
        float32, in [0, 1].
    """
    shift = sharp.astype(np.float32) / 255.0 - blurry
    height, width = blurry.shape[:2]
    sigma = max(height, width) / 24.0
    # At a quarter of the size: the Gaussian has no finer detail. Of two
    # pixels nothing would be left.
    scale = 0.25 if min(height, width) > 2 else 1.0
    small = cv2.resize(
        shift, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA
    )
    small = cv2.GaussianBlur(
        small, (0, 0), sigma * scale, borderType=cv2.BORDER_REFLECT
    )
    shift = cv2.resize(small, (width, height))
    return np.clip(blurry + shift, 0.0, 1.0)


def add_noise(
    values: np.ndarray, rng: np.random.Generator, deviation: float
) -> np.ndarray:
    """Poisson-Gaussian: variance half constant, half growing with the value."""
    sigma = np.sqrt(0.5 + np.clip(values, 0.0, 1.0)) * (deviation / 255.0)
    return values + sigma * rng.standard_normal(values.shape, np.float32)


def _through_jpeg(picture: np.ndarray, quality: int) -> np.ndarray:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return cv2.cvtColor(cv2.imdecode(data, 1), cv2.COLOR_BGR2RGB)
