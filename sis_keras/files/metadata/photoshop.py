"""IPTC's records, as Photoshop's resources and PNG's text hold them."""

import struct

HEAD = b"Photoshop 3.0\0"
IPTC = 0x0404
# Thumbnails of the picture as it was.
THUMBNAILS = (0x0409, 0x040C)


def resources(block: bytes) -> list[tuple[int, bytes, bytes]]:
    """`(number, whole, data)` of each resource that follows `HEAD`."""
    found, at = [], 0
    while block[at : at + 4] == b"8BIM" and at + 12 <= len(block):
        (number,) = struct.unpack_from(">H", block, at + 4)
        start = at + 6 + (block[at + 6] + 2) // 2 * 2
        if start + 4 > len(block):
            break
        (size,) = struct.unpack_from(">I", block, start)
        end = start + 4 + size
        whole = block[at : end + size % 2]
        found.append((number, whole, block[start + 4 : end]))
        at = end + size % 2
    return found


def iptc_of(block: bytes) -> bytes | None:
    """IPTC's records in a resource block, in one or bare."""
    block = block.removeprefix(HEAD)
    if block[:1] == b"\x1c":
        return block
    found = (data for number, _, data in resources(block) if number == IPTC)
    return next(found, None)


def block_of(iptc: bytes) -> bytes:
    """A resource block, with its head, that holds IPTC's records alone."""
    head = b"8BIM" + struct.pack(">HHI", IPTC, 0, len(iptc))
    return HEAD + head + iptc + b"\0" * (len(iptc) % 2)


def without_thumbnails(block: bytes) -> bytes:
    """The same block, with its head, but for thumbnails."""
    kept = [
        whole
        for number, whole, _ in resources(block.removeprefix(HEAD))
        if number not in THUMBNAILS
    ]
    return HEAD + b"".join(kept) if kept else block
