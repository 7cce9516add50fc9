"""How large a picture may be, and how large a file may claim that it is."""

import os

from sis_keras.errors import UserError

MOST_PIXELS = 130_000_000  # Of one picture or frame, in any format.
# A blank PNG file has 1032 for each of its bytes, photographs have less than
# 100. A file of some bytes must not have a gigabyte made ready for it.
PIXELS_PER_BYTE = 2000
FEW_PIXELS = 2**22


def check_size(path, file, size: tuple[int, int], most_pixels: int) -> None:
    """Refuses a picture before it is decoded.

    Args:
        path: Of its file.
        file: The same, open.
        size: Width and height, as it claims.
        most_pixels: That may be.

    Raises:
        UserError: The picture is too large, or the file too small for it.
    """
    width, height = size
    if width * height > most_pixels:
        raise too_large(path, most_pixels)
    length = os.fstat(file.fileno()).st_size
    if width * height > max(FEW_PIXELS, length * PIXELS_PER_BYTE):
        raise UserError(
            f"Expected a whole picture. Received: {path}, {length} bytes that "
            f"claim to be {width}x{height}. Replace or remove it."
        )


def too_large(path, most_pixels: int) -> UserError:
    """The error for a file that claims to have more."""
    return UserError(
        f"Expected at most {most_pixels / 1e6:.0f} megapixels. Received: "
        f"{path}, which claims to have more. Make it smaller."
    )
