"""From a network's output to a restored picture: in one pass, or in several.

In several passes the same network works at coarse scales first: blur that is
long there is short, and what one pass at the full scale leaves of it goes.
"""

import math
from collections.abc import Callable

import keras
from keras import ops

from sis_keras.networks.padding import ReflectPad
from sis_keras.networks.upsampling import BilinearUpsample

NETWORK = "network"
# Of the expanding path, by the scale that they leave.
STEPS = {2: "previous_4", 4: "previous_3", 8: "previous_2", 16: "previous_1"}


@keras.saving.register_keras_serializable("sis_keras")
class Change(keras.layers.Layer):
    """`[picture, x]` to `tanh(x) / 2`, cropped to `picture`'s size.

    `[picture, x, coarse]` to that and `coarse`, cropped likewise. Computes in
    float32 whatever the policy, so that the picture is not quantised.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs):
        picture, x, *coarse = inputs
        _, height, width, _ = ops.shape(picture)
        change = ops.tanh(x[:, :height, :width]) / 2
        for other in coarse:
            change += other[:, :height, :width]
        return change


@keras.saving.register_keras_serializable("sis_keras")
class RestoredImage(Change):
    """`[blurry, x]` to the restored image, `x` cropped to `blurry`'s size.

    `blurry` and its `Change`, or `(tanh(x) + 1) / 2` without `residual`;
    clipped to [0, 1] outside training only, because a clip stops gradients.
    """

    def __init__(self, residual: bool = True, **kwargs):
        super().__init__(**kwargs)
        self.residual = residual

    def call(self, inputs, training=None):
        change = super().call(inputs)
        restored = inputs[0] + change if self.residual else change + 0.5
        if training:
            return restored
        # A clip to [0, 1], to 6e-8; int8 accelerators have no minimum.
        return 1.0 - ops.relu(1.0 - ops.relu(restored))

    def get_config(self):
        return {**super().get_config(), "residual": self.residual}


def coarse_to_fine(
    network: Callable, scales: int, multiple: int, name: str
) -> keras.Model:
    """A generator that passes over the picture at 1/2^(scales-1) … 1/2, 1.

    With `P_k` the picture at 1/2^k (means of 2x2 pixels), `N` the network and
    `U` bilinear upsampling by two, the restored image is `P_0 + C_0`, where

        C_k = tanh(N(P_k, U C_(k+1))) / 2 + U C_(k+1)

    and the coarsest scale has nothing from below, 0. Differs from paper: one
    pass over three channels is the paper's. The weights are shared by all
    passes, as in SRN-DeblurNet (Tao et al., CVPR 2018).

    Args:
        network: Of `(batch, height, width, 6)`, both parts in [-1, 1], the
            output of `build_generator` before its tanh.
        scales: Of the passes, two or more.
        multiple: That each pass is padded to.
        name: Of the model.
    """
    shared = _shared(network, multiple)
    blurry = keras.Input((None, None, 3), name="blurry")
    pictures = [blurry]
    x = ReflectPad(2 ** (scales - 1), name="even", dtype="float32")(blurry)
    for k in range(1, scales):
        x = keras.layers.AveragePooling2D(
            2, name=f"picture_{k}", dtype="float32"
        )(x)
        pictures.append(x)
    coarse = []
    for k in range(scales - 1, 0, -1):
        below = coarse or [Nothing(name="nothing")(pictures[k])]
        x, *_ = shared([pictures[k], *below])
        change = Change(name=f"change_{k}")([pictures[k], x, *coarse])
        enlarged = BilinearUpsample(
            2, name=f"change_{k}_enlarged", dtype="float32"
        )(change)
        coarse = [
            Cropped(name=f"change_{k}_cropped")([pictures[k - 1], enlarged])
        ]
    x, *_ = shared([blurry, *coarse])
    restored = RestoredImage(name="restored")([blurry, x, *coarse])
    return keras.Model(blurry, restored, name=name)


@keras.saving.register_keras_serializable("sis_keras")
class Nothing(keras.layers.Layer):
    """Zeros of a picture's shape."""

    def call(self, inputs):
        return ops.zeros_like(inputs)


@keras.saving.register_keras_serializable("sis_keras")
class Cropped(keras.layers.Layer):
    """`[picture, x]` to `x`, cropped to `picture`'s size; float32."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs):
        picture, x = inputs
        _, height, width, _ = ops.shape(picture)
        return x[:, :height, :width]


def _shared(network, multiple):
    """`[picture, change]` to the network's output and its steps, coarse last.

    The picture in [0, 1], the change in [-1/2, 1/2].
    """
    picture = keras.Input((None, None, 3), name="picture")
    change = keras.Input((None, None, 3), name="change")
    x = keras.layers.Concatenate(name="both")(
        [
            keras.layers.Rescaling(2.0, -1.0, name="rescaled")(picture),
            keras.layers.Rescaling(2.0, name="rescaled_change")(change),
        ]
    )
    x = network(ReflectPad(multiple, name="padded")(x))
    whole = keras.Model([picture, change], x)
    steps = [whole.get_layer(name).output for name in STEPS.values()]
    return keras.Model([picture, change], [x, *steps], name=NETWORK)


# === What a generator is made of ===


def network_of(generator: keras.Model) -> keras.Model:
    """What holds the convolutions: the generator, or what its passes share."""
    for layer in generator.layers:
        if layer.name == NETWORK:
            return layer
    return generator


def steps_of(generator: keras.Model) -> dict:
    """The expanding path's maps in the pass at the full scale, by scale."""
    network = network_of(generator)
    if network is generator:
        return {k: generator.get_layer(v).output for k, v in STEPS.items()}
    # The last node is the last pass.
    _, *steps = network._inbound_nodes[-1].outputs
    return dict(zip(STEPS, steps, strict=True))


def inputs_of_passes(generator: keras.Model) -> list:
    """What the network is given in each pass, of the generator's graph."""
    network = network_of(generator)
    if network is generator:
        return [generator.input]
    return [list(node.input_tensors) for node in network._inbound_nodes]


def sizes_of_passes(
    generator: keras.Model, height: int, width: int
) -> list[tuple[int, int]]:
    """Height and width of the picture in each pass, the full one last."""
    passes = len(inputs_of_passes(generator))
    return [
        (math.ceil(height / 2**k), math.ceil(width / 2**k))
        for k in reversed(range(passes))
    ]
