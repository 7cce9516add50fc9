"""What tiles cost in quality and memory: python -m benchmarks.tiles PICTURE…

1. Each picture whole against the same in tiles, for several overlaps: PSNR,
   and the largest difference in levels of 255, at the seams (where tiles
   overlap) and elsewhere. For the overlap that `Deblurrer` takes, --output
   gets the differences as pictures, amplified.
2. Peak memory and seconds of `Deblurrer`, for pictures of 12, 48 and 100
   megapixels under --max_memory, and for small ones whole, from which the
   bytes of a pixel follow; each in a process of its own.

Tiles of the first part are small, so that there are many seams.
"""

import argparse
import concurrent.futures
import itertools
import math
import multiprocessing
import pathlib
import time

import tqdm

from benchmarks.measuring import resident_mib
from benchmarks.reporting import machine, text_table
from sis_keras.commands.deblur_flags import memory_size
from sis_keras.commands.program import Parser
from sis_keras.weights.released import DEFAULT_WEIGHTS

OVERLAPS = (32, 64, 96, 128, 192, 256)
# (width, height); 4:3, as cameras have it.
LARGE = {"12 MP": (4000, 3000), "48 MP": (8000, 6000), "100 MP": (11552, 8664)}
SMALL = {"1 MP": (1152, 864), "4 MP": (2304, 1728)}
AMPLIFIED = 64

# === Quality ===


def quality(given) -> str:
    """The table of the first part; writes the difference pictures."""
    from sis_keras.files.photographs import read_photograph
    from sis_keras.restoring.precision import best_precision, policy_of
    from sis_keras.restoring.restorer import load_restorer
    from sis_keras.restoring.tiles import OVERLAP

    with policy_of(given.precision or best_precision()):
        restorer = load_restorer(given.weights)
    overlaps = sorted({*OVERLAPS, OVERLAP})
    cases = itertools.product(given.pictures, overlaps)
    rows, whole = [], {}
    for path, overlap in tqdm.tqdm(
        list(cases), "comparing", disable=None, leave=False
    ):
        if path not in whole:
            blurry = read_photograph(path).pixels
            height, width = blurry.shape[:2]
            one = [(0, height)], [(0, width)]
            whole = {path: restored(restorer, blurry, *one)}
        cells, difference = compared(
            restorer, blurry, whole[path], given.tile_pixels, overlap
        )
        rows.append([f"{pathlib.Path(path).name}, {overlap}", *cells])
        if overlap == OVERLAP and difference is not None:
            write_difference(given.output, path, difference)
    header = ["picture, overlap", "tiles", "PSNR", "at seams", "elsewhere"]
    return text_table(header, rows)


def restored(restorer, blurry, rows, columns):
    """uint8 `(height, width, 3)`, in tiles of these spans."""
    import numpy as np

    from sis_keras.restoring import tiles

    def restore(region):
        part = blurry[region.slices] / np.float32(255)
        return restorer(part[None])[0]

    axes = [[tiles.Span(*span) for span in axis] for axis in (rows, columns)]
    result = np.empty_like(blurry)
    for region, part in tiles.blend(*axes, restore):
        result[region.slices] = np.rint(part * 255)
    return result


def compared(restorer, blurry, whole, tile_pixels, overlap):
    """Cells of a row; and the differences, `(height, width, 3)`."""
    import numpy as np

    from sis_keras.restoring import tiles

    found = tiles.cut(*blurry.shape[:2], tile_pixels, overlap)
    if found is None:
        return ["tile too small", "-", "-", "-"], None
    tiled = restored(restorer, blurry, *found)
    difference = np.abs(tiled.astype(int) - whole)
    seam = np.zeros(blurry.shape[:2], bool)
    for axis, spans in enumerate(found):
        for before, after in itertools.pairwise(spans):
            strip = slice(after.start, before.stop)
            seam[(slice(None),) * axis + (strip,)] = True
    error = np.mean(difference.astype(float) ** 2)
    psnr = 10 * math.log10(255**2 / error) if error else math.inf
    return [
        f"{len(found[0])}x{len(found[1])}",
        f"{psnr:.2f}",
        str(difference[seam].max(initial=0)),
        str(difference[~seam].max(initial=0)),
    ], difference


def write_difference(folder, path, difference):
    """|tiled - whole| times `AMPLIFIED`, as a picture."""
    import numpy as np

    from sis_keras.files.pictures import write_rgb

    bright = np.rint(np.minimum(difference * AMPLIFIED, 255))
    target = pathlib.Path(folder) / f"{pathlib.Path(path).stem}_difference.png"
    write_rgb(target, bright.astype(np.uint8))


# === Memory ===


def memory(given) -> str:
    """The table of the second part."""
    cases = [(name, *SMALL[name], 2**60) for name in SMALL]
    cases += [(name, *LARGE[name], given.max_memory) for name in given.sizes]
    cases = [(*case, given.weights, given.precision) for case in cases]
    with concurrent.futures.ProcessPoolExecutor(
        max_workers=1,
        mp_context=multiprocessing.get_context("spawn"),
        max_tasks_per_child=1,
    ) as pool:
        results = list(pool.map(measure, cases))
    rows = [
        [case[0], tiles, f"{seconds:.1f}", f"{mib:.0f} MiB"]
        for case, (tiles, seconds, mib) in zip(cases, results, strict=True)
    ]
    (_, width, height, *_), (_, more_width, more_height, *_) = cases[:2]
    more = more_width * more_height - width * height
    slope = (results[1][2] - results[0][2]) * 2**20 / more
    header = ["picture", "tiles", "seconds", "peak memory"]
    return (
        f"{text_table(header, rows)}\n\n"
        f"{slope:.0f} bytes a pixel, where the picture is whole"
    )


def measure(case) -> tuple[str, float, float]:
    """Tiles, seconds and MiB of one picture of noise, in a new process."""
    _, width, height, max_memory, weights, precision = case
    import numpy as np

    from sis_keras.restoring.deblurrer import Deblurrer

    deblurrer = Deblurrer(weights, max_memory, precision=precision)
    deblurrer(np.zeros((64, 64, 3), np.uint8))  # Traces it.
    random = np.random.default_rng(0)
    picture = random.integers(256, size=(height, width, 3), dtype=np.uint8)
    rows, columns = deblurrer.cut(height, width)
    start = time.perf_counter()
    deblurrer(picture)
    seconds = time.perf_counter() - start
    return f"{len(rows)}x{len(columns)}", seconds, resident_mib()


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("pictures", nargs="*", help="of the first part; none skips it")
    add("--weights", default=DEFAULT_WEIGHTS)
    add("--precision", choices=("float32", "bfloat16"))
    add("--tile_pixels", type=int, default=640 * 640, help="of the first part")
    add("--output", default="runs/tiles", help="for the difference pictures")
    add("--max_memory", type=memory_size, default=memory_size("4G"))
    add(
        "--sizes",
        nargs="*",
        choices=LARGE,
        default=list(LARGE),
        help="of the second part; none skips the large ones",
    )
    given = parser.parse_args()
    print(machine(), flush=True)
    # First: a child begins with its parent's peak as its own.
    print(f"\n{memory(given)}", flush=True)
    if given.pictures:
        print(f"\n{quality(given)}")


if __name__ == "__main__":
    main()
