"""Damaged picture files: python -m benchmarks.fuzz --files=500

Damages small pictures of every format and reads each. A file either reads or
is refused by a UserError of one line; anything else is a crash. The status is
1 on a crash, or when memory grew by more than `MOST_GROWTH_MIB`; a file that
takes longer than `HANG_SECONDS` ends the process with its trace. 500 files
take about 2 s.
"""

import argparse
import collections
import faulthandler
import io
import pathlib
import resource
import struct
import sys
import tempfile
import time
import zlib

import cv2
import numpy as np
from PIL import Image, ImageCms

from sis_keras.errors import UserError
from sis_keras.photographs import Photograph, read_photograph, write_photograph

HANG_SECONDS = 20
# A small file may claim 4 megapixels, whose channels are made ready.
MOST_GROWTH_MIB = 150
HEIGHT, WIDTH = 24, 40
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


# === Whole files ===


def whole_files() -> dict[str, bytes]:
    """Small pictures of every format, by the names of their files."""
    small = np.random.default_rng(0).integers(0, 256, (3, 5, 4), np.uint8)
    rgba = cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    images = {
        mode: Image.fromarray(rgba).convert(mode)
        for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK")
    }
    kept = {"exif": _exif(), "icc_profile": PROFILE}
    files = {}
    for name, mode, options in (
        ("color.jpg", "RGB", kept),
        ("progressive.jpg", "RGB", {"progressive": True}),
        ("grey.jpg", "L", {}),
        ("cmyk.jpg", "CMYK", {"icc_profile": PROFILE}),
        ("color.png", "RGB", kept),
        ("alpha.png", "RGBA", {}),
        ("grey_alpha.png", "LA", {}),
        ("palette.png", "P", {"transparency": 3}),
        ("bits.png", "1", {}),
        ("lossy.webp", "RGBA", kept),
        ("lossless.webp", "RGB", {"lossless": True}),
        ("raw.tif", "RGB", kept),
        ("lzw.tif", "RGBA", {"compression": "tiff_lzw"}),
        ("deflate.tif", "L", {"compression": "tiff_adobe_deflate"}),
        ("jpeg.tif", "RGB", {"compression": "jpeg"}),
        ("fax.tif", "1", {"compression": "group4"}),
        ("cmyk.tif", "CMYK", {}),
        ("color.bmp", "RGB", {}),
        ("palette.bmp", "P", {}),
    ):
        form = {"jpg": "jpeg", "tif": "tiff"}.get(name[-3:])
        written = io.BytesIO()
        form = form or name.partition(".")[2]
        images[mode].save(written, form, **options)
        files[name] = written.getvalue()
    return files | _deep_files(rgba)


def _exif():
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "Maker"
    exif[0x8769] = {0x829A: (1, 50), 0x9003: "2020:01:01 00:00:00"}
    return exif.tobytes()


