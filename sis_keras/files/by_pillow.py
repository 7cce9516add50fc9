"""WebP, BMP, GIF, AVIF, HEIF and JPEG XL: Pillow and its plugins do it."""

import io
import struct
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image

from sis_keras.files import jxl, profiles
from sis_keras.files.channels import as_image, decode
from sis_keras.files.metadata import exif, xmp

QUALITIES = {"WEBP": 95, "AVIF": 90, "HEIF": 90, "JXL": 95}
LOSSLESS = ("PNG", "TIFF", "BMP", "GIF", "RAW")  # What these hold is whole.
HEAD = 2**16  # bytes in which a file says its colours
HDR = {profiles.PQ: "PQ", profiles.HLG: "HLG"}


class Own(dict):
    """What another file of the format takes over: `lossless`."""


# === Reading ===


def read(file, form: str, check_size) -> tuple[np.ndarray, dict]:
    """The picture, and what its file says: fields of `Photograph`.

    Args:
        file: Open at its start.
        form: One of `formats.FORMATS`' values.
        check_size: Called with `(width, height)` before pixels are decoded.

    Returns:
        uint8 or uint16 `(height, width[, 2, 3 or 4])` as it lies in the file;
        the second's `exif` says how.
    """
    data = file.read()
    if form == "HEIF":
        return _read_heif(data, check_size)
    with Image.open(io.BytesIO(data), formats=(form,)) as image:
        check_size(image.size)
        frames = getattr(image, "n_frames", 1)
        image.load()
        icc = image.info.get("icc_profile") or None
        deep = None
        own_jxl = form == "JXL" and not getattr(image, "jpeg", False)
        if own_jxl:
            deep, frames = jxl.decode(data)
        if deep is None:
            channels, icc = decode(image, icc)
        else:
            channels = deep
        notes = _words_of_frames(frames)
        if form == "BMP" and channels.shape[2:] == (4,):
            channels = _visible(channels)
        block = image.info.get("exif")
        packet = image.info.get("xmp")
        if own_jxl:
            # How it lies, the decoder went by.
            block, packet = jxl.described(data)
            _, block = exif.upright(block)
        if form == "AVIF":
            icc, words = _of_nclx(data, icc)
            notes += words
            channels = _deep_of_avif(data, channels)
        found = {
            "exif": block,
            "icc": icc,
            "xmp": packet,
            "comment": _bytes(image.info.get("comment")),
            "density": image.info.get("dpi"),
            "own": Own(lossless=form == "WEBP" and b"VP8L" in data[:HEAD]),
            "notes": tuple(notes),
        }
    return channels, found


def _bytes(comment):
    return comment.encode() if isinstance(comment, str) else comment


def _visible(channels):
    """Many a program leaves a bitmap's fourth byte 0 and means nothing."""
    return channels if channels[..., 3].any() else channels[..., :3]


def _read_heif(data, check_size):
    import pillow_heif

    opened = pillow_heif.open_heif(
        io.BytesIO(data), convert_hdr_to_8bit=False, thumbnails=False
    )
    check_size(opened.size)
    info = opened.info
    channels = np.asarray(opened)
    if channels.dtype == np.uint16 and channels.ndim == 3:
        channels = np.ascontiguousarray(channels)
    icc, notes = _of_nclx(data, info.get("icc_profile"))
    notes = _words_of_frames(len(opened)) + notes
    if info.get("aux") or info.get("depth_images"):
        notes.append("its gain map or depth is left out")
    _, block = exif.upright(info.get("exif"))
    return channels, {
        "exif": block,
        "icc": icc,
        "xmp": info.get("xmp"),
        "own": Own(lossless=False),
        "notes": tuple(notes),
    }


def _words_of_frames(count):
    return [f"of its {count} pictures the first is taken"] if count > 1 else []


def _of_nclx(data, icc):
    """The profile of the numbers, where there is none, and words on HDR."""
    at = data.find(b"colrnclx", 0, HEAD)
    if at < 0 or at + 12 > len(data):
        return icc, []
    primaries, transfer = struct.unpack_from(">HH", data, at + 8)
    if transfer in HDR:
        return icc, [f"HDR's curve ({HDR[transfer]}) is not kept"]
    return icc or profiles.of_cicp(primaries, transfer), []


