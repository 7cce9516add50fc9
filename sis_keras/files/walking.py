"""Folders below a folder."""

import os
from collections.abc import Iterator

from sis_keras.errors import UserError


def walked(root) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, through links, in the order of names.

    A link to a folder that it lies in is not gone into.

    Args:
        root: A folder.

    Yields:
        A folder, the names of the folders in it, which may be taken out of
        the list to be left out, and those of the files.

    Raises:
        UserError: A folder cannot be read.
    """
    root = os.path.join(root, "")
    real: dict[str, str] = {}
    for parent, folders, files in os.walk(
        root, followlinks=True, onerror=_refuse
    ):
        real[parent] = os.path.realpath(parent)
        if any(real[up] == real[parent] for up in _above(parent, root)):
            folders.clear()
            continue
        folders.sort()
        yield parent, folders, sorted(files)


def _above(path, root):
    """The folders that it lies in, up to `root`."""
    while path != root:
        path = os.path.dirname(path)
        if len(path) < len(root):
            path = root
        yield path


def _refuse(error):
    raise UserError(
        "Expected folders that can be read. Received: "
        f"{error.filename}: {error.strerror}."
    ) from error
