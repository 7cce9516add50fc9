"""Puts tables between the marks of docs/reproduction.md."""

import os
import pathlib
import re
import shutil

import numpy as np
from PIL import Image

from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path

FOLDER = "reproduction"  # Of its pictures.
PICTURE = re.compile(r"(!\[[^]]*\]\()([\w.]+)\)")


def write_into(
    document: pathlib.Path, parts: dict[str, str], output: pathlib.Path
) -> None:
    """Replaces what is between `<!-- name -->` and `<!-- end name -->`.

    The pictures that the parts show, by their names in `output`, are copied
    into `reproduction/` beside the document.

    Args:
        document: Markdown with the marks of all parts.
        parts: Markdown by name.
        output: Where the parts' pictures are.

    Raises:
        UserError: The document, or a mark in it, is missing.
    """
    if not document.is_file():
        raise UserError(
            f"Expected the document to write into. Received: {document}, "
            "which does not exist. Name docs/reproduction.md or a copy of it."
        )
    text = document.read_text(encoding="utf-8")
    for name, part in parts.items():
        start, end = f"<!-- {name} -->\n", f"<!-- end {name} -->"
        before, found, rest = text.partition(start)
        _, closed, after = rest.partition(end)
        if not found or not closed:
            raise UserError(
                f"Expected the marks {start.strip()} and {end} in {document}. "
                "Received: a document without. Take docs/reproduction.md."
            )
        body = PICTURE.sub(rf"\1{FOLDER}/\2)", without_places(part, output))
        text = f"{before}{start}{body}{end}{after}"
    folder = document.parent / FOLDER
    folder.mkdir(exist_ok=True)
    for part in parts.values():
        for _, picture in PICTURE.findall(part):
            _copy(output / picture, folder / picture)
    with atomic_path(document) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _copy(source, target):
    """A grey plot with 16 greys, a third of its size; all else as it is."""
    image = Image.open(source)
    shades = np.asarray(image.convert("RGB"))
    if source.suffix == ".png" and not np.ptp(shades, axis=2).any():
        image.convert("L").quantize(16).save(target, optimize=True)
    else:
        shutil.copyfile(source, target)


def without_places(text: str, output: pathlib.Path) -> str:
    """`text` with `$SIS_DATA` and the like for this machine's folders."""
    folders = {
        os.environ.get(x, "").rstrip("/"): f"${x}"
        for x in ("SIS_DATA", "SIS_WEIGHTS")
    }
    folders |= {str(output): "OUTPUT", str(pathlib.Path.cwd()): "."}
    for folder in sorted(folders, key=len, reverse=True):
        if len(folder) > 1:
            text = text.replace(folder, folders[folder])
    return text
