"""What of a photograph a format holds, and words for what it does not."""

import numpy as np

from sis_keras.files import profiles
from sis_keras.files.channels import joined, on_white, to_8_bits, to_srgb
from sis_keras.files.formats import name_of
from sis_keras.files.jpeg import file as jpeg
from sis_keras.files.png import file as png
from sis_keras.files.tiff.writing import lost_elsewhere

ALPHA = ("PNG", "WEBP", "TIFF", "GIF", "AVIF", "HEIF", "JXL")
GREY = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "JXL")
DEEP = ("PNG", "TIFF", "HEIF", "JXL")
PROFILES = ("JPEG", "PNG", "TIFF", "WEBP", "AVIF", "HEIF")
HELD = {
    "JPEG": ("exif", "xmp", "iptc", "comment", "density"),
    "PNG": ("exif", "xmp", "iptc", "comment", "density"),
    "TIFF": ("exif", "xmp", "iptc", "comment", "density"),
    "WEBP": ("exif", "xmp"),
    "AVIF": ("exif", "xmp"),
    "HEIF": ("exif", "xmp"),
    "JXL": ("exif", "xmp"),
    "BMP": ("density",),
    "GIF": ("comment",),
}
WORDS = {
    "exif": "EXIF",
    "xmp": "XMP",
    "iptc": "IPTC",
    "comment": "comment",
    "density": "dots per inch",
}


def fitting(pixels: np.ndarray, like, form: str):
    """What a format takes.

    Args:
        pixels: uint8 or uint16 RGB `(height, width, 3)`.
        like: A `Photograph`.
        form: The format.

    Returns:
        `like` with the profile that the format and the channels take;
        `(height, width, channels)`, RGB for TIFF; what is lost, in
        sentences.
    """
    notes = words_of_lost(like, form)
    if pixels.dtype == np.uint16 and form not in DEEP:
        pixels = to_8_bits(pixels)
        notes.append("its 16 bits a channel become 8")
    grey = like.grey and form in GREY
    icc = like.icc
    if icc and icc[16:20] == b"GRAY" and not grey:
        icc = profiles.of_grey(icc)
        if not icc:
            notes.append("the grey profile is left out: it has no curve")
    if icc and form not in PROFILES:
        pixels = to_srgb(pixels, icc)
        icc = None
    if form == "TIFF":  # It has more to join.
        return like._replace(icc=icc), pixels, notes
    channels = joined(pixels, like.alpha, grey)
    if like.alpha is not None and form not in ALPHA:
        channels = on_white(channels)
        notes.append(
            f"what is transparent is shown on white: {name_of(form)} holds no "
            "alpha"
        )
    return like._replace(icc=icc), channels, notes


def words_of_lost(like, form: str) -> list[str]:
    """What of a `Photograph` a format has no place for, as a sentence."""
    lost = [
        words
        for field, words in WORDS.items()
        if getattr(like, field) and field not in HELD[form]
    ]
    # Nobody chose a screen's density, and EXIF may say it, too.
    if "dots per inch" in lost and (
        like.exif or set(map(round, like.density)) <= {72, 96}
    ):
        lost.remove("dots per inch")
    if like.format != form:
        if isinstance(like.own, png.Own):
            lost += png.words_of(like.own)
        if isinstance(like.own, jpeg.Own):
            lost += jpeg.words_of(like.own)
    notes = [] if form == "TIFF" else [*lost_elsewhere(like)]
    if not lost:
        return notes
    return [
        *notes,
        f"left out, as {name_of(form)} has no place for it: " + ", ".join(lost),
    ]
