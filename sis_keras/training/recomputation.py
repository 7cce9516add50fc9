"""Feature maps that are computed again for the gradient, not kept for it."""

import collections
import functools
import itertools

import keras

from sis_keras.networks.passes import network_of

# Of the generator's last steps, whose maps are the largest: one layer takes
# each, and together they would be most of what a part holds.
LARGE = ("previous_smooth", "expanded")


class Recomputed:
    """A network's training pass, which keeps the joints of its graph alone.

    A joint is a map that more than one layer takes, such as the end of an
    Inception module, those of `LARGE`, and the outputs. What lies between
    joints is dropped after the forward pass, and computed again from them
    when the gradient gets there. That costs a second forward pass, part by
    part. The network, its layers and weights stay as they are.

    Args:
        model: A Keras functional model of one input. Keras on TensorFlow.
            Where passes share a network (`coarse_to_fine`), each is treated
            so.

    Attributes:
        parts: Of the graph, or of the shared network's, in their order: the
            `id`s of the joints that each takes, and its layers, of which the
            last makes a joint.

    Reference:
        Chen et al., "Training deep nets with sublinear memory cost",
        arXiv:1604.06174.
    """

    def __init__(self, model: keras.Model):
        self._model, network = model, network_of(model)
        self.parts: list[tuple[list[int], list]]
        self._shared: Recomputed | None = None
        if network is not model:
            self._shared = Recomputed(network)
            self.parts = self._shared.parts
            return
        self._input, self._outputs = model.inputs[0], model.outputs
        joints = _joints(model)
        self.parts = [
            _part(layer, joints, model.layers)
            for layer in model.layers
            if id(layer.output) in joints and layer.output is not self._input
        ]

    def __call__(self, image) -> list:
        """The outputs, in training mode, of an input."""
        if self._shared:
            return self._model._run_through_graph(
                image, operation_fn=self._of_a_pass
            )
        maps = {id(self._input): image}
        for sources, layers in self.parts:
            inputs = [maps[source] for source in sources]
            made = layers[-1].output
            maps[id(made)] = _computed_again(sources, layers)(*inputs)
        return [maps[id(x)] for x in self._outputs]

    def _of_a_pass(self, operation):
        shared = self._shared
        if shared is not None and isinstance(operation, keras.Model):
            return lambda picture, **_: shared(picture)
        if operation._call_has_training_arg:
            return functools.partial(operation, training=True)
        return operation


def _joints(model):
    """By `id`: the input, outputs, what several layers take, large maps."""
    takers = collections.Counter(
        id(x)
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer)
        for x in keras.tree.flatten(layer.input)
    )
    several = {key for key, count in takers.items() if count > 1}
    large = [layer.output for layer in model.layers if layer.name in LARGE]
    return several | {id(x) for x in [*model.inputs, *model.outputs, *large]}


def _part(last, joints, layers):
    """The joints that a layer's output is made of; the layers that make it.

    Keras's own models of a part would leave nodes behind in its layers, and
    the whole could no longer be copied.
    """
    makers = {id(layer.output): layer for layer in layers}
    sources: dict[int, None] = {}  # Each once, in their order.
    needed, waiting = {last}, keras.tree.flatten(last.input)
    while waiting:
        x = waiting.pop()
        if id(x) in joints:
            sources[id(x)] = None
        else:
            needed.add(makers[id(x)])
            waiting += keras.tree.flatten(makers[id(x)].input)
    return list(sources), [layer for layer in layers if layer in needed]


def _computed_again(sources, layers):
    passes = itertools.count()

    def run(*inputs):
        maps = dict(zip(sources, inputs, strict=True))
        for layer in layers:
            taken = keras.tree.map_structure(lambda x: maps[id(x)], layer.input)
            maps[id(layer.output)] = layer(taken, training=True)
        return maps[id(layers[-1].output)]

    def call(*inputs):
        if next(passes) == 0:
            return run(*inputs)
        # The averages of batch normalisation moved in the first pass.
        with keras.StatelessScope():
            return run(*inputs)

    return keras.remat(call)
