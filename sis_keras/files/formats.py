"""The formats of files: their suffixes, and how still pictures begin."""

import functools

from PIL import Image, features

from sis_keras.errors import UserError
from sis_keras.optional import optional_package

# Still pictures that are read and written.
FORMATS = {
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".jpe": "JPEG",
    ".jfif": "JPEG",
    ".png": "PNG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    ".bmp": "BMP",
    ".gif": "GIF",
    ".avif": "AVIF",
    ".heic": "HEIF",
    ".heif": "HEIF",
    ".jxl": "JXL",
}
SUFFIXES = frozenset(FORMATS)
# Cameras' own, which are read alone.
RAW_SUFFIXES = frozenset(
    ".dng .cr2 .cr3 .nef .nrw .arw .raf .orf .rw2 .pef .srw".split()
)
READ_SUFFIXES = SUFFIXES | RAW_SUFFIXES
RAW_TARGET = ".tif"
# Of videos; `.ts` is as often a program.
VIDEO_SUFFIXES = frozenset(
    ".mp4 .m4v .mov .mkv .webm .avi .mts .m2ts .mpg .mpeg .wmv .flv "
    ".3gp".split()
)
# What videos are written as: FFmpeg's names of the containers.
VIDEO_TARGETS = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
}

NAMES = {"JXL": "JPEG XL", "WEBP": "WebP", "RAW": "camera raw"}
PACKAGES = {"HEIF": "pillow_heif", "JXL": "pillow_jxl", "RAW": "rawpy"}
BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": "RAW"} | dict.fromkeys(
    (b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"mif1", b"msf1"),
    "HEIF",
)
BEGINNINGS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"\xff\x0a": "JXL",
    b"\0\0\0\x0cJXL \r\n\x87\n": "JXL",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"II+\0": "TIFF",
    b"MM\0+": "TIFF",
    b"FUJIFILMCCD-RAW": "RAW",
    b"IIRO": "RAW",
    b"IIRS": "RAW",
    b"MMOR": "RAW",
    b"IIU\0": "RAW",
}
HEAD = 32  # bytes that `format_of` wants


def format_of(head: bytes, suffix: str = "") -> str | None:
    """What a file that begins like this is, or None.

    Args:
        head: Its first `HEAD` bytes, or all.
        suffix: Of its name; camera raw files may begin as TIFF files do.

    Returns:
        One of `FORMATS`' values or "RAW".
    """
    if head[4:8] == b"ftyp":
        brands = [head[8:12], *(head[at : at + 4] for at in (16, 20, 24, 28))]
        found = [BRANDS[brand] for brand in brands if brand in BRANDS]
        # A HEIF file's other brands say what its pictures are packed with.
        return next(
            (x for x in found if x != "HEIF"), found[0] if found else None
        )
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WEBP"
    for beginning, form in BEGINNINGS.items():
        if head.startswith(beginning):
            raw = form == "TIFF" and suffix in RAW_SUFFIXES
            return "RAW" if raw else form
    return None


def name_of(form: str) -> str:
    """A format's name as people write it."""
    return NAMES.get(form, form)


def require(form: str, path) -> None:
    """Loads what reads and writes a format.

    Raises:
        UserError: The package for it is not installed; names `path`.
    """
    name = name_of(form)
    if form == "AVIF" and not features.check("avif"):
        raise UserError(
            f"Expected a Pillow that knows AVIF. Received: {path} and Pillow "
            "without it. `pip install --upgrade pillow` brings one."
        )
    if form in PACKAGES:
        try:
            _load(form)
        except UserError as error:
            raise UserError(
                f"Cannot open {path}, which is {name}. {error}"
            ) from error


@functools.cache
def _load(form):
    package = optional_package(PACKAGES[form], "formats")
    if form == "HEIF":
        package.register_heif_opener(thumbnails=False)
    Image.init()
