"""Descriptions that programs write of a file's pages, and have to agree.

ImageJ's, OME's and tifffile's say how many pages there are, of what size.
"""

import json
import re

from sis_keras.files.tiff.directory import Entry

DESCRIPTION = 270
IMAGEJ_TAGS = (50838, 50839)
# Of ImageJ's lines, those on the other pages.
STACK = re.compile(
    rb"^(images|channels|slices|frames|hyperstack|mode|loop|unit_?z|spacing"
    rb"|finterval|fps|tunit|zorigin)=.*$\n?",
    re.MULTILINE,
)


def kind_of(one: Entry | None) -> str | None:
    """Whose it is: "ImageJ", "OME", "shape" (tifffile) or None, a person."""
    data = one.data.lstrip() if one and one.kind == 2 else b""
    if data.startswith(b"ImageJ="):
        return "ImageJ"
    if data.startswith((b"<?xml", b"<OME")) and b"<OME" in data[:4096]:
        return "OME"
    if data.startswith((b'{"shape":', b'{"axes":')):
        return "shape"
    return None


def by_program(one: Entry) -> bool:
    """Whether it is a description that only TIFF files have."""
    return one.code == DESCRIPTION and kind_of(one) is not None


def imagej_images(data: bytes) -> int:
    """How many pictures ImageJ's description speaks of."""
    found = re.search(rb"^images=(\d{1,9})\s*$", data, re.MULTILINE)
    return int(found[1]) if found and data.startswith(b"ImageJ=") else 1


def adapt(found: dict[int, Entry], shape, pages: int, same: bool) -> list[str]:
    """Makes `found`'s description agree with what is written.

    Args:
        found: Entries by their tags; changed.
        shape: `(height, width)` of the written page.
        pages: How many pages there were where one is kept; else 1.
        same: Whether the samples stay of one kind, in one layout.

    Returns:
        What is left out.
    """
    one = found.get(DESCRIPTION)
    kind = kind_of(one)
    if one is None or kind is None:
        return []
    if kind == "ImageJ":
        if pages > 1:
            for code in IMAGEJ_TAGS:
                found.pop(code, None)
            data = STACK.sub(b"", one.data.rstrip(b"\0"))
            head, _, rest = data.partition(b"\n")
            _put(found, head + b"\nimages=1\n" + rest)
        return []
    if kind == "shape":
        return _without_shape(found, one) if pages > 1 or not same else []
    if pages == 1 and same:
        return []
    del found[DESCRIPTION]
    return ["OME's description is left out: it speaks of other pages"]


def _without_shape(found, one):
    del found[DESCRIPTION]
    try:
        words = json.loads(one.data.rstrip(b"\0"))
    except ValueError:
        words = {}
    words = {
        key: value
        for key, value in words.items()
        if key not in ("shape", "axes", "truncated")
    }
    if not words:
        return []
    _put(found, json.dumps(words).encode())
    return []


def _put(found, data):
    data = data.rstrip(b"\0") + b"\0"
    found[DESCRIPTION] = Entry(DESCRIPTION, 2, len(data), data)
