"""Fingerprints of files by what is in them, wherever and whenever it lies."""

import functools
import hashlib
import os

# Smaller files are read whole; of larger ones so many pieces, evenly spaced.
WHOLE = 2**20
PIECES = 16
PIECE = 2**16


def contents_of(path) -> str:
    """Equal for files of equal bytes; copied or touched, they stay equal.

    Of a file above 1 MiB 16 pieces of 64 KiB count, its head and its tail
    among them, and its size: encoded pictures and videos that differ do so
    there. A folder of thousands of pictures is read in seconds.

    Args:
        path: Of the file.

    Returns:
        32 hexadecimal digits.

    Raises:
        OSError: It cannot be read.
    """
    status = os.stat(path)
    return _once(os.fspath(path), status.st_size, status.st_mtime_ns)


@functools.lru_cache(maxsize=2**16)
def _once(path, size, changed):
    """Within a program a file is asked for several times, and read once."""
    del changed
    digest = hashlib.sha256(str(size).encode())
    with open(path, "rb") as file:
        if size <= WHOLE:
            digest.update(file.read())
        else:
            for number in range(PIECES):
                file.seek((size - PIECE) * number // (PIECES - 1))
                digest.update(file.read(PIECE))
    return digest.hexdigest()[:32]
