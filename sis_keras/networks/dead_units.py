"""Units whose ReLU is never above zero: they pass nothing, and learn nothing.

A unit is a channel of a layer. Gradients do not reach a dead one, so it stays
dead, and with it what it could have learned. A rate that is too high kills
units; a network with many trains on as if it were smaller.
"""

from collections.abc import Iterable

import keras
import numpy as np
from keras import ops

# Of a picture, at most so much of its middle, in pixels.
SIDE = 256


class DeadUnits:
    """Counts them in a model, whose later weights are followed.

    Args:
        model: Of inputs float32 `(n, h, w, 3)` in [0, 1]. Layers whose
            `activation` is ReLU count.
    """

    def __init__(self, model: keras.Model):
        layers = [
            layer
            for layer in model.layers
            if getattr(layer, "activation", None) is keras.activations.relu
        ]
        self._names = [layer.name for layer in layers]
        self._maps = keras.Model(model.input, [x.output for x in layers])

    def by_layer(
        self, pictures: Iterable[np.ndarray]
    ) -> dict[str, tuple[int, int]]:
        """The dead units and all units of each layer.

        Args:
            pictures: uint8 `(h, w, 3)`; 256x256 of their middle are seen.
        """
        largest = None
        for picture in pictures:
            maps = self._maps(_middle(picture)[np.newaxis] / np.float32(255))
            values = [
                ops.convert_to_numpy(ops.max(x, axis=(0, 1, 2))) for x in maps
            ]
            largest = (
                values
                if largest is None
                else [
                    np.maximum(*pair)
                    for pair in zip(largest, values, strict=True)
                ]
            )
        if largest is None:
            raise ValueError("Expected a picture or more. Received: none")
        return {
            name: (int(np.sum(~(x > 0))), x.size)
            for name, x in zip(self._names, largest, strict=True)
        }

    def share(self, pictures: Iterable[np.ndarray]) -> float:
        """The share of all units, in [0, 1], that are dead; see `by_layer`."""
        dead, units = np.sum(list(self.by_layer(pictures).values()), axis=0)
        return float(dead / units)


def _middle(picture):
    top, left = (max(size - SIDE, 0) // 2 for size in picture.shape[:2])
    return picture[top : top + SIDE, left : left + SIDE]
