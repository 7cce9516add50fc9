"""Channels of a photograph: from whatever a file holds to RGB, and back."""

import io

import numpy as np
from PIL import Image, ImageCms

from sis_keras.files import profiles

BAND = 256  # rows
ROUNDING = 128  # Of 65535: half a level of 8 bits.
# Of 2**15, as OpenCV and libjpeg weigh red, green and blue.
LUMA = np.array([9798, 19235, 3735], np.uint32)

# === From a file ===


def decode(image, icc):
    """uint8 `(height, width[, 2, 3 or 4])` of a loaded image, its profile."""
    mode = image.mode
    if mode in ("I", "F") or mode.startswith("I;"):
        raise ValueError(f"{mode} has neither 8 nor 16 bits")
    if mode in ("CMYK", "LAB"):
        return _as_array(_to_srgb(image, icc)), None
    grey = mode in ("1", "L", "LA", "La")
    clear = mode in ("LA", "La", "RGBA", "RGBa", "PA")
    clear = clear or "transparency" in image.info
    if mode == "1":
        image = image.convert("L")
    wanted = ("L" if grey else "RGB") + ("A" if clear else "")
    if image.mode != wanted:
        image = image.convert(wanted)
    return _as_array(image), icc


def _as_array(image):
    """A band at a time: of the whole, NumPy would take two copies."""
    bands = len(image.getbands())
    shape = (image.height, image.width, bands)[: 3 if bands > 1 else 2]
    array = np.empty(shape, np.uint8)
    for top in range(0, image.height, BAND):
        bottom = min(top + BAND, image.height)
        band = image.crop((0, top, image.width, bottom))
        array[top:bottom] = np.asarray(band)
    return array


def _to_srgb(image, icc):
    srgb = ImageCms.createProfile("sRGB")
    try:
        if image.mode == "LAB":
            source = ImageCms.createProfile("LAB")
        else:
            source = ImageCms.ImageCmsProfile(io.BytesIO(icc or b""))
        return ImageCms.profileToProfile(
            image,
            source,
            srgb,
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (ImageCms.PyCMSError, OSError):  # No profile, or of other colours.
        return image.convert("RGB")


def turned(channels, orientation):
    """EXIF's orientation applied: 2 mirrors, 3 turns, 5 transposes, …"""
    if orientation > 4:
        channels = channels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        channels = channels[::-1]
    if orientation in (2, 3, 6, 7):
        channels = channels[:, ::-1]
    return channels


def turned_back(channels, orientation):
    """What `turned` makes upright again."""
    if orientation in (2, 3, 6, 7):
        channels = channels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        channels = channels[::-1]
    if orientation > 4:
        channels = channels.swapaxes(0, 1)
    return channels


def split(channels):
    """Contiguous RGB, and alpha or None."""
    if channels.ndim == 2:
        channels = channels[..., None]
    alpha = None
    if channels.shape[2] in (2, 4):
        alpha = np.ascontiguousarray(channels[..., -1])
        channels = channels[..., :-1]
    if channels.shape[2] == 1:
        return np.repeat(channels, 3, axis=2), alpha
    return np.ascontiguousarray(channels), alpha


# === To a file ===


def to_8_bits(values: np.ndarray) -> np.ndarray:
    """uint16 to uint8 of the same shape, rounded; 65535 becomes 255."""
    eight = np.empty(values.shape, np.uint8)
    for top in range(0, len(values), BAND):
        band = values[top : top + BAND].astype(np.uint32)
        eight[top : top + BAND] = (band + 128) // 257
    return eight


def _grey(pixels):
    grey = np.empty((*pixels.shape[:2], 1), pixels.dtype)
    for top in range(0, len(pixels), BAND):
        luma = pixels[top : top + BAND].astype(np.uint32) @ LUMA
        grey[top : top + BAND, :, 0] = (luma + 2**14) >> 15
    return grey


def joined(pixels, alpha, grey):
    """`(height, width, channels)`, all of one dtype."""
    colors = pixels
    if grey:
        colors = _grey(pixels)
    if alpha is None:
        return colors
    if alpha.dtype != colors.dtype:
        deep = colors.dtype == np.uint16
        alpha = alpha * np.uint16(257) if deep else to_8_bits(alpha)
    return np.concatenate([colors, alpha[..., None]], axis=2)


def to_srgb(pixels: np.ndarray, icc: bytes) -> np.ndarray:
    """uint8 or uint16 RGB of a profile, or of one for grey, to sRGB.

    Of 16 bits, which stay, nothing changes where the profile is sRGB.
    """
    if icc[16:20] == b"GRAY":
        icc = profiles.of_grey(icc) or b""
    if pixels.dtype == np.uint8:
        return np.asarray(_to_srgb(Image.fromarray(pixels), icc))
    steps = np.rint(np.linspace(0, 65535, 9)).astype(np.uint16)
    colors = np.stack(np.meshgrid(steps, steps, steps), axis=-1)
    colors = colors.reshape(1, -1, 3)
    transformed = by_profile(colors, icc, "rgb")
    if transformed is None:  # Of other colours, or none.
        return pixels
    off = np.abs(np.subtract(transformed, colors, dtype=np.int32))
    found = by_profile(pixels, icc, "rgb") if off.max() > ROUNDING else None
    return pixels if found is None else found


def by_profile(
    channels: np.ndarray, icc: bytes, colors: str
) -> np.ndarray | None:
    """uint8 or uint16 of a profile to sRGB of the same type.

    Args:
        channels: `(height, width, n)`.
        icc: The profile.
        colors: Of it, "rgb" or "cmyk".

    Returns:
        `(height, width, 3)`; None where it is no profile of such colours.
    """
    import imagecodecs

    try:
        return imagecodecs.cms_transform(
            np.ascontiguousarray(channels),
            icc,
            ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
            colorspace=colors,
            outcolorspace="rgb",
            intent=imagecodecs.CMS.INTENT.RELATIVE_COLORIMETRIC,
            flags=imagecodecs.CMS.FLAGS.BLACKPOINTCOMPENSATION,
        )
    except (imagecodecs.CmsError, ValueError):
        return None


def on_white(channels):
    """Without alpha: what shows on a white ground."""
    image = as_image(channels).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    shown = np.asarray(Image.alpha_composite(white, image))
    return np.ascontiguousarray(shown[..., : channels.shape[2] - 1])


def as_image(channels):
    """uint8 `(height, width, channels)` as Pillow's image."""
    return Image.fromarray(
        channels[..., 0] if channels.shape[2] == 1 else channels
    )
