"""From a network's output to a restored picture: in one pass, or in several.

In several passes the same network works at coarse scales first: blur that is
long there is short, and what one pass at the full scale leaves of it goes.
"""

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
    """`[x, coarse]` to `tanh(x) / 2 + coarse`, what a pass leaves.

    Computes in float32 whatever the policy, so that nothing is quantised.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs):
        x, coarse = inputs
        return ops.tanh(x) / 2 + coarse


@keras.saving.register_keras_serializable("sis_keras")
class RestoredImage(keras.layers.Layer):
    """`[blurry, x]` to the restored image, `x` cropped to `blurry`'s size.

    `blurry + tanh(x) / 2`, or `(tanh(x) + 1) / 2` without `residual`; clipped
    to [0, 1] outside training only, because a clip stops gradients.
    `[blurry, x, coarse]` adds what the coarse passes left, cropped likewise.
    Computes in float32 whatever the policy, so that the picture is not
    quantised.
    """

    def __init__(self, residual: bool = True, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.residual = residual

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs, training=None):
        blurry, *rest = inputs
        _, height, width, _ = ops.shape(blurry)
        x, *coarse = [part[:, :height, :width] for part in rest]
        x = ops.tanh(x)
        restored = blurry + x / 2 if self.residual else (x + 1) / 2
        for change in coarse:
            restored += change
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

    and the coarsest scale has nothing from below, 0. Differs from paper: its
    network passes once, over the picture alone. The weights are shared by all
    passes, as in SRN-DeblurNet (Tao et al., CVPR 2018).

    Args:
        network: Of `(batch, height, width, 6)`, both parts in [-1, 1], the
            output of `build_generator` before its tanh.
        scales: Of the passes, two or more.
        multiple: Of a pass, that height and width are padded to.
        name: Of the model.
    """
    shared = _shared(network)
    blurry = keras.Input((None, None, 3), name="blurry")
    whole = ReflectPad(
        multiple * 2 ** (scales - 1), name="padded", dtype="float32"
    )(blurry)
    pictures = [whole]
    for k in range(1, scales):
        halve = keras.layers.AveragePooling2D(
            2, name=f"picture_{k}", dtype="float32"
        )
        pictures.append(halve(pictures[-1]))
    # Not zeros: a file of one size would hold them.
    nothing = keras.layers.Rescaling(0.0, name="nothing", dtype="float32")
    coarse = nothing(pictures[-1])
    for k in range(scales - 1, 0, -1):
        x, *_ = shared([pictures[k], coarse])
        change = Change(name=f"change_{k}")([x, coarse])
        coarse = BilinearUpsample(
            2, name=f"change_{k}_enlarged", dtype="float32"
        )(change)
    x, *_ = shared([whole, coarse])
    restored = RestoredImage(name="restored")([blurry, x, coarse])
    return keras.Model(blurry, restored, name=name)


def _shared(network):
    """`[picture, change]` to the network's output and its path's steps.

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
    x = network(x)
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
    """Height and width of what the network is given in each pass, in order."""
    passes = len(inputs_of_passes(generator))
    if passes == 1:
        return [(height, width)]
    multiple = generator.get_layer("padded").multiple
    padded = [-(-size // multiple) * multiple for size in (height, width)]
    return [
        (padded[0] // 2**k, padded[1] // 2**k) for k in reversed(range(passes))
    ]
