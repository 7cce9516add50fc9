"""What the inputs of deblur.py hold: pictures, videos, and all else."""

import os
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

from sis_keras.errors import UserError
from sis_keras.files.formats import READ_SUFFIXES, VIDEO_SUFFIXES

HIDDEN = "hidden"
LEADS_BACK = "a link back to a folder that it is in"


class Found(NamedTuple):
    """What is in a folder and below.

    Attributes:
        files: Pictures and videos, each folder's by name before those of the
            folders in it.
        passed: Why each other file is passed over; a few words, the same for
            all of a kind.
        unreadable: What is wrong with a folder that cannot be read.
    """

    files: list[pathlib.Path]
    passed: dict[pathlib.Path, str]
    unreadable: dict[pathlib.Path, str]


def kind_of(path: pathlib.Path) -> str | None:
    """By the suffix: "picture", "video", or None."""
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    return "picture" if suffix in READ_SUFFIXES else None


def known_suffixes() -> str:
    """Those of pictures and videos, for a message."""
    return " ".join(sorted({*READ_SUFFIXES, *VIDEO_SUFFIXES}))


def why_unknown(path: pathlib.Path) -> str:
    """Why a file that is no picture or video by its name is passed over."""
    suffix = path.suffix.lower()
    return f"of a kind that is not read, {suffix or 'without a suffix'}"


def is_folder(path: pathlib.Path) -> bool:
    """Whether an input is a folder, and no file.

    Raises:
        UserError: It does not exist.
    """
    try:
        if path.is_dir():
            return True
        if path.exists():
            return False
        reason = "which does not exist"
    except OSError as error:
        reason = str(error.strerror)
    raise UserError(
        f"Expected a picture, a video or a folder. Received: {path}, {reason}."
    )


def refuse_addresses(paths: Iterable[str]) -> None:
    """Makes sure that paths are those of files, on a disk.

    Raises:
        UserError: One is the address of a bucket or of a page.
    """
    for path in paths:
        scheme, found, rest = path.partition("://")
        if found and scheme.isalnum():
            raise UserError(
                "Expected files and folders on a disk. Received: "
                f"{path}. Mount a bucket first: gcsfuse "
                f"{rest.partition('/')[0] or 'BUCKET'} FOLDER."
            )


def search(folder: pathlib.Path, without: pathlib.Path) -> Found:
    """Pictures and videos in a folder and below, hidden ones excepted.

    Links to files and folders are followed, but for those that lead back.

    Args:
        folder: Where to look.
        without: A folder that is no input, such as that of the outputs.

    Raises:
        UserError: The folder itself cannot be read.
    """
    found = Found([], {}, {})
    _walk(folder, os.path.realpath(without), (), found)
    if folder in found.unreadable:
        raise UserError(
            "Expected a folder that can be read. Received: "
            f"{found.unreadable[folder]}"
        )
    return found


def _walk(folder, without, above, found):
    """`above` are the places of the folders on the way, links resolved."""
    place = os.path.realpath(folder)
    if place in above:
        found.passed[folder] = LEADS_BACK
        return
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        found.unreadable[folder] = f"{folder}: {error.strerror}."
        return
    folders = []
    for path in (folder / name for name in names):
        if path.name.startswith("."):
            found.passed[path] = HIDDEN
        elif os.path.isdir(path):  # False where that cannot be told.
            folders.append(path)
        elif kind_of(path):
            found.files.append(path)
        else:
            found.passed[path] = why_unknown(path)
    for path in folders:
        if os.path.realpath(path) != without:
            _walk(path, without, (*above, place), found)