def _deep_of_avif(data, channels):
    """Its 10 or 12 bits as 16, where there are; Pillow makes them 8."""
    at = data.find(b"av1C", 0, HEAD)
    if at < 0 or at + 7 > len(data) or not data[at + 6] & 0x40:
        return channels
    deep = imagecodecs.avif_decode(data)
    if deep.shape != channels.shape or deep.dtype != np.uint16:
        return channels
    most = 4095 if data[at + 6] & 0x20 else 1023
    scaled = deep.astype(np.float32) * np.float32(65535 / most)
    return np.rint(scaled).astype(np.uint16)


# === Writing ===


def write(file, form: str, channels, like, quality: int | None) -> list[str]:
    """Writes `(height, width, 1 to 4)` with what `like` says.

    Args:
        file: Open for writing.
        form: The format.
        channels: uint8, for HEIF also uint16; grey or RGB, upright.
        like: A `Photograph`, whose EXIF and XMP fit but for sizes.
        quality: None keeps a lossless source lossless.

    Returns:
        What could not be kept.
    """
    options: dict[str, Any] = {}
    colors = channels[..., : 3 if channels.shape[2] > 2 else 1]
    rgb = np.broadcast_to(colors, (*channels.shape[:2], 3))
    if form in QUALITIES:
        options = {
            "exif": exif.fitted(like.exif, rgb),
            "xmp": xmp.fitted(like.xmp, rgb.shape[1], rgb.shape[0]),
            "icc_profile": like.icc if form != "JXL" else None,
        }
        options |= _fidelity(form, like, quality)
    if form == "AVIF" and options["exif"]:
        # Pillow would write all of it anew to say the orientation elsewhere.
        options["exif"] = exif.without_orientation(options["exif"])
    if form == "BMP" and like.density:
        options["dpi"] = like.density
    if form == "GIF" and like.comment:
        options["comment"] = like.comment[:255]
    options = {name: x for name, x in options.items() if x is not None}
    if form == "JXL" and channels.dtype == np.uint16:
        file.write(jxl.encode(channels, **options))
        return []
    if form == "HEIF" and channels.dtype == np.uint16:
        return _write_deep_heif(file, channels, options)
    image = as_image(channels)
    if form == "GIF":
        image = palette_of(image)
    image.save(file, form, **options)
    if form == "GIF" and channels.shape[2] > 1:
        return ["its colours are the 256 that GIF holds"]
    return []


def palette_of(image: Image.Image) -> Image.Image:
    """Of 256 colours at most, transparent where it is less than half seen."""
    if image.mode not in ("RGBA", "LA"):
        return image if image.mode == "L" else image.quantize(256)
    clear = np.asarray(image.getchannel("A")) < 128
    indices = np.array(image.convert("RGB").quantize(255))
    colors = image.convert("RGB").quantize(255).getpalette()
    indices[clear] = 255
    found = Image.fromarray(indices, "P")
    found.putpalette((colors + [0] * 768)[:768])
    found.info["transparency"] = 255
    return found


def _fidelity(form, like, quality):
    whole = like.format in LOSSLESS or (
        isinstance(like.own, Own) and like.own.get("lossless")
    )
    if quality is None and whole:
        return {
            "WEBP": {"lossless": True, "exact": True, "quality": 60},
            "AVIF": {"quality": 100, "subsampling": "4:4:4"},
            "HEIF": {"quality": -1, "chroma": 444, "matrix_coefficients": 0},
            "JXL": {"lossless": True},
        }[form]
    options = {"quality": QUALITIES[form] if quality is None else quality}
    if form == "AVIF" and options["quality"] >= 90:
        options["subsampling"] = "4:4:4"
    if form == "HEIF" and options["quality"] >= 90:
        options["chroma"] = 444
    return options


def _write_deep_heif(file, channels, options):
    import pillow_heif

    height, width, count = channels.shape
    mode = {1: "L;16", 2: "LA;16", 3: "RGB;16", 4: "RGBA;16"}[count]
    pillow_heif.encode(
        mode, (width, height), channels.tobytes(), file, **options
    )
    return ["its 16 bits a channel become 10"]
