"""Damaged picture files: python -m tools.fuzz --files=500 --pictures=FOLDER

Damages small pictures of every format, and those of FOLDER if there is one,
what they say of themselves above all. A file either reads, and is written
again in some format, or is refused by a UserError of one line; anything else
is a crash. The status is 1 on a crash, or when memory grew by more than
`MOST_GROWTH_MIB`; a file that takes longer than `HANG_SECONDS` ends the
process with its trace.
"""

import collections
import faulthandler
import io
import pathlib
import resource
import sys
import tempfile
import time

import cv2
import numpy as np
import tifffile
from PIL import Image, ImageCms

from sis_keras.commands.program import Parser
from sis_keras.errors import UserError
from sis_keras.files.formats import require
from sis_keras.files.many.animation import is_animated, restore_animation
from sis_keras.files.photographs import (
    FORMATS,
    SUFFIXES,
    Photograph,
    read_photograph,
    write_photograph,
)
from tools.damages import DAMAGES

HANG_SECONDS = 20
# A small file may claim 4 megapixels, whose channels are made ready; HEIF's
# encoder takes 150 bytes for each of its pixels.
MOST_GROWTH_MIB = 400
HEIGHT, WIDTH = 24, 40


def has(form: str) -> bool:
    """Whether the package for a format is installed."""
    try:
        require(form, "files")
    except UserError:
        return False
    return True


NEWER = [
    (name, "RGB", {})
    for name, form in (("color.heic", "HEIF"), ("color.jxl", "JXL"))
    if has(form)
]
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
        ("palette.gif", "P", {"comment": b"words"}),
        ("color.avif", "RGB", {"exif": kept["exif"]}),
        *NEWER,
    ):
        form = {"jpg": "jpeg", "tif": "tiff", "heic": "heif"}
        written = io.BytesIO()
        form = form.get(name.partition(".")[2], name.partition(".")[2])
        images[mode].save(written, form, **options)
        files[name] = written.getvalue()
    files |= _animations(images["RGBA"])
    return files | _deep_files(rgba) | _tiff_files(rgba)


def _animations(image):
    files = {}
    for name in ("moving.gif", "moving.png", "moving.webp"):
        written = io.BytesIO()
        turned = image.transpose(Image.Transpose.ROTATE_180)
        image.save(
            written, name[7:], save_all=True, append_images=[turned, image]
        )
        files[name] = written.getvalue()
    return files


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


def _tiff_files(rgba):
    """What TIFF alone has: planes, tiles, floats, pages, other channels."""
    deep, floats = rgba * np.uint16(257), (rgba / 255).astype(np.float32)
    planes = np.ascontiguousarray(np.moveaxis(deep[..., :3], 2, 0))
    stack = np.stack([rgba[..., 0]] * 3)
    colors = np.zeros((3, 256), np.uint16)
    files = {}
    for name, data, options in (
        ("planes.tif", planes, {"planarconfig": "separate"}),
        ("tiles.tif", rgba, {"tile": (16, 16), "compression": "zstd"}),
        ("premultiplied.tif", deep, {"extrasamples": ["assocalpha"]}),
        ("infrared.tif", deep, {"extrasamples": ["unspecified"]}),
        ("floats.tif", floats[..., :3], {"bigtiff": True}),
        ("12_bits.tif", deep[..., :3] >> 4, {"bitspersample": 12}),
        ("stack.tif", stack, {"imagej": True, "photometric": "minisblack"}),
        (
            "colors.tif",
            rgba[..., 0],
            {"photometric": "palette", "colormap": colors},
        ),
        ("lab.tif", rgba[..., :3], {"photometric": "cielab"}),
    ):
        written = io.BytesIO()
        tifffile.imwrite(written, data, **{"photometric": "rgb", **options})
        files[name] = written.getvalue()
    return files


# === The trial ===


def fuzz(files: int, seed: int, folder, pictures=None) -> dict:
    """Reads `files` damaged files, written to `folder` one after another.

    Args:
        files: How many.
        seed: Determines the damages.
        folder: An empty one.
        pictures: A folder whose picture files are damaged, too.

    Returns:
        tried, read, refused: How many.
        crashes: What each other exception was and which file.
        longest_seconds, longest_file: Of one read.
        growth_mib: Of the process's peak memory, over reading whole files.
        largest_file: With the largest step of it.
        damages: Of each damage, how many were (read, refused).
    """
    folder = pathlib.Path(folder)
    whole = whole_files()
    for path in pathlib.Path(pictures).rglob("*") if pictures else ():
        if path.suffix.lower() in SUFFIXES and path.is_file():
            whole[path.name] = path.read_bytes()
    for name, data in whole.items():
        (folder / name).write_bytes(data)
        _passes(folder / name, folder / f"out{pathlib.Path(name).suffix}")
    before = peak = _peak_mib()
    most = (0.0, "")
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
            target = folder / f"out{random.choice(list(FORMATS))}"
            counts[damage][0 if _passes(path, target) else 1] += 1
        except Exception as error:
            crashes.append(f"{label}: {type(error).__name__}: {error}")
        longest = max(longest, (time.perf_counter() - start, label))
        most = max(most, (_peak_mib() - peak, label))
        peak = _peak_mib()
        faulthandler.cancel_dump_traceback_later()
    return {
        "tried": files,
        "read": sum(x for x, _ in counts.values()),
        "refused": sum(x for _, x in counts.values()),
        "crashes": crashes,
        "longest_seconds": longest[0],
        "longest_file": longest[1],
        "growth_mib": _peak_mib() - before,
        "largest_file": most[1],
        "damages": dict(counts),
    }


def _passes(path, target):
    """Whether it reads and is written; False when it is refused rightly."""
    try:
        photograph = read_photograph(path)
        _check(photograph)
        write_photograph(target, photograph.pixels, photograph)
        if is_animated(path):
            moved = path.with_name(f"out{path.suffix}")
            restore_animation(
                path, moved, np.copy, overwrite=True, progress=False
            )
    except UserError as error:
        if "\n" in str(error):
            raise AssertionError(f"more than one line: {error}") from error
        return False
    return True


def _check(photograph):
    pixels, alpha = photograph.pixels, photograph.alpha
    fits = pixels.dtype in (np.uint8, np.uint16) and pixels.shape[2:] == (3,)
    if alpha is not None:
        fits = fits and alpha.shape == pixels.shape[:2]
        fits = fits and alpha.dtype == pixels.dtype
    if not fits or not pixels.size:
        raise AssertionError(f"{pixels.shape} {pixels.dtype} was read")


def _peak_mib():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def main():
    parser = Parser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pictures", help="a folder of more whole files")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = fuzz(
            arguments.files, arguments.seed, folder, arguments.pictures
        )
    for damage, (read, refused) in found["damages"].items():
        print(f"{damage:18}{read:6} read {refused:6} refused")
    print(
        f"{found['tried']} files: {found['read']} read, "
        f"{found['refused']} refused, {len(found['crashes'])} crashes; "
        f"longest {found['longest_seconds']:.3f} s "
        f"({found['longest_file']}), "
        f"peak memory {_peak_mib():.0f} MiB, +{found['growth_mib']:.0f} MiB "
        f"over whole files (most by {found['largest_file']})"
    )
    for crash in found["crashes"]:
        print(f"crash: {crash}")
    sys.exit(bool(found["crashes"]) or found["growth_mib"] > MOST_GROWTH_MIB)


if __name__ == "__main__":
    main()
