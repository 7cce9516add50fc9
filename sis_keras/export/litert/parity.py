"""Whether a LiteRT file computes what Keras computes, on real pictures.

Conversion can succeed and compute something else, and a network whose output
is near its input passes any PSNR: so the error is also told relative to the
correction, restored - blurry, and as what is left of the gain in PSNR.
"""

from collections.abc import Callable, Iterable

import numpy as np

from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.files.pictures import to_uint8

# dB between file and Keras, on the worst picture.
LEAST_PSNR = {"none": 80.0, "float16": 60.0, "dynamic": 50.0, "int8": 45.0}
# Of the mean gain over the blurred input; judged where there is a gain.
LEAST_SHARE_OF_GAIN = 0.9
A_GAIN = 0.05  # dB

Call = Callable[[np.ndarray], np.ndarray]


def compare(
    file: Call,
    keras: Call,
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
) -> dict:
    """Figures of a file beside Keras.

    Args:
        file, keras: float32 `(1, h, w, 3)` in [0, 1] to the same.
        pairs: `(blurry, sharp)`, uint8 `(h, w, 3)`.

    Returns:
        pictures        how many
        psnr            between the two, dB, of the worst picture
        relative_error  RMS of their difference over that of Keras's
                        correction, of all pictures
        blurry, keras_psnr, file_psnr
                        mean PSNR against sharp, dB, rounded to uint8
        share_of_gain   what the file keeps of Keras's gain; None where Keras
                        gains less than 0.05 dB
    """
    errors, corrections, scores = [], [], []
    for blurry, sharp in pairs:
        x = blurry[None].astype(np.float32) / 255
        expected, found = keras(x), file(x)
        errors.append(np.mean((found - expected) ** 2, dtype=np.float64))
        corrections.append(np.mean((expected - x) ** 2, dtype=np.float64))
        scores.append(
            [psnr(to_uint8(y[0]), sharp) for y in (x, expected, found)]
        )
    before, by_keras, by_file = np.mean(scores, axis=0).tolist()
    gain = by_keras - before
    return {
        "pictures": len(errors),
        "psnr": float(-10 * np.log10(max(max(errors), 1e-20))),
        "relative_error": float(
            np.sqrt(np.sum(errors) / max(np.sum(corrections), 1e-20))
        ),
        "blurry": before,
        "keras_psnr": by_keras,
        "file_psnr": by_file,
        "share_of_gain": (by_file - before) / gain if gain > A_GAIN else None,
    }


def check(figures: dict, quantize: str) -> None:
    """Refuses a file that is too far from Keras.

    Raises:
        UserError: Its PSNR or share of the gain is too low.
    """
    least, found = LEAST_PSNR[quantize], figures["psnr"]
    if not found >= least:
        raise UserError(
            f"Expected a file within {least:g} dB of Keras on every picture "
            f"(`quantize={quantize}`). Received: {found:.1f} dB; nothing was "
            "written. Try `quantize=dynamic` or float16, or other weights."
        )
    share = figures["share_of_gain"]
    if share is not None and not share >= LEAST_SHARE_OF_GAIN:
        raise UserError(
            f"Expected a file that keeps {LEAST_SHARE_OF_GAIN:.0%} of the "
            f"network's gain in PSNR. Received: {share:.0%}, "
            f"{figures['file_psnr']:.3f} dB where Keras has "
            f"{figures['keras_psnr']:.3f}; nothing was written. Try "
            "`quantize=dynamic` or float16, or other representative pictures."
        )