def _deep_files(rgba):
    """16 bits a channel: from our writers and from OpenCV's."""
    deep = rgba * np.uint16(257)
    files = {}
    like = Photograph(
        deep[..., :3], deep[..., 3], False, _exif(), PROFILE, "PNG"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in ("deep_alpha.png", "deep_alpha.tif"):
            path = pathlib.Path(folder) / name
            write_photograph(path, like.pixels, like)
            files[name] = path.read_bytes()
    for name, channels in (
        ("deep.png", deep[..., :3]),
        ("deep_grey.png", deep[..., 0]),
        ("deep_lzw.tif", deep[..., :3]),
    ):
        _, data = cv2.imencode(name[name.index(".") :], channels)
        files[name] = data.tobytes()
    return files


# === Damages ===


def _flipped(data, other, random):
    """Some bytes are others."""
    data = bytearray(data)
    for place in random.integers(len(data), size=random.integers(1, 21)):
        data[place] = random.integers(256)
    return bytes(data)


def _flipped_head(data, other, random):
    """Some of the first bytes are others."""
    return _flipped(data[:80], other, random) + data[80:]


def _truncated(data, other, random):
    return data[: random.integers(len(data))]


def _spliced(data, other, random):
    """The beginning of one file, the end of another."""
    return (
        _truncated(data, other, random) + other[random.integers(len(other)) :]
    )


def _repeated(data, other, random):
    """A piece of the file stands in it once more."""
    start, end, place = sorted(random.integers(len(data), size=3))
    return data[:place] + data[start:end] + data[place:]


def _emptied(data, other, random):
    """A piece is zeros."""
    start, end = sorted(random.integers(len(data), size=2))
    return data[:start] + bytes(end - start) + data[end:]


def _wrong_suffix(data, other, random):
    return other


def _text(data, other, random):
    return b"This is no picture.\n" * random.integers(1, 50)


def _nothing(data, other, random):
    return b""


def _noise(data, other, random):
    """After the first bytes, nothing of the file is left."""
    return data[: random.integers(16)] + random.bytes(random.integers(1, 2000))


def _huge(data, other, random):
    """The head claims another size, up to 2^31 a side."""
    data = bytearray(data)
    most = random.choice([14, 31])  # The first would nearly be allowed.
    sides = [int(2 ** random.uniform(8, most)) for _ in range(2)]
    if data[:4] == b"\x89PNG":
        struct.pack_into(">II", data, 16, *sides)
        struct.pack_into(">I", data, 29, zlib.crc32(data[12:29]))
    elif data[:2] == b"BM":
        struct.pack_into("<ii", data, 18, *sides)
    elif data[:2] == b"II":
        _set_tiff_sides(data, sides)
    elif data[:4] == b"RIFF":
        _set_webp_sides(data, sides)
    elif data[:2] == b"\xff\xd8":
        frame = max(data.find(b"\xff\xc0"), data.find(b"\xff\xc2"))
        sides = [min(side, 65535) for side in sides]
        struct.pack_into(">HH", data, frame + 5, *sides)
    return bytes(data)


def _set_tiff_sides(data, sides):
    (place,) = struct.unpack_from("<I", data, 4)
    (count,) = struct.unpack_from("<H", data, place)
    for entry in range(place + 2, place + 2 + 12 * count, 12):
        (tag,) = struct.unpack_from("<H", data, entry)
        if tag in (256, 257):  # width, height
            struct.pack_into("<HII", data, entry + 2, 4, 1, sides[tag - 256])


def _set_webp_sides(data, sides):
    if data[12:16] == b"VP8X":
        for place, side in zip((24, 27), sides, strict=True):
            data[place : place + 3] = (side % 2**24).to_bytes(3, "little")
    elif data[12:16] == b"VP8L":
        both = sides[0] % 2**14 | sides[1] % 2**14 << 14
        struct.pack_into("<I", data, 21, both)
    else:
        struct.pack_into("<HH", data, 26, *(x % 2**14 for x in sides))


def _mended(data, other, random):
    """Flipped, but every checksum of a PNG file is right."""
    if data[:4] != b"\x89PNG":
        return _flipped_head(data, other, random)
    data = bytearray(data)
    place = 8
    while place + 12 <= len(data):
        (length,) = struct.unpack_from(">I", data, place)
        end = place + 8 + length
        if length and random.random() < 0.5:
            data[random.integers(place + 8, end)] = random.integers(256)
        struct.pack_into(">I", data, end, zlib.crc32(data[place + 4 : end]))
        place = end + 4
    return bytes(data)


DAMAGES = {
    "flipped": _flipped,
    "flipped head": _flipped_head,
    "checksums mended": _mended,
    "truncated": _truncated,
    "spliced": _spliced,
    "repeated piece": _repeated,
    "zeros": _emptied,
    "huge size": _huge,
    "noise": _noise,
    "wrong suffix": _wrong_suffix,
    "text": _text,
    "nothing": _nothing,
}


# === The trial ===


def fuzz(files: int, seed: int, folder) -> dict:
    """Reads `files` damaged files, written to `folder` one after another.

    Returns:
        tried, read, refused: How many.
        crashes: What each other exception was and which file.
        longest_seconds, longest_file: Of one read.
        growth_mib: Of the process's peak memory, over reading whole files.
        damages: Of each damage, how many were (read, refused).
    """
    folder = pathlib.Path(folder)
    whole = whole_files()
    for name, data in whole.items():
        (folder / name).write_bytes(data)
        read_photograph(folder / name)
    before = _peak_mib()
    names = list(whole)
    counts = collections.defaultdict(lambda: [0, 0])
    crashes, longest = [], (0.0, "")
    for index in range(files):
        random = np.random.default_rng((seed, index))
        name, other = random.choice(names, 2)
        damage = list(DAMAGES)[index % len(DAMAGES)]
        path = folder / name
        path.write_bytes(DAMAGES[damage](whole[name], whole[other], random))
        faulthandler.dump_traceback_later(HANG_SECONDS, exit=True)
        start = time.perf_counter()
        label = f"file {index} of seed {seed}, {name}, {damage}"
        try:
            counts[damage][0 if _reads(path) else 1] += 1
        except Exception as error:
            crashes.append(f"{label}: {type(error).__name__}: {error}")
        longest = max(longest, (time.perf_counter() - start, label))
        faulthandler.cancel_dump_traceback_later()
    return {
        "tried": files,
        "read": sum(x for x, _ in counts.values()),
        "refused": sum(x for _, x in counts.values()),
        "crashes": crashes,
        "longest_seconds": longest[0],
        "longest_file": longest[1],
        "growth_mib": _peak_mib() - before,
        "damages": dict(counts),
    }


def _reads(path):
    """Whether it reads; False when it is refused as it should be."""
    try:
        photograph = read_photograph(path)
    except UserError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error}") from error
        return False
    pixels, alpha = photograph.pixels, photograph.alpha
    fits = pixels.dtype in (np.uint8, np.uint16) and pixels.shape[2:] == (3,)
    if alpha is not None:
        fits = fits and alpha.shape == pixels.shape[:2]
        fits = fits and alpha.dtype == pixels.dtype
    if not fits or not pixels.size:
        raise AssertionError(f"{pixels.shape} {pixels.dtype} was read")
    return True


def _peak_mib():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(arguments.files, arguments.seed, folder)
    for damage, (read, refused) in found["damages"].items():
        print(f"{damage:18}{read:6} read {refused:6} refused")
    print(
        f"{found['tried']} files: {found['read']} read, "
        f"{found['refused']} refused, {len(found['crashes'])} crashes; "
        f"longest {found['longest_seconds']:.3f} s "
        f"({found['longest_file']}), "
        f"peak memory {_peak_mib():.0f} MiB, +{found['growth_mib']:.0f} MiB "
        "over whole files"
    )
    for crash in found["crashes"]:
        print(f"crash: {crash}")
    sys.exit(bool(found["crashes"]) or found["growth_mib"] > MOST_GROWTH_MIB)


if __name__ == "__main__":
    main()
