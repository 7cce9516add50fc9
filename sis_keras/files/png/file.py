"""PNG files, chunk by chunk: pixels are encoded, the rest is carried.

16 bits a channel are written some rows at a time: Pillow writes none of RGB,
and OpenCV a picture at once, which takes 1.4 GB above 100 megapixels, and no
grey with alpha.
"""

import struct
import zlib
from typing import BinaryIO, NamedTuple

import imagecodecs
import numpy as np

from sis_keras.files import profiles
from sis_keras.files.channels import as_image
from sis_keras.files.metadata import exif, xmp
from sis_keras.files.png import text as png_text
from sis_keras.files.png.chunks import (
    COLOR,
    COLOR_ALPHA,
    GREY,
    GREY_ALPHA,
    PIXELS,
    SIGNATURE,
    write_chunk,
)
from sis_keras.files.png.rows import paeth_blocks

# Pixels; Pillow writes larger pictures some rows at a time.
MOST_AT_ONCE = 2**24
LEVEL = 2  # of zlib; 6 takes 2 to 4 times as long to save 1 to 13 %
ANIMATION = (b"acTL", b"fcTL", b"fdAT")
# They speak of how the pixels were stored, or are written anew.
REPLACED = (b"eXIf", b"sBIT", b"hIST", b"bKGD", b"iDOT")
COLORS = (b"iCCP", b"cICP", b"sRGB", b"gAMA", b"cHRM", b"mDCV", b"cLLI")
KEPT = (*COLORS, b"pHYs", b"oFFs", b"sCAL", b"pCAL", b"sPLT", b"tIME", b"sTER")
CREDENTIALS = b"caBX"
MOST_PROFILE = 2**26
METRES_PER_INCH = 0.0254


class Own(NamedTuple):
    """What another PNG file takes over.

    Attributes:
        chunks: `(name, data)` of what nothing else of a `Photograph` holds.
        made_profile: Of the file's colour chunks, when it had no profile.
    """

    chunks: list[tuple[bytes, bytes]]
    made_profile: bool


# === Reading ===


def said(found) -> dict:
    """What the file says: fields of `Photograph`.

    Args:
        found: The file's chunks.
    """
    texts, kept, block, lost = png_text.Texts(), [], None, []
    notes: list[str] = []
    by_name: dict[bytes, bytes] = {}
    for name, data in found:
        if name == b"acTL":
            notes.append("of its animation's pictures the first is taken")
        if name in (*PIXELS, *ANIMATION):
            continue
        data = bytes(data)
        by_name.setdefault(name, data)
        if name == b"eXIf":
            block = block or data
        elif name in png_text.NAMES:
            if texts.add(name, data):
                kept.append((name, data))
        elif name in KEPT or (name[3:].islower() and name not in REPLACED):
            # Small letters are safe to copy when pixels change.
            kept.append((name, data))
        elif name not in REPLACED:
            lost.append(name)
    icc, made = _profile(by_name)
    return {
        "exif": block or texts.exif,
        "icc": icc,
        "xmp": texts.xmp,
        "iptc": texts.iptc,
        "comment": texts.comment,
        "density": _density(by_name.get(b"pHYs")),
        "own": Own(kept, made),
        "notes": (*notes, *_words_of_lost(lost)),
    }


def _words_of_lost(lost):
    notes = []
    if CREDENTIALS in lost:
        notes.append(
            "its content credentials are left out: they sign the pixels as "
            "they were"
        )
    others = sorted({x.decode("latin-1") for x in lost if x != CREDENTIALS})
    if others:
        notes.append(
            f"chunks of unknown meaning are left out: {', '.join(others)}"
        )
    return tuple(notes)


def _profile(by_name):
    """The profile, and whether it was made of other chunks."""
    if b"iCCP" in by_name:
        _, _, packed = by_name[b"iCCP"].partition(b"\0")
        with_bound = zlib.decompressobj()
        try:
            return with_bound.decompress(packed[1:], MOST_PROFILE), False
        except zlib.error:
            return None, False
    return profiles.of_png(by_name), True


def _density(physical):
    if not physical or len(physical) != 9 or physical[8] != 1:
        return None
    across, down = struct.unpack(">II", physical[:8])
    if not across or not down:
        return None
    return across * METRES_PER_INCH, down * METRES_PER_INCH


# === Writing ===


