"""JPEG files, segment by segment: pixels are encoded, the rest is carried."""

import io
import struct
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageFile, JpegImagePlugin

from sis_keras.files.channels import as_image, turned_back
from sis_keras.files.jpeg import multi_picture
from sis_keras.files.jpeg.parts import APP0, APP14, Parts, joined
from sis_keras.files.metadata import exif, photoshop, xmp

QUALITY = 95  # Where neither a JPEG source nor anyone says another.
MOST = 65533  # bytes of a segment
APP1, APP2, APP11, APP13, COMMENT = 0xE1, 0xE2, 0xEB, 0xED, 0xFE
JFIF, ICC = b"JFIF\0", b"ICC_PROFILE\0"
XMP = b"http://ns.adobe.com/xap/1.0/\0"
EXTENDED_XMP = b"http://ns.adobe.com/xmp/extension/\0"
CREDENTIALS = b"JP"
_CENTIMETRES = 2.54


class Own(NamedTuple):
    """What another JPEG file takes over.

    Attributes:
        tables: Of quantisation, one for each component.
        subsampling: As Pillow counts; None where it has no number.
        progressive: Whether the picture comes in scans.
        segments: Those that nothing else of a `Photograph` holds.
        xmp: As it stood, with the orientation.
        orientation: As it was.
        pictures: MPF's index. Or None.
        tail: What followed the picture.
        shape: Height and width, upright.
        jfif: Its first segment, as the file lies; of its unit, for one.
    """

    tables: list
    subsampling: int | None
    progressive: bool
    segments: list[tuple[int, bytes]]
    xmp: bytes | None
    orientation: int
    pictures: multi_picture.Pictures | None
    tail: bytes
    shape: tuple[int, int]
    jfif: bytes | None


# === Reading ===


def said(cut: Parts, image: Image.Image) -> dict:
    """What the file says: fields of `Photograph`.

    Args:
        cut: Of the file.
        image: Loaded.
    """
    found: dict[str, Any] = {"comment": None, "iptc": None, "notes": []}
    found |= {"exif": None, "xmp": None, "density": None, "icc": None}
    profile: dict[int, bytes] = {}
    kept: list[tuple[int, bytes]] = []
    jfif = None
    for marker, data in cut.segments:
        if marker == APP1 and data.startswith(exif.PREFIX):
            found["exif"] = found["exif"] or data
        elif marker == APP1 and data.startswith(XMP):
            found["xmp"] = found["xmp"] or data.removeprefix(XMP)
        elif marker == APP2 and data.startswith(ICC) and len(data) > 14:
            profile[data[12]] = data[14:]
        elif marker == APP11 and data.startswith(CREDENTIALS):
            found["notes"].append(
                "its content credentials are left out: they sign the pixels "
                "as they were"
            )
        elif marker == APP2 and data.startswith(multi_picture.HEAD):
            continue
        elif marker in range(APP1, 0xF0) and marker != APP14:
            kept.append((marker, data))
        elif marker == COMMENT:
            found["comment"] = found["comment"] or data
            kept.append((marker, data))
        elif marker == APP0 and data.startswith(JFIF) and len(data) >= 12:
            found["density"], jfif = _density(data), data[:12]
        if marker == APP13 and data.startswith(photoshop.HEAD):
            found["iptc"] = found["iptc"] or photoshop.iptc_of(data)
            kept[-1] = marker, photoshop.without_thumbnails(data)
    found["icc"] = b"".join(profile[x] for x in sorted(profile)) or None
    found["notes"] = tuple(dict.fromkeys(found["notes"]))
    orientation, _ = exif.upright(found["exif"])
    height, width = image.height, image.width
    found["own"] = Own(
        tables=_tables(image),
        subsampling=_subsampling(image),
        progressive=bool(image.info.get("progressive")),
        segments=kept,
        xmp=found["xmp"],
        orientation=orientation,
        pictures=multi_picture.pictures(cut),
        tail=cut.tail,
        shape=(width, height) if orientation > 4 else (height, width),
        jfif=jfif,
    )
    return found


def _density(data):
    unit, across, down = struct.unpack_from(">BHH", data, 7)
    if unit not in (1, 2) or not across or not down:
        return None
    scale = _CENTIMETRES if unit == 2 else 1
    return across * scale, down * scale


def _tables(image):
    tables = image.quantization
    return [tables[x[3]] for x in image.layer[:2] if x[3] in tables]


def _subsampling(image):
    number = JpegImagePlugin.get_sampling(image)
    return number if number in (0, 1, 2) else None


