"""ICC profiles, made of what other words for colours say."""

import struct

import numpy as np

D50 = (0.9642, 1.0, 0.8249)
BRADFORD = np.array(
    [
        [0.8951, 0.2664, -0.1614],
        [-0.7502, 1.7135, 0.0367],
        [0.0389, -0.0685, 1.0296],
    ]
)
D65 = (0.3127, 0.3290)
REC709 = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
REC2020 = ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
# Of H.273: primaries and white.
PRIMARIES = {
    1: (REC709, D65),
    9: (REC2020, D65),
    11: (P3, (0.314, 0.351)),
    12: (P3, D65),
}
SRGB_TRANSFER, LINEAR, PQ, HLG = 13, 8, 16, 18
SRGB_GAMMA = 45455  # 100000 / 2.2
SRGB_CHROMATICITIES = (31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000)
STEPS = 4096


def of_png(chunks: dict[bytes, bytes]) -> bytes | None:
    """The profile of a PNG file's cICP, sRGB, gAMA and cHRM.

    Returns:
        None for sRGB, for no words at all, and for HDR, which is no matter of
        profiles.
    """
    if len(chunks.get(b"cICP", b"")) == 4:
        return of_cicp(*chunks[b"cICP"][:2])
    if b"sRGB" in chunks or len(chunks.get(b"gAMA", b"")) != 4:
        return None
    (gamma,) = struct.unpack(">I", chunks[b"gAMA"])
    words = chunks.get(b"cHRM", b"")
    places = SRGB_CHROMATICITIES
    if len(words) == 32:
        places = struct.unpack(">8I", words)
    if not gamma or (abs(gamma - SRGB_GAMMA) < 50 and _is_srgb(places)):
        return None
    white, *primaries = (
        (places[x] / 1e5, places[x + 1] / 1e5) for x in range(0, 8, 2)
    )
    exponent = 1e5 / gamma
    curve = struct.pack(">IH", 1, min(round(exponent * 256), 65535))
    if gamma == 100000:
        curve = struct.pack(">I", 0)
    return matrix_profile(primaries, white, b"curv\0\0\0\0" + curve)


def _is_srgb(places):
    off = np.subtract(places, SRGB_CHROMATICITIES)
    return bool(np.abs(off).max() < 500)


def of_cicp(primaries: int, transfer: int) -> bytes | None:
    """The profile of H.273's numbers; None for sRGB and unknown ones."""
    if primaries not in PRIMARIES or transfer in (PQ, HLG):
        return None
    if (primaries, transfer) == (1, SRGB_TRANSFER):
        return None
    curve = _curve(transfer)
    if curve is None:
        return None
    return matrix_profile(*PRIMARIES[primaries], curve)


def _curve(transfer):
    if transfer == LINEAR:
        return b"curv\0\0\0\0" + struct.pack(">I", 0)
    if transfer in (4, 5):
        exponent = {4: 2.2, 5: 2.8}[transfer]
        return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(exponent * 256))
    value = np.linspace(0, 1, STEPS)
    if transfer == SRGB_TRANSFER:
        light = ((value + 0.055) / 1.055) ** 2.4
        light = np.where(value <= 0.04045, value / 12.92, light)
    elif transfer in (1, 6, 14, 15):
        light = ((value + 0.099) / 1.099) ** (1 / 0.45)
        light = np.where(value < 0.081, value / 4.5, light)
    else:
        return None
    steps = np.rint(65535 * light).astype(">u2").tobytes()
    return b"curv\0\0\0\0" + struct.pack(">I", STEPS) + steps


def matrix_profile(primaries, white, curve: bytes) -> bytes | None:
    """A display profile.

    Args:
        primaries: `(x, y)` of red, green and blue.
        white: `(x, y)`.
        curve: A `curv` or `para` element that all three go by.

    Returns:
        None where the primaries span no colours.
    """
    try:
        columns = np.array([_xyz(place) for place in primaries]).T
        light = _xyz(white)
        columns = columns * np.linalg.solve(columns, light)
    except (np.linalg.LinAlgError, ZeroDivisionError):
        return None
    scale = (BRADFORD @ D50) / (BRADFORD @ light)
    adapt = np.linalg.inv(BRADFORD) @ np.diag(scale) @ BRADFORD
    columns = adapt @ columns
    if not np.isfinite(columns).all() or np.abs(columns).max() > 100:
        return None
    return _written(columns, curve)


def _xyz(place):
    x, y = place
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _written(columns, curve):
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", 8) + b"picture\0",
        b"cprt": b"text\0\0\0\0none\0",
        b"wtpt": _element(D50),
    }
    tags[b"desc"] += bytes(78)
    for name, column in zip((b"r", b"g", b"b"), columns.T, strict=True):
        tags[name + b"XYZ"] = _element(column)
        tags[name + b"TRC"] = curve
    table, body, places = b"", b"", {}
    start = 132 + 12 * len(tags)
    for name, data in tags.items():
        if data not in places:
            places[data] = start + len(body)
            body += data + b"\0" * (-len(data) % 4)
        table += struct.pack(">4sII", name, places[data], len(data))
    head = struct.pack(
        ">I4sI4s4s4s6H4s28x",
        start + len(body),
        b"none",
        0x02400000,
        b"mntr",
        b"RGB ",
        b"XYZ ",
        *(2000, 1, 1, 0, 0, 0),
        b"acsp",
    )
    head += b"".join(_fixed(x) for x in D50)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _element(values):
    return b"XYZ \0\0\0\0" + b"".join(_fixed(x) for x in values)


def _fixed(value):
    return struct.pack(">i", round(float(value) * 65536))


def of_grey(icc: bytes) -> bytes | None:
    """A profile for RGB of equal channels, from one for grey.

    Returns:
        None where it has no curve.
    """
    try:
        (count,) = struct.unpack_from(">I", icc, 128)
        for number in range(min(count, 100)):
            name, start, size = struct.unpack_from(
                ">4sII", icc, 132 + 12 * number
            )
            if name == b"kTRC" and icc[start : start + 4] in (b"curv", b"para"):
                curve = icc[start : start + size]
                return matrix_profile(REC709, D65, curve)
    except struct.error:
        pass
    return None
