"""Whether something can be written, before there is work to lose."""

import pathlib
import tempfile

from sis_keras.errors import UserError


def check_folder(folder, argument: str = "output") -> None:
    """Makes sure that files can be written into a folder.

    It may be missing, as may those above it: they are made with the first
    file. Nothing is left behind.

    Args:
        folder: Its path.
        argument: What names it, for the message.

    Raises:
        UserError: A file or a link to nothing stands in the way, rights are
            missing, or the disk takes none.
    """
    folder = pathlib.Path(folder)
    above = folder
    try:
        while not (above.exists() or above.is_symlink()):
            above = above.absolute().parent
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise UserError(
            f"Expected a folder to write into. Received: {folder}, where that "
            f"is impossible ({error.strerror}: {above}). Name another by "
            f"`{argument}`, or change its rights."
        ) from error


def check_file(path, argument: str = "output") -> None:
    """The same for a file: a folder has not its name, nor stands in its way.

    Raises:
        UserError: It cannot be written.
    """
    path = pathlib.Path(path)
    check_folder(path.parent, argument)
    if path.is_dir():
        raise UserError(
            f"Expected the name of a file. Received: {path}, which is a "
            f"folder. Name another by `{argument}`."
        )


def make_folder(folder) -> None:
    """Makes a folder and those above it, if they are missing.

    Raises:
        UserError: Where there can be none, such as in /proc.
        OSError: A file stands in the way, or rights are missing.
    """
    try:
        pathlib.Path(folder).mkdir(parents=True, exist_ok=True)
    except FileNotFoundError as error:
        raise UserError(
            f"Expected a folder that can be made. Received: {folder}, where "
            f"that is impossible ({error.strerror}: {error.filename}). Name "
            "another."
        ) from error
