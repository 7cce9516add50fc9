"""From a network's output to a restored picture: in one pass, or in several.

In several passes the same network works at coarse scales, too: blur that is
long is short there, and what the pass at the full scale leaves of it goes.
"""

from collections.abc import Callable

import keras
from keras import ops

from sis_keras.networks.padding import ReflectPad
from sis_keras.networks.presets import COMES, GOES, LEAST, SQUARE
from sis_keras.networks.upsampling import BilinearUpsample

NETWORK = "network"
# Of the expanding path, by the scale that they leave.
STEPS = {2: "previous_4", 4: "previous_3", 8: "previous_2", 16: "previous_1"}


@keras.saving.register_keras_serializable("sis_keras")
class Change(keras.layers.Layer):
    """`x` to `tanh(x) / 2`, what a pass changes of its picture.

    Computes in float32 whatever the policy, so that nothing is quantised.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def compute_output_shape(self, input_shape):
        return input_shape

    def call(self, inputs):
        return ops.tanh(inputs) / 2


@keras.saving.register_keras_serializable("sis_keras")
class CoarseShare(keras.layers.Layer):
    """`[fine, coarse]`, two changes, to the share of the coarse one.

    With `e` the sum over channels of the mean squares in squares of 32 pixels
    of `fine`, 16 of `coarse`, it is `e_c^2 / (e_f^2 + e_c^2 + 1e-9)`, one
    value a square; float32.
    """

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def compute_output_shape(self, input_shape):
        batch, *sizes, _ = input_shape[0]
        return batch, *[size and size // SQUARE for size in sizes], 1

    def call(self, inputs):
        fine, coarse = (
            self._energy(x, side) ** 2
            for x, side in zip(inputs, (SQUARE, SQUARE // 2), strict=True)
        )
        return coarse / (fine + coarse + LEAST)

    def _energy(self, x, side):
        squares = ops.average_pool(
            x * x, side, side, "valid", data_format="channels_last"
        )
        # Not a sum over an axis, which phones' accelerators lack.
        return squares[..., :1] + squares[..., 1:2] + squares[..., 2:3]


@keras.saving.register_keras_serializable("sis_keras")
class Joined(keras.layers.Layer):
    """`[fine, coarse, share]`, all of one size, to the change of both."""

    def __init__(self, **kwargs):
        super().__init__(**{**kwargs, "dtype": "float32"})

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs):
        fine, coarse, share = inputs
        return fine + share * (COMES * coarse - GOES * fine)


@keras.saving.register_keras_serializable("sis_keras")
class RestoredImage(keras.layers.Layer):
    """`[blurry, x]` to the restored image, `x` cropped to `blurry`'s size.

    `blurry + tanh(x) / 2`, or `(tanh(x) + 1) / 2` without `residual`, or
    `blurry + x` with `is_change`; clipped to [0, 1] outside training only,
    because a clip stops gradients. Computes in float32 whatever the policy, so
    that the picture is not quantised.
    """

    def __init__(
        self, residual: bool = True, is_change: bool = False, **kwargs
    ):
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.residual, self.is_change = residual, is_change

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def call(self, inputs, training=None):
        blurry, x = inputs
        _, height, width, _ = ops.shape(blurry)
        x = x[:, :height, :width]
        if self.is_change:
            restored = blurry + x
        elif self.residual:
            restored = blurry + ops.tanh(x) / 2
        else:
            restored = (ops.tanh(x) + 1) / 2
        if training:
            return restored
        # A clip to [0, 1], to 6e-8; int8 accelerators have no minimum.
        return 1.0 - ops.relu(1.0 - ops.relu(restored))

    def get_config(self):
        config = {"residual": self.residual, "is_change": self.is_change}
        return {**super().get_config(), **config}


def coarse_to_fine(
    network: Callable, scales: int, multiple: int, name: str
) -> keras.Model:
    """A generator that passes over the picture at 1/2^(scales-1) … 1/2, 1.

    With `P_k` the picture at 1/2^k (means of 2x2 pixels), `N` the network, `U`
    bilinear upsampling and `R_k = tanh(N(P_k)) / 2`, the restored image is
    `P_0 + C_0`, where

        C_k = (1 - s_k / 2) R_k + 0.8 s_k U C_(k+1)

    and at the coarsest scale `C = R`. The share `s_k` (`CoarseShare`, enlarged
    by `U`) is near one where the coarse passes change much and this one
    little: there blur is too long for it. Differs from paper: its network
    passes once. All passes share the weights, which are those of one pass.
    Tiles of `restoring.tiles` keep the phase of the pass at the full scale.

    Args:
        network: Of `(batch, height, width, 3)` in [-1, 1], the output of
            `build_generator` before its tanh.
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
    joined = None
    for k in reversed(range(scales)):
        x, *_ = shared(pictures[k])
        change = Change(name=f"change_{k}")(x)
        if joined is None:
            joined = change
            continue
        share = CoarseShare(name=f"change_{k}_coarse_share")([change, joined])
        enlarged = [
            BilinearUpsample(
                factor, name=f"change_{k}_{what}_enlarged", dtype="float32"
            )(part)
            for what, factor, part in (
                ("coarse", 2, joined),
                ("share", SQUARE, share),
            )
        ]
        joined = Joined(name=f"change_{k}_joined")([change, *enlarged])
    restored = RestoredImage(is_change=True, name="restored")([blurry, joined])
    return keras.Model(blurry, restored, name=name)


def _shared(network):
    """A picture in [0, 1] to the network's output and its path's steps."""
    picture = keras.Input((None, None, 3), name="picture")
    rescaled = keras.layers.Rescaling(2.0, -1.0, name="rescaled")
    x = network(rescaled(picture))
    whole = keras.Model(picture, x)
    steps = [whole.get_layer(name).output for name in STEPS.values()]
    return keras.Model(picture, [x, *steps], name=NETWORK)


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
    return [node.input_tensors[0] for node in network._inbound_nodes]


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
