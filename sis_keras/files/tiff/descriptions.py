"""Descriptions that programs write of a file's pages, and have to agree.

ImageJ's, OME's and tifffile's say how many pages there are, of what size.
"""

import json
import re

import numpy as np

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
    if data.startswith(b"shape=(") or "shape" in _words(data):
        return "shape"
    return None


def by_program(one: Entry) -> bool:
    """Whether it is a description that only TIFF files have."""
    return one.code == DESCRIPTION and kind_of(one) is not None


def images_of(data: bytes, samples: int) -> int:
    """How many pictures of `samples` each a description speaks of."""
    found = re.search(rb"^images=(\d{1,9})\s*$", data, re.MULTILINE)
    if data.startswith(b"ImageJ="):
        return int(found[1]) if found else 1
    if b'"truncated"' not in data:
        return 1
    try:
        shape = _words(data)["shape"]
        return int(np.prod(shape, dtype=float)) // samples
    except (KeyError, TypeError, ValueError, OverflowError):
        return 1


def adapt(
    found: dict[int, Entry], pages: int, same: bool, planar: bool
) -> list[str]:
    """Makes `found`'s description agree with what is written.

    Args:
        found: Entries by their tags; changed.
        pages: How many pages there were where one is kept; else 1.
        same: Whether the samples stay of one kind, and upright.
        planar: Whether they were stored in planes.

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
        _mend_shape(found, one, pages == 1 and same and not planar)
        return []
    if pages == 1 and same:
        return []
    del found[DESCRIPTION]
    return ["OME's description is left out: it speaks of other pages"]


def _mend_shape(found, one, holds):
    """Without what does not hold; "truncated" says that pages are missing."""
    del found[DESCRIPTION]
    words = _words(one.data)
    words.pop("truncated", None)
    if not holds:
        words.pop("shape", None)
        words.pop("axes", None)
    if words:
        _put(found, json.dumps(words).encode())


def _words(data):
    """What tifffile says in JSON, if anything."""
    if not data.lstrip().startswith(b"{"):
        return {}
    try:
        words = json.loads(data.rstrip(b"\0"))
    except (ValueError, RecursionError):
        return {}
    return words if isinstance(words, dict) else {}


def _put(found, data):
    data = data.rstrip(b"\0") + b"\0"
    found[DESCRIPTION] = Entry(DESCRIPTION, 2, len(data), data)
