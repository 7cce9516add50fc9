"""The arithmetic that pictures are restored in, and its memory."""

import contextlib
import pathlib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sis_keras.errors import UserError


class Precision(NamedTuple):
    """One way to compute.

    Attributes:
        policy: Keras's name.
        alone: Bytes of peak memory for a pixel, whatever the network.
        by_width: The same, to be multiplied by the network's width.
    """

    policy: str
    alone: int
    by_width: int

    def bytes_of_a_pixel(self, width_multiplier: float) -> float:
        """What a picture's pixel takes at the peak."""
        return self.alone + self.by_width * width_multiplier


# Measured with `python -m benchmarks.tiles`.
PRECISIONS = {
    "float32": Precision("float32", 150, 1200),
    "bfloat16": Precision("mixed_bfloat16", 110, 1060),
}


def best_precision() -> str:
    """bfloat16 where the processor is faster in it, else float32.

    Those are Intel's with AMX and AMD's with AVX512-BF16. Intel's with
    AVX512-BF16 and without AMX, as some virtual machines are, reach 0.6 of
    float32 in it; others emulate it.
    """
    try:
        words = set(pathlib.Path("/proc/cpuinfo").read_text().split())
    except OSError:
        words = set()
    fast = "amx_bf16" in words or {"avx512_bf16", "AuthenticAMD"} <= words
    return "bfloat16" if fast else "float32"


def training_precision(capabilities: Sequence[tuple[int, int] | None]) -> str:
    """Keras's policy that is fast on a device and safe to train in.

    Args:
        capabilities: Of each GPU or TPU; None where the device does not tell,
            as a TPU. Without any it is the processor that computes.
    """
    if not capabilities:
        return PRECISIONS[best_precision()].policy
    # Ampere is the first of NVIDIA's that computes in bfloat16.
    old = any(x is not None and x < (8, 0) for x in capabilities)
    return "float32" if old else "mixed_bfloat16"


@contextlib.contextmanager
def policy_of(precision: str) -> Iterator[None]:
    """Keras's policy for what is built meanwhile.

    Raises:
        UserError: No precision has that name.
    """
    if precision not in PRECISIONS:
        raise UserError(
            f"Expected precision in {sorted(PRECISIONS)}, or None. Received: "
            f"precision={precision!r}."
        )
    import keras

    kept = keras.config.dtype_policy()
    keras.config.set_dtype_policy(PRECISIONS[precision].policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(kept)
