"""Multi-Picture Format: JPEG files that hold more pictures behind the first.

Gain maps, depth, the other eye of a stereo camera. They stay as they are; only
MPF's index, which counts from its own place, is made to find them again.
"""

import struct
from typing import NamedTuple

HEAD = b"MPF\0"
APP2 = 0xE2
INDEX = 0xB002
ORDERS = {b"II": "<", b"MM": ">"}
ENTRY = 16


class Pictures(NamedTuple):
    """What the index says.

    Attributes:
        block: MPF's segment.
        number: Of pictures, the first included.
        at: Where the entries lie in `block`.
        starts: Of each, counted from the first one's end.
    """

    block: bytes
    number: int
    at: int
    starts: list[int]


def pictures(cut) -> Pictures | None:
    """The pictures of a file, if there are more than one.

    Args:
        cut: A JPEG file's `Parts`.
    """
    place = 2
    for marker, data in cut.segments:
        if marker == APP2 and data.startswith(HEAD):
            return _parsed(data, place + 4 + len(HEAD), cut.end)
        place += 4 + len(data)
    return None


def _parsed(index, base, end):
    block = index[len(HEAD) :]
    order = ORDERS.get(block[:2], "<")
    try:
        (folder,) = struct.unpack_from(order + "I", block, 4)
        (count,) = struct.unpack_from(order + "H", block, folder)
        for at in range(folder + 2, folder + 2 + 12 * count, 12):
            tag, _, size, place = struct.unpack_from(order + "HHII", block, at)
            if tag != INDEX or size < 2 * ENTRY:
                continue
            number = size // ENTRY
            offsets = [
                struct.unpack_from(order + "I", block, place + x * ENTRY + 8)[0]
                for x in range(number)
            ]
            starts = [base + x - end for x in offsets[1:]]
            if min(starts) >= 0:
                return Pictures(index, number, len(HEAD) + place, starts)
    except (struct.error, TypeError):
        return None
    return None


def write(file, head, encoded, found: Pictures, tail: bytes) -> list[str]:
    """Writes a first picture and the tail, and an index that finds them.

    Args:
        file: Open for writing.
        head: From the first byte to where MPF's segment goes.
        encoded: The rest of the first picture.
        found: The index as it was.
        tail: What followed the first picture.

    Returns:
        A sentence for a person.
    """
    index = bytearray(found.block)
    order = ORDERS[bytes(index[len(HEAD) : len(HEAD) + 2])]
    base = len(head) + 4 + len(HEAD)
    end = len(head) + 4 + len(index) + len(encoded)
    struct.pack_into(order + "I", index, found.at + 4, end)
    for number, start in enumerate(found.starts, 1):
        place = found.at + number * ENTRY + 8
        # The offset of one that is not there stays as it is.
        if start < len(tail):
            struct.pack_into(order + "I", index, place, end + start - base)
    file.write(head + b"\xff\xe2" + struct.pack(">H", len(index) + 2))
    file.write(bytes(index) + encoded + tail)
    others = "second picture" if found.number == 2 else "other pictures"
    kept = f"the file's {others} (gain map, depth, …): kept as before"
    return [f"{kept}, not restored"]
