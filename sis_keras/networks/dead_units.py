"""Units whose ReLU is never above zero: they pass nothing, and learn nothing.

A unit is a channel of a layer; it lives by any pass over the picture.
Gradients do not reach a dead one, so it stays dead, and with it what it could
have learned. A rate that is too high kills units; a network with many trains
on as if it were smaller.
"""

from collections.abc import Iterable, Sequence

import keras
import numpy as np
from keras import ops

from sis_keras.networks.passes import inputs_of_passes, network_of

# Of a picture, at most so much of its middle, in pixels.
SIDE = 256
DRAWS = 4
CONVOLUTIONS = keras.layers.Conv2D, keras.layers.Conv2DTranspose
POOLS = keras.layers.AveragePooling2D, keras.layers.MaxPooling2D


class DeadUnits:
    """Counts them in a model, whose later weights are followed.

    Args:
        model: Of inputs float32 `(n, h, w, 3)` in [0, 1]. Layers whose
            `activation` is ReLU count.
    """

    def __init__(self, model: keras.Model):
        network = network_of(model)
        layers = [
            layer
            for layer in network.layers
            if getattr(layer, "activation", None) is keras.activations.relu
        ]
        self._layers = {layer.name: layer for layer in layers}
        self._given_out = {x._keras_history.operation for x in network.outputs}
        self._maps = keras.Model(
            network.input, {x.name: x.output for x in layers}
        )
        # A list of one output would come back without the list.
        passes = {str(k): x for k, x in enumerate(inputs_of_passes(model))}
        self._passes = keras.Model(model.input, passes)

    def by_layer(
        self, pictures: Iterable[np.ndarray]
    ) -> dict[str, tuple[int, int]]:
        """The dead units and all units of each layer.

        Args:
            pictures: uint8 `(h, w, 3)`; 256x256 of their middle are seen.
        """
        return {
            name: (int(dead.sum()), dead.size)
            for name, dead in self._dead(pictures).items()
        }

    def share(self, pictures: Iterable[np.ndarray]) -> float:
        """The share of all units, in [0, 1], that are dead; see `by_layer`."""
        dead, units = np.sum(list(self.by_layer(pictures).values()), axis=0)
        return float(dead / units)

    def revive(self, pictures: Sequence[np.ndarray], seed: int) -> int:
        """Draws the kernels of dead units anew, with a bias of zero.

        Recycling of dormant neurons (Sokar et al., ICML 2023). What reads
        them does so with zeros at first, so that the middles of `pictures`
        come out as before; what the units did elsewhere is lost. New kernels
        are as long as the median of the layer's living ones, and 0.3 at
        least. Units that are normalised, and those that are added to others
        before a convolution reads them, stay dead.

        Args:
            pictures: As of `by_layer`.
            seed: Of what is drawn.

        Returns:
            How many were dead and are not any more; what is dead still after
            four draws stays.
        """
        random = np.random.default_rng(seed)
        before = self._dead(pictures)
        for _ in range(DRAWS):
            for name, dead in self._dead(pictures).items():
                dead &= before[name]
                drawn = _drawn_from(self._layers[name])
                if drawn is None or not dead.any():
                    continue
                readers = self._readers(self._layers[name], dead)
                if readers is None:
                    continue
                _draw(drawn, dead, random)
                for layer, channels in readers:
                    _silence(layer, channels)
        after = self._dead(pictures)
        return sum(int((before[x] & ~after[x]).sum()) for x in before)

    def _readers(self, layer, channels):
        """`(layer, which of its inputs)` of all kernels that read these units.

        None where they are added to others, shuffled, shared or given out
        before.
        """
        if layer in self._given_out or len(layer._inbound_nodes) != 1:
            return None
        found = []
        for node in layer._outbound_nodes:
            operation = node.operation
            if isinstance(operation, CONVOLUTIONS):
                whole = getattr(operation, "groups", 1) == 1
                if not whole or len(operation._inbound_nodes) != 1:
                    return None
                found.append((operation, channels))
                continue
            if isinstance(operation, keras.layers.Concatenate):
                passed = np.concatenate(
                    [
                        channels
                        if x._keras_history.operation is layer
                        else np.zeros(x.shape[-1], bool)
                        for x in node.arguments.keras_tensors
                    ]
                )
                if len(passed) != operation.output.shape[-1]:
                    return None  # Joined along another axis.
            elif isinstance(operation, POOLS):
                passed = channels
            else:
                return None
            behind = self._readers(operation, passed)
            if behind is None:
                return None
            found += behind
        return found

    def _dead(self, pictures):
        """For each layer, which of its units are never above zero."""
        alive: dict[str, np.ndarray] = {}
        for picture in pictures:
            middle = _middle(picture)[np.newaxis] / np.float32(255)
            for inputs in self._passes(middle).values():
                for name, values in self._maps(inputs).items():
                    largest = ops.max(values, axis=(0, 1, 2))
                    above = ops.convert_to_numpy(largest) > 0
                    alive[name] = alive.get(name, False) | above
        if not alive:
            raise ValueError("Expected a picture or more. Received: none")
        return {name: ~alive[name] for name in self._layers}


def _drawn_from(layer):
    """The convolution of the units; None where that is not all they are of."""
    if not layer.weights:  # An activation of its own, after a convolution.
        layer = layer.input._keras_history.operation
        if len(layer._outbound_nodes) != 1:
            return None
    # Normalised, what is dead is not the kernel's doing.
    return layer if isinstance(layer, CONVOLUTIONS) else None


def _draw(layer, dead, random):
    kernel, bias = layer.get_weights()
    # Conv2DTranspose has its outputs before its inputs.
    axis = -2 if isinstance(layer, keras.layers.Conv2DTranspose) else -1
    flat = np.moveaxis(kernel, axis, -1).reshape(-1, dead.size).copy()
    new = random.normal(size=(len(flat), int(dead.sum())))
    length = 0.3
    if not dead.all():
        living = np.linalg.norm(flat[:, ~dead], axis=0)
        length = max(float(np.median(living)), length)
    flat[:, dead] = length * new / np.linalg.norm(new, axis=0)
    bias[dead] = 0
    shape = np.moveaxis(kernel, axis, -1).shape
    kernel = np.moveaxis(flat.reshape(shape), -1, axis)
    layer.set_weights([kernel, bias])


def _silence(layer, channels):
    kernel = layer.kernel.numpy()
    if isinstance(layer, keras.layers.Conv2DTranspose):
        kernel[..., channels] = 0
    else:
        kernel[..., channels, :] = 0
    layer.kernel.assign(kernel)


def _middle(picture):
    top, left = (max(size - SIDE, 0) // 2 for size in picture.shape[:2])
    return picture[top : top + SIDE, left : left + SIDE]
