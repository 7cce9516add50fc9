"""PNG and TIFF of 16 bits a channel, with EXIF and ICC profile.

Pillow neither reads nor writes 16 bits of RGB. OpenCV reads them, tifffile
writes TIFF, of 8 bits too: Pillow's drops EXIF's folders from a compressed
file. What they do not, and is done here:

- PNG, some rows at a time. OpenCV encodes a picture at once, which takes 1.4 GB
  above 100 megapixels, and neither grey with alpha nor every profile.
- TIFF's EXIF, whose folders tifffile leaves out: Pillow writes the directory
  again, with them.
"""

import io
import struct
from typing import BinaryIO

import cv2
import numpy as np
import tifffile
from PIL import Image, TiffImagePlugin

from sis_keras.errors import UserError
from sis_keras.files import exif as exif_

LEVEL = 2  # of zlib; 6 takes 2 to 4 times as long to save 1 to 13 %
BLOCK = 2**22  # bytes of pixels that are compressed at once
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB = 0, 1, 2


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


def write_tiff(
    file: BinaryIO, pixels: np.ndarray, exif: bytes | None, icc: bytes | None
) -> None:
    """Writes uint8 or uint16 `(height, width, channels)`, deflated.

    Grey, grey with alpha, RGB or RGBA.

    Args:
        file: Open for reading, too.
        pixels: What is written.
        exif: Begins with `exif.PREFIX`.
        icc: A profile.
    """
    channels = pixels.shape[2]
    tifffile.imwrite(
        file,
        pixels if channels > 1 else pixels[..., 0],
        photometric="rgb" if channels > 2 else "minisblack",
        planarconfig="contig" if channels > 1 else None,
        extrasamples=["unassalpha"] if channels in (2, 4) else None,
        compression="zlib",
        compressionargs={"level": LEVEL},
        predictor=True,
        buffersize=BLOCK,
        byteorder="<",
        metadata=None,
        software=False,
        iccprofile=icc,
    )
    _replace_directory(file, exif_.tags_for_tiff(exif or b""))


def _replace_directory(file, added):
    """Writes it anew, to the end, and lets the file begin there."""
    file.seek(0)
    tags = TiffImagePlugin.ImageFileDirectory_v2(file.read(8))
    file.seek(tags.next)
    tags.load(file)
    offsets = tags[TiffImagePlugin.STRIPOFFSETS]
    tags.update(dict(tags))  # What nobody asks for is not written.
    for tag in exif_.DESCRIPTIVE:
        tags.pop(tag, None)  # tifffile claims 1 pixel per unit.
    tags.update(added)
    place = file.seek(0, io.SEEK_END)
    file.write(tags.tobytes(place))
    file.seek(4)
    file.write(struct.pack("<I", place))
    # Pillow has moved them by the place where its directory ends.
    file.seek(0)
    with tifffile.TiffFile(file) as written:
        written.pages.first.tags["StripOffsets"].overwrite(offsets)
