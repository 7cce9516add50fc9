"""Long streaks of blur: restored at half the size, too, where they are short.

The rule of `networks.passes.coarse_to_fine`, with two passes, for whatever
restores pictures: NumPy alone, so that LiteRT's files take it as well.
"""

import numpy as np

from sis_keras.errors import UserError
from sis_keras.networks.presets import (
    COMES,
    GOES,
    LEAST,
    SCALE_MULTIPLE,
    SQUARE,
)

# Of memory a pixel beside the network's: the picture, both changes and the
# share, float32, and copies while they are made; with LiteRT the network of
# half the size, too.
BYTES_OF_A_PIXEL = 200


class TwoScales:
    """A restorer that works at the full and at half the size, joined by place.

    It gives `x + (1 - s / 2) R(1) + 0.8 s R(1/2)`, clipped to [0, 1], with
    the changes R at both scales, R(1/2) enlarged, and their share s, which is
    near one where the coarse pass changes much and the fine one little.

    Args:
        restorer: Of pictures of any size; see `restoring.restorer`.

    Raises:
        UserError: It is for pictures of one size.
    """

    def __init__(self, restorer):
        if hasattr(restorer, "cut"):
            raise UserError(
                "Expected weights for pictures of any size with strong_blur, "
                "which restores at half the size, too. Received: "
                f"{restorer.name}, made for one size. Name released weights "
                "or a weight file."
            )
        self._restorer = self._coarse = restorer
        if hasattr(restorer, "twin"):  # Each is prepared for its size once.
            self._coarse = restorer.twin()
        self.name = f"{restorer.name}, strong_blur"
        self.metadata, self.precision = restorer.metadata, restorer.precision

    def __call__(self, blurry: np.ndarray) -> np.ndarray:
        """float32 `(n, h, w, 3)` in [0, 1] to the same."""
        return np.stack([self._restored(picture) for picture in blurry])

    def _restored(self, blurry):
        height, width, _ = blurry.shape
        sides = [(0, -x % (2 * SCALE_MULTIPLE)) for x in (height, width)]
        whole = np.pad(blurry, [*sides, (0, 0)], mode="reflect")
        fine = self._restorer(whole[None])[0] - whole
        rows, columns, _ = whole.shape
        half = whole.reshape(rows // 2, 2, columns // 2, 2, 3).mean((1, 3))
        coarse = self._coarse(half[None])[0] - half
        share = _enlarged(_share(fine, coarse), SQUARE)
        coarse = _enlarged(coarse, 2)
        change = fine + share * (COMES * coarse - GOES * fine)
        restored = (whole + change)[:height, :width]
        return np.clip(restored, 0, 1)


def _share(fine, coarse):
    """Of the coarse change, in squares: `(rows, columns, 1)`."""
    fine, coarse = (
        _energy(x, side) ** 2
        for x, side in ((fine, SQUARE), (coarse, SQUARE // 2))
    )
    return coarse / (fine + coarse + LEAST)


def _energy(x, side):
    rows, columns, _ = x.shape
    x = np.square(x).reshape(rows // side, side, columns // side, side, 3)
    return x.mean((1, 3)).sum(-1, keepdims=True)


def _enlarged(x, times):
    """Bilinear, with half-pixel centres; float32."""
    for axis in (0, 1):
        edges = np.take(x, [0, -1], axis)
        first, last = np.split(edges, 2, axis)
        padded = np.concatenate([first, x, last], axis)
        before, after = (
            np.take(padded, range(k, k + x.shape[axis]), axis) for k in (0, 2)
        )
        phases = []
        for phase in range(times):
            at = np.float32((phase + 0.5) / times - 0.5)
            other = before if at < 0 else after
            phases.append(x + abs(at) * (other - x))
        x = np.stack(phases, axis + 1)
        sides = list(x.shape)
        sides[axis : axis + 2] = [sides[axis] * times]
        x = x.reshape(sides)
    return x
