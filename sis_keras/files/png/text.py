"""PNG's text: XMP, comments, and what ImageMagick and ExifTool hide there."""

import binascii
import zlib

from sis_keras.files.metadata import photoshop

NAMES = (b"tEXt", b"zTXt", b"iTXt")
XMP = b"XML:com.adobe.xmp"
PROFILE = b"Raw profile type "
EXIF_PROFILES = (b"exif", b"app1", b"app1 ")
COMMENTS = (b"Comment", b"Description")
MOST = 2**26  # bytes of one text, unpacked


class Texts:
    """What the texts of a file say.

    Attributes:
        exif, xmp, iptc, comment: As in `Photograph`.
    """

    def __init__(self):
        self.exif: bytes | None = None
        self.xmp: bytes | None = None
        self.iptc: bytes | None = None
        self.comment: bytes | None = None

    def add(self, name: bytes, data: bytes) -> bool:
        """Takes one in; whether another PNG file takes it over as it is."""
        keyword, text = _read(name, data)
        if keyword == XMP:
            self.xmp = self.xmp or text
            return text is None
        if keyword.startswith(PROFILE):
            return self._add_profile(keyword.removeprefix(PROFILE), text)
        if keyword in COMMENTS and text:
            self.comment = self.comment or text
        return True

    def _add_profile(self, kind, text):
        found = _unhexed(text)
        if not found:
            return True
        kind = kind.strip().lower()
        if kind in EXIF_PROFILES and found.startswith(b"Exif\0\0"):
            self.exif = self.exif or found
            return False
        if kind == b"exif" and found[:2] in (b"II", b"MM"):
            self.exif = self.exif or found
            return False
        if kind in (b"xmp", b"app1") and b"<x:xmpmeta" in found:
            start = found.find(b"<")
            self.xmp = self.xmp or found[start:]
            return False
        if kind == b"iptc":
            self.iptc = self.iptc or photoshop.iptc_of(found)
        return True


def _read(name, data):
    """Keyword and text; None for a text that does not unpack."""
    keyword, _, rest = data.partition(b"\0")
    if name == b"tEXt":
        return keyword, rest
    packed = True
    if name == b"iTXt":
        packed = rest[:1] == b"\1"
        rest = rest[2:].split(b"\0", 2)[-1]
    else:
        rest = rest[1:]
    if not packed:
        return keyword, rest
    try:
        return keyword, zlib.decompressobj().decompress(rest, MOST)
    except zlib.error:
        return keyword, None


def _unhexed(text):
    """The bytes that lines of "name, length, hexadecimal" hold."""
    lines = (text or b"").split(b"\n", 3)
    if len(lines) < 4:
        return None
    try:
        return binascii.unhexlify(b"".join(lines[3].split()))
    except (binascii.Error, ValueError):
        return None


# === Written ===


def xmp_text(packet: bytes) -> bytes:
    """Data of an iTXt chunk that holds an XMP packet."""
    return XMP + b"\0\0\0\0\0" + packet


def comment_text(comment: bytes) -> bytes:
    """Data of an iTXt chunk that holds a comment of some encoding."""
    try:
        text = comment.decode("utf-8")
    except UnicodeDecodeError:
        text = comment.decode("latin-1")
    text = text.rstrip("\0").replace("\0", " ")
    return COMMENTS[0] + b"\0\0\0\0\0" + text.encode()


def iptc_profile(iptc: bytes) -> bytes:
    """Data of a zTXt chunk as ImageMagick and ExifTool read it."""
    block = photoshop.block_of(iptc).removeprefix(photoshop.HEAD)
    digits = binascii.hexlify(block)
    lines = [digits[x : x + 72] for x in range(0, len(digits), 72)]
    text = b"\niptc\n%8d\n" % len(block) + b"\n".join(lines) + b"\n"
    return PROFILE + b"iptc\0\0" + zlib.compress(text)
