"""Camera raw: LibRaw develops it, to 16 bits."""

from typing import Any

import numpy as np

from sis_keras.files.jpeg import file as jpeg
from sis_keras.files.jpeg import parts as jpeg_parts
from sis_keras.files.metadata import exif, exif_folders

# What a folder says of the picture; the rest, of where the sensor's values lie.
SAID = {
    0x010E,  # ImageDescription
    0x010F,  # Make
    0x0110,  # Model
    0x0131,  # Software
    0x0132,  # DateTime
    0x013B,  # Artist
    0x8298,  # Copyright
    exif_folders.EXIF,
    exif_folders.GPS,
}
LAYOUT = {0x0112, 0x0100, 0x0101, 0xA002, 0xA003}  # Orientation, sizes
NOTE = "the raw file is developed with the camera's white balance, in sRGB"


def read(path, check_size) -> tuple[np.ndarray, dict]:
    """uint16 RGB `(height, width, 3)`, upright, and fields of `Photograph`.

    Args:
        path: A file.
        check_size: Called with `(width, height)` before it is developed.
    """
    import rawpy

    with rawpy.imread(str(path)) as opened:
        check_size((opened.sizes.width, opened.sizes.height))
        pixels = opened.postprocess(
            use_camera_wb=True, output_bps=16, no_auto_bright=False
        )
        block = _exif_of(path) or _exif_of_preview(opened)
    notes = [NOTE]
    if block:
        block = block.removeprefix(exif.PREFIX)
        found = exif_folders.entries(block) or ()
        if any(entry.tag == exif.MAKER_NOTE for entry in found):
            notes.append(
                "the maker note is left out: it speaks of the raw file"
            )
        block = exif_folders.rebuilt(block, {exif.MAKER_NOTE, *LAYOUT}, False)
    block = exif.PREFIX + block if block else None
    return pixels, {"exif": block, "notes": tuple(notes)}


def _exif_of(path):
    """Of a file that is a TIFF file, too."""
    data: Any = np.memmap(path, np.uint8, "r")
    head = bytes(data[:4])
    if head[:2] not in exif_folders.ORDERS:
        return None
    found = exif_folders.entries(data) or ()
    main = {x.tag for x in found if x.folder == exif_folders.MAIN}
    if not main & SAID:
        return None
    block = exif_folders.rebuilt(data, main - SAID, False)
    return exif.PREFIX + block if block else None


def _exif_of_preview(opened):
    try:
        data = opened.extract_thumb().data
        if isinstance(data, bytes):
            segments = jpeg_parts.parts(data).segments
            blocks = (x for m, x in segments if m == jpeg.APP1)
            return next((x for x in blocks if x.startswith(exif.PREFIX)), None)
    except Exception:  # LibRaw's, of a preview that is not there or damaged.
        return None
    return None
