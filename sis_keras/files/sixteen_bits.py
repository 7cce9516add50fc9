"""PNG and TIFF of 16 bits a channel, with EXIF and ICC profile.

Pillow neither reads nor writes 16 bits of RGB; OpenCV reads them, but writes
no profile. The TIFF writer takes 8 bits too: Pillow's drops EXIF's folders
from a compressed file.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin, TiffTags

from sis_keras.errors import UserError
from sis_keras.files import exif as exif_

BLOCK = 2**22  # bytes of pixels that are compressed at once
LEVEL = 2  # of zlib; 6 takes 2 to 4 times as long to save 1 to 13 %
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2
UNASSOCIATED_ALPHA = 2
DEFLATE = 8


# === Reading ===


def is_deep(image: Image.Image) -> bool:
    """Whether an open PNG or TIFF file holds 16 bits that `decode` keeps."""
    if image.format == "PNG":
        image.fp.seek(24)
        return image.fp.read(1) == b"\x10"
    if image.format != "TIFF":
        return False
    tags = image.tag_v2
    return (
        set(tags.get(TiffImagePlugin.BITSPERSAMPLE, (1,))) == {16}
        and set(tags.get(TiffImagePlugin.SAMPLEFORMAT, (1,))) == {1}
        and tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION)
        in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB)
    )


def decode(path, image: Image.Image) -> np.ndarray:
    """uint16 `(height, width)` grey, or RGB or RGBA in the last axis.

    A TIFF file's orientation has been applied, a PNG file's has not.

    Raises:
        UserError: The channels are stored one after the other.
        ValueError: The file is damaged.
    """
    tags = {}
    if image.format == "PNG":
        image.verify()  # OpenCV takes some files whose end is missing.
    else:
        tags = image.tag_v2
        if tags.get(TiffImagePlugin.PLANAR_CONFIGURATION, 1) != 1:
            raise UserError(
                f"Expected interleaved channels. Received: {path}, a TIFF "
                "file of 16 bits in planes. Convert it."
            )
    data = np.memmap(path, np.uint8, "r")
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16:
        raise ValueError("OpenCV does not decode it")
    if pixels.ndim == 3:
        order = [2, 1, 0, 3][: pixels.shape[-1]]
        return pixels[..., order]
    if tags.get(TiffImagePlugin.PHOTOMETRIC_INTERPRETATION) == WHITE_IS_ZERO:
        return np.invert(pixels, out=pixels)
    return pixels


# === Writing ===


def write_png(
    file: BinaryIO, pixels: np.ndarray, exif: bytes | None, icc: bytes | None
) -> None:
    """Writes uint16 `(height, width, channels)`: grey, with alpha or RGB(A)."""
    height, width, channels = pixels.shape
    color = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    file.write(b"\x89PNG\r\n\x1a\n")
    _write_chunk(file, b"IHDR", header)
    if icc:
        profile = b"ICC Profile\0\0" + zlib.compress(icc)
        _write_chunk(file, b"iCCP", profile)
    if exif:
        _write_chunk(file, b"eXIf", exif.removeprefix(exif_.PREFIX))
    packer = zlib.compressobj(LEVEL)
    for block in _paeth_blocks(pixels):
        _write_chunk(file, b"IDAT", packer.compress(block))
    _write_chunk(file, b"IDAT", packer.flush())
    _write_chunk(file, b"IEND", b"")


def _write_chunk(file, name, data):
    file.write(struct.pack(">I", len(data)) + name + data)
    file.write(struct.pack(">I", zlib.crc32(name + data)))


def _paeth_blocks(pixels):
    """Some rows at a time, each as what PNG's filter 4 does not foretell."""
    _, width, channels = pixels.shape
    step = 2 * channels
    last = np.zeros((1, step + width * step), np.int16)
    for rows in _row_blocks(pixels):
        values = rows.astype(">u2").view(np.uint8).reshape(len(rows), -1)
        padded = np.pad(values, ((0, 0), (step, 0))).astype(np.int16)
        padded = np.concatenate([last, padded])
        last = padded[-1:]
        left, here = padded[1:, :-step], padded[1:, step:]
        above, corner = padded[:-1, step:], padded[:-1, :-step]
        by_left, by_above = np.abs(above - corner), np.abs(left - corner)
        by_corner = np.abs(left + above - 2 * corner)
        foretold = np.where(by_above <= by_corner, above, corner)
        nearest = (by_left <= by_above) & (by_left <= by_corner)
        foretold = np.where(nearest, left, foretold)
        filtered = (here - foretold).astype(np.uint8)
        yield np.pad(filtered, ((0, 0), (1, 0)), constant_values=4).tobytes()


def _row_blocks(pixels) -> Iterator[np.ndarray]:
    count = _rows_per_block(pixels)
    for top in range(0, len(pixels), count):
        yield pixels[top : top + count]


def _rows_per_block(pixels):
    return min(len(pixels), max(1, BLOCK // pixels[0].nbytes))


def write_tiff(
    file: BinaryIO, pixels: np.ndarray, exif: bytes | None, icc: bytes | None
) -> None:
    """Writes uint8 or uint16 `(height, width, channels)`, deflated.

    Grey, with alpha or RGB(A), as `write_png`.
    """
    tags = _tiff_tags(pixels, exif, icc)
    blocks = -(-len(pixels) // _rows_per_block(pixels))
    offsets, counts = [0] * blocks, [0] * blocks
    for _ in range(2):  # The second time with the numbers, which come first.
        tags[TiffImagePlugin.STRIPOFFSETS] = tuple(offsets)
        tags[TiffImagePlugin.STRIPBYTECOUNTS] = tuple(counts)
        file.seek(0)
        start = tags.save(file)
        if any(counts):
            return
        for index, rows in enumerate(_row_blocks(pixels)):
            # Predictor 2: each pixel less the one to its left.
            left = np.pad(rows[:, :-1], ((0, 0), (1, 0), (0, 0)))
            data = zlib.compress((rows - left).tobytes(), LEVEL)
            offsets[index], counts[index] = file.tell() - start, len(data)
            file.write(data)


def _tiff_tags(pixels, exif, icc):
    height, width, channels = pixels.shape
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    for tag in (
        TiffImagePlugin.STRIPOFFSETS,
        TiffImagePlugin.STRIPBYTECOUNTS,
    ):
        tags.tagtype[tag] = TiffTags.LONG
    for tag, value in exif_.tags_for_tiff(exif or b"").items():
        tags[tag] = value
    tags[TiffImagePlugin.IMAGEWIDTH] = width
    tags[TiffImagePlugin.IMAGELENGTH] = height
    tags[TiffImagePlugin.BITSPERSAMPLE] = (8 * pixels.itemsize,) * channels
    tags[TiffImagePlugin.COMPRESSION] = DEFLATE
    tags[TiffImagePlugin.PREDICTOR] = 2
    tags[TiffImagePlugin.PHOTOMETRIC_INTERPRETATION] = (
        RGB if channels > 2 else BLACK_IS_ZERO
    )
    tags[TiffImagePlugin.SAMPLESPERPIXEL] = channels
    tags[TiffImagePlugin.PLANAR_CONFIGURATION] = 1
    tags[TiffImagePlugin.ROWSPERSTRIP] = _rows_per_block(pixels)
    if channels in (2, 4):
        tags[TiffImagePlugin.EXTRASAMPLES] = UNASSOCIATED_ALPHA
    if icc:
        tags.tagtype[TiffImagePlugin.ICCPROFILE] = TiffTags.UNDEFINED
        tags[TiffImagePlugin.ICCPROFILE] = icc
    return tags