def words_of(own: Own) -> list[str]:
    """What no other format takes over of it."""
    if own.pictures:
        return ["the second picture in the file (gain map, depth, …)"]
    return (
        ["what follows the picture in the file"]
        if own.tail.strip(b"\0")
        else []
    )


# === Writing ===


def write(file, channels, like, quality: int | None) -> list[str]:
    """Writes uint8 `(height, width, 1 or 3)` with what `like` says.

    Args:
        file: Open for writing.
        channels: Grey or RGB, upright.
        like: A `Photograph`; its EXIF and XMP fit `channels` but for sizes.
        quality: None takes the tables of a JPEG source.

    Returns:
        What could not be kept.
    """
    notes: list[str] = []
    own = like.own if isinstance(like.own, Own) else None
    if own and own.tail and own.shape != channels.shape[:2]:
        notes.append("what follows the picture in its file is left out")
        own = own._replace(pictures=None, tail=b"")
    if own and own.pictures and own.orientation != 1:
        channels, like = _as_others_lie(channels, like, own)
    segments = _first(like, own)
    segments += _descriptions(channels, like, notes) + _profile(like.icc)
    segments += own.segments if own else _foreign(like, notes)
    head = b"\xff\xd8" + joined(segments)
    encoded = _encoded(channels, own, quality)
    tail = own.tail if own else b""
    if own and own.pictures:
        return notes + multi_picture.write(
            file, head, encoded, own.pictures, tail
        )
    file.write(head + encoded + tail)
    return notes


def _as_others_lie(channels, like, own):
    """As the file's other pictures lie, which stay as they are."""
    channels = np.ascontiguousarray(turned_back(channels, own.orientation))
    density = like.density
    if density and own.orientation > 4:
        density = density[::-1]
    block = exif.turned(like.exif, own.orientation)
    return channels, like._replace(exif=block, xmp=own.xmp, density=density)


def _descriptions(channels, like, notes):
    """Segments of EXIF and XMP."""
    height, width = channels.shape[:2]
    segments = []
    block = exif.fitted(
        like.exif, np.broadcast_to(channels, (height, width, 3))
    )
    if block:
        block, words = exif.shortened(block, MOST)
        notes += [words] if words else []
        segments += [(APP1, block)] if block else []
    packet = xmp.fitted(like.xmp, width, height)
    if packet and len(packet) > MOST - len(XMP):
        notes.append("XMP is left out: it is longer than JPEG's 64 KiB")
    elif packet:
        segments.append((APP1, XMP + packet))
    return segments


def _profile(icc):
    size = MOST - len(ICC) - 2
    blocks = [icc[x : x + size] for x in range(0, len(icc or b""), size)]
    return [
        (APP2, ICC + bytes([number, len(blocks)]) + block)
        for number, block in enumerate(blocks, 1)
    ]


def _foreign(like, notes):
    """Segments of what another format said."""
    segments = []
    if like.iptc and len(like.iptc) < MOST - 32:
        segments.append((APP13, photoshop.block_of(like.iptc)))
    elif like.iptc:
        notes.append("IPTC is left out: it is longer than JPEG's 64 KiB")
    if like.comment:
        segments.append((COMMENT, like.comment[:MOST]))
    return segments


def _first(like, own):
    """JFIF's segment; of a JPEG file that had none, none."""
    if own and (own.orientation < 5 or own.pictures or not own.jfif):
        # No thumbnail.
        return [(APP0, own.jfif + bytes(2))] if own.jfif else []
    across, down = like.density or exif.density(like.exif) or (0, 0)
    across, down, unit = round(across), round(down), 1
    if not (0 < across <= 65535 and 0 < down <= 65535):
        across, down, unit = 1, 1, 0
    numbers = struct.pack(">HBHHBB", 0x0101, unit, across, down, 0, 0)
    return [(APP0, JFIF + numbers)]


def _encoded(channels, own, quality):
    """From the tables on: without Pillow's own first segments."""
    options = {"quality": QUALITY if quality is None else quality}
    options["subsampling"] = 0 if options["quality"] >= 90 else 2
    if own and quality is None and own.tables:
        options = {"qtables": own.tables, "subsampling": own.subsampling or 0}
    if own and own.progressive:
        options["progressive"] = True
    file = io.BytesIO()
    height, width, _ = channels.shape
    kept = ImageFile.MAXBLOCK
    try:
        # Pillow has place for two bytes a pixel; noise of the highest quality
        # takes more.
        ImageFile.MAXBLOCK = max(kept, 6 * height * width)
        as_image(channels).save(file, "JPEG", **options)
    finally:
        ImageFile.MAXBLOCK = kept
    packed = file.getvalue()
    (length,) = struct.unpack_from(">H", packed, 4)  # of JFIF's
    return packed[4 + length :]
