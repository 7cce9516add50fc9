"""The files of a data set, wherever they lie: in a folder or still zipped."""

import os
import pathlib
import zipfile
import zlib
from collections.abc import Iterable

from sis_keras.errors import UserError
from sis_keras.files.walking import walked

# RuntimeError: encrypted, or a compression method that zipfile lacks.
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    RuntimeError,
)


class Folder:
    """The files below a folder.

    `names` are their sorted paths relative to it, with `/` between the parts.
    Names that start with a dot (left by file managers) are passed over.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.names = sorted(self._walk())

    def _walk(self):
        for folder, folders, files in walked(self.path):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if not name.startswith("."):
                    path = pathlib.Path(folder, name)
                    yield path.relative_to(self.path).as_posix()

    def read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise UserError(
                f"Cannot read {self.where(name)}: {error.strerror}."
            ) from error

    def where(self, name: str) -> str:
        return str(self.path / name)


class Zip:
    """The files inside a zip, read one by one and never unpacked to disk.

    Raises:
        UserError: The zip is truncated, or is no zip.
    """

    def __init__(self, path):
        self.path = pathlib.Path(path)
        try:
            self._archive = zipfile.ZipFile(self.path)
        except zipfile.BadZipFile as error:
            raise UserError(
                f"Expected a zip. Received: {self.path}, "
                f"{self.path.stat().st_size} bytes, truncated or no zip. "
                "Download it again."
            ) from error
        except OSError as error:
            raise UserError(
                f"Cannot read {self.path}: {error.strerror}."
            ) from error
        self.names = sorted(
            name
            for name in self._archive.namelist()
            if not name.rpartition("/")[2].startswith(".")
            and not name.endswith("/")
        )

    def read(self, name: str) -> bytes:
        try:
            return self._archive.read(name)
        except _ZIP_ERRORS as error:
            raise UserError(
                f"Cannot read {self.where(name)}: {error}. Download the zip "
                "again, or unpack it with another program."
            ) from error

    def where(self, name: str) -> str:
        return f"{self.path}/{name}"


def manual_folder(dl_manager) -> pathlib.Path:
    """The user's `manual_dir`.

    Raises:
        UserError: It is missing or empty; the message holds the builder's
            MANUAL_DOWNLOAD_INSTRUCTIONS.
    """
    try:
        return pathlib.Path(os.fspath(dl_manager.manual_dir))
    except (AssertionError, OSError) as error:
        raise UserError(" ".join(str(error).split())) from error


def shorten(names: Iterable[str], count: int = 6) -> str:
    """`a, b, c and 12 more`, for messages; `nothing` when there is none."""
    names = list(names)
    shown = ", ".join(names[:count]) or "nothing"
    more = len(names) - count
    return f"{shown} and {more} more" if more > 0 else shown
