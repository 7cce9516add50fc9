"""Whether a PNG file is whole, and its size, without decoding its pixels."""

import zlib

from sis_keras.errors import UserError

_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def png_size(data: bytes, name: str) -> tuple[int, int]:
    """Checks a PNG file's bytes and returns its `(height, width)`.

    Every chunk's length and checksum is verified up to the closing `IEND`, so
    a truncated or damaged file is found at about a millisecond a megabyte,
    where decoding takes some twenty.

    Args:
        data: the whole file.
        name: what an error calls the file.

    Raises:
        UserError: The bytes are no PNG, are truncated or damaged.
    """
    if not data.startswith(_SIGNATURE):
        raise _unreadable(data, name, "not a PNG file")
    view = memoryview(data)
    position = len(_SIGNATURE)
    size = None
    while True:
        length = int.from_bytes(view[position : position + 4], "big")
        kind = bytes(view[position + 4 : position + 8])
        end = position + 8 + length
        if end + 4 > len(data):
            raise _unreadable(data, name, "truncated")
        checksum = int.from_bytes(view[end : end + 4], "big")
        if zlib.crc32(view[position + 4 : end]) != checksum:
            raise _unreadable(data, name, "damaged")
        if size is None:
            if kind != b"IHDR" or length != 13:
                raise _unreadable(data, name, "damaged")
            width = int.from_bytes(view[position + 8 : position + 12], "big")
            height = int.from_bytes(view[position + 12 : position + 16], "big")
            size = height, width
        if kind == b"IEND":
            return size
        position = end + 4


def _unreadable(data: bytes, name: str, problem: str) -> UserError:
    return UserError(
        f"Expected a whole PNG picture. Received: {name}, {len(data)} bytes, "
        f"{problem}. Copy or download it again."
    )
