"""Restores every picture of a TIFF file of many pages."""

import functools
import pathlib
import sys
from collections.abc import Callable

import numpy as np
import tqdm

from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.files.hidden import restored_as_seen
from sis_keras.files.photographs import FORMATS, read_photograph
from sis_keras.files.tiff.pictures import page_count
from sis_keras.files.tiff.writing import PagesWriter

__all__ = ["page_count", "restore_pages"]


def restore_pages(
    source,
    target,
    deblur: Callable[[np.ndarray], np.ndarray],
    *,
    overwrite: bool = False,
    say: Callable[[str], None] | None = None,
    progress: bool = True,
) -> int:
    """Writes a TIFF file whose pictures went through `deblur`, page by page.

    Pages may differ in size and kind. Each keeps its own tags, and what
    ImageJ or OME say of the pages still holds. Thumbnails are left out. Only
    one page is in memory.

    Args:
        source: A TIFF file; `page_count` says of how many pictures.
        target: The .tif or .tiff file to write. It appears when it is
            complete. Missing folders are made.
        deblur: Maps uint8 or uint16 RGB `(height, width, 3)` to the same.
        overwrite: Whether `target` may exist.
        say: Called with each sentence for a person on what could not be kept;
            without, they go to the standard error.
        progress: Shows a bar.

    Returns:
        The number of pages.

    Raises:
        UserError: A page cannot be read, or a target that exists or has
            another suffix.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    say = say or functools.partial(tqdm.tqdm.write, file=sys.stderr)
    if FORMATS.get(target.suffix.lower()) != "TIFF":
        raise UserError(
            "Expected a .tif or .tiff file to write pages to. Received: "
            f"{target}. Name one."
        )
    there = target.exists()
    if there and (not overwrite or target.samefile(source)):
        raise UserError(
            f"Expected a new file. Received: {target}, which exists. "
            "`overwrite` replaces any but the source."
        )
    count = page_count(source)
    said: dict[str, int] = {}
    with (
        atomic_path(target) as temporary,
        temporary.open("w+b") as file,
        PagesWriter(file, count) as writer,
        tqdm.tqdm(
            desc=source.name, total=count, unit="page", disable=not progress
        ) as bar,
    ):
        for number in range(count):
            before = read_photograph(source, page=number)
            after = restored_as_seen(before.pixels, before.alpha, deblur)
            notes = writer.add(after, before)
            for note in (*before.notes, *notes):
                said[note] = said.get(note, 0) + 1
            bar.update()
    for note, times in said.items():
        say(f"{note} ({times} pages)" if times > 1 else note)
    return count
