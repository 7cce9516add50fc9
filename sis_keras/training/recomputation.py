"""Feature maps that are computed again for the gradient, not kept for it."""

import itertools

import keras


class Recomputed:
    """A network's training pass, which keeps the joints of its graph alone.

    A joint is a map that more than one layer takes, such as the end of an
    Inception module, and each of the network's outputs. What lies between
    joints is dropped after the forward pass, and computed again from them
    when the gradient gets there. That costs a second forward pass, part by
    part. The network, its layers and weights stay as they are.

    Args:
        model: A Keras functional model of one input. Keras on TensorFlow.

    Reference:
        Chen et al., "Training deep nets with sublinear memory cost",
        arXiv:1604.06174.
    """

    def __init__(self, model: keras.Model):
        self._input, self._outputs = model.inputs[0], model.outputs
        makers = {id(layer.output): layer for layer in model.layers}
        joints = _joints(model)
        self._parts = [
            (_sources(layer, joints, makers), layer.output)
            for layer in model.layers
            if id(layer.output) in joints and layer.output is not self._input
        ]
        self._models = [keras.Model(*part) for part in self._parts]

    def __call__(self, image) -> list:
        """The outputs, in training mode, of an input."""
        maps = {id(self._input): image}
        for (sources, made), model in zip(
            self._parts, self._models, strict=True
        ):
            inputs = [maps[id(source)] for source in sources]
            maps[id(made)] = _computed_again(model)(*inputs)
        return [maps[id(x)] for x in self._outputs]


def _joints(model):
    """By `id`: the input, the outputs, and what several layers take."""
    takers: dict[int, int] = {}
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer):
            for x in keras.tree.flatten(layer.input):
                takers[id(x)] = takers.get(id(x), 0) + 1
    several = {key for key, count in takers.items() if count > 1}
    return several | {id(x) for x in [*model.inputs, *model.outputs]}


def _sources(layer, joints, makers):
    """The joints that a layer's output is computed from."""
    found, waiting = {}, keras.tree.flatten(layer.input)
    while waiting:
        x = waiting.pop()
        if id(x) in joints:
            found[id(x)] = x
        else:
            waiting += keras.tree.flatten(makers[id(x)].input)
    return list(found.values())


def _computed_again(model):
    passes = itertools.count()

    def call(*inputs):
        if next(passes) == 0:
            return model(list(inputs), training=True)
        # The averages of batch normalisation moved in the first pass.
        with keras.StatelessScope():
            return model(list(inputs), training=True)

    return keras.remat(call)