def write(file: BinaryIO, channels: np.ndarray, like) -> list[str]:
    """Writes uint8 or uint16 `(height, width, 1 to 4)` with what `like` says.

    Args:
        file: Open for writing.
        channels: Grey or RGB, with alpha or without, upright.
        like: A `Photograph`; its EXIF and XMP fit `channels` but for sizes.

    Returns:
        What could not be kept.
    """
    kept = chunks_of(channels, like)
    if channels.dtype == np.uint16:
        _write_deep(file, channels, kept)
    else:
        _write_shallow(_Spliced(file, kept), channels)
    return []


def chunks_of(channels: np.ndarray, like) -> list[tuple[bytes, bytes]]:
    """What a file says beside its pixels; the arguments are `write`'s."""
    own = like.own if isinstance(like.own, Own) else None
    height, width = channels.shape[:2]
    colors = channels[..., : 3 if channels.shape[2] > 2 else 1]
    rgb = np.broadcast_to(colors, (height, width, 3))
    kept = list(own.chunks) if own else _foreign(like)
    has_profile = any(name == b"iCCP" for name, _ in kept)
    if like.icc and not has_profile and not (own and own.made_profile):
        packed = zlib.compress(like.icc)
        kept.insert(0, (b"iCCP", b"ICC Profile\0\0" + packed))
    elif has_profile and not like.icc:
        kept = [x for x in kept if x[0] != b"iCCP"]
    if block := exif.fitted(like.exif, rgb):
        kept.append((b"eXIf", block.removeprefix(exif.PREFIX)))
    if packet := xmp.fitted(like.xmp, width, height):
        kept.append((b"iTXt", png_text.xmp_text(packet)))
    return kept


def _foreign(like):
    """Chunks of what another format said."""
    found = []
    if like.density:
        metres = [round(x / METRES_PER_INCH) for x in like.density]
        if all(0 < x < 2**31 for x in metres):
            found.append((b"pHYs", struct.pack(">IIB", *metres, 1)))
    if like.iptc:
        found.append((b"zTXt", png_text.iptc_profile(like.iptc)))
    if like.comment:
        found.append((b"iTXt", png_text.comment_text(like.comment)))
    return found


def _write_shallow(file, channels):
    if channels[..., 0].size > MOST_AT_ONCE:
        as_image(channels).save(file, "PNG", compress_level=LEVEL)
        return
    if channels.shape[2] == 1:
        channels = channels[..., 0]
    # Half of Pillow's time, and smaller by a tenth.
    encoded = imagecodecs.png_encode(
        np.ascontiguousarray(channels),
        level=1,
        strategy=imagecodecs.PNG.STRATEGY.RLE,
        filter=imagecodecs.PNG.FILTER.PAETH,
    )
    file.write(encoded)


class _Spliced:
    """A file for an encoder, which gets more chunks behind its header."""

    def __init__(self, file, kept):
        self._file, self._kept = file, kept
        self._head: bytearray | None = bytearray()

    def write(self, data):
        if self._head is None:
            return self._file.write(data)
        self._head += data
        header = len(SIGNATURE) + 12 + 13
        if len(self._head) >= header:
            self._file.write(self._head[:header])
            for name, body in self._kept:
                write_chunk(self._file, name, body)
            self._file.write(self._head[header:])
            self._head = None
        return len(data)

    def flush(self):
        self._file.flush()


def _write_deep(file, channels, kept):
    height, width, count = channels.shape
    color = {1: GREY, 2: GREY_ALPHA, 3: COLOR, 4: COLOR_ALPHA}[count]
    header = struct.pack(">IIBBBBB", width, height, 16, color, 0, 0, 0)
    file.write(SIGNATURE)
    for name, data in ((b"IHDR", header), *kept):
        write_chunk(file, name, data)
    packer = zlib.compressobj(LEVEL)
    for block in paeth_blocks(channels):
        write_chunk(file, b"IDAT", packer.compress(block))
    write_chunk(file, b"IDAT", packer.flush())
    write_chunk(file, b"IEND", b"")


def words_of(own: Own) -> list[str]:
    """What no other format takes over of it."""
    texts = [x for x in own.chunks if x[0] in png_text.NAMES]
    names = [x.partition(b"\0")[0].decode("latin-1") for _, x in texts]
    names = [
        x
        for x in dict.fromkeys(names)
        if x.encode("latin-1") not in png_text.COMMENTS
        and not x.startswith(png_text.PROFILE.decode())
    ]
    return [f"the texts {', '.join(map(repr, names))}"] if names else []
