"""Extracting path: the InceptionV3 trunk, cut at its five stride-2 points.

Reference:
    Szegedy et al., "Rethinking the Inception Architecture for Computer
    Vision", CVPR 2016 ([23] of the SIS-net paper).
"""

import itertools

import keras

from sis_keras.networks.passes import network_of

NORMALIZATIONS = ("batch", "frozen", "none")
BRANCH_POOLINGS = {
    "average": keras.layers.AveragePooling2D,
    "max": keras.layers.MaxPooling2D,
}
BATCH_NORM_EPSILON = 1e-3

# === Layers ===


@keras.saving.register_keras_serializable("sis_keras")
class TrunkNormalization(keras.layers.BatchNormalization):
    """Batch normalisation that can be told to train on its averages.

    With `use_averages` set, training and inference are one function and the
    averages no longer move; `beta` still learns.
    """

    def __init__(self, use_averages: bool = False, **kwargs):
        super().__init__(**kwargs)
        self.use_averages = use_averages

    def call(self, inputs, training=None, mask=None):
        batch_statistics = bool(training) and not self.use_averages
        return super().call(inputs, training=batch_statistics, mask=mask)

    def get_config(self):
        return {**super().get_config(), "use_averages": self.use_averages}


def freeze_batch_norm(model: keras.Model) -> None:
    """Makes every `TrunkNormalization` of `model` train on its averages.

    Compiled training steps must be traced again afterwards.
    """
    for layer in network_of(model).layers:
        if isinstance(layer, TrunkNormalization):
            layer.use_averages = True


# === Extracting path ===


def scaled(channels: int, width_multiplier: float) -> int:
    """Channels at a width: the nearest multiple of 8, at least 16.

    Fewer would lose more at 1/2 scale, where a pixel stands for 12 values,
    than their few multiply-adds are worth.
    """
    if width_multiplier == 1:
        return channels
    return max(16, 8 * int(channels * width_multiplier / 8 + 0.5))


def extracting_path(
    x,
    width_multiplier: float = 1.0,
    normalization: str = "batch",
    branch_pooling: str = "average",
    synchronized: bool = False,
    seed: int = 0,
    residual_modules: bool = False,
) -> list:
    """Five feature maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the input's scale.

    Differs from paper: nothing but the padding; every convolution is 'same',
    so that the scales are exact halves. Kernels keep InceptionV3's shapes.

    Args:
        x: Float tensor `(batch, height, width, 3)` in [-1, 1]; height and
            width multiples of 32.
        width_multiplier: Scales every channel count; 1 is InceptionV3.
        normalization: "batch", "frozen" (statistics never updated) or "none"
            (convolutions get a bias instead).
        branch_pooling: "average" as InceptionV3, or "max", in the pooling
            branch of the modules.
        synchronized: Batch statistics over all replicas.
        seed: Of the initial weights.
        residual_modules: Each module's branches pass a 1x1 convolution that
            starts at zero and are added to the module's input, so that a
            module keeps its input's channels.

    Returns:
        Five tensors; with width 1 of 64, 192, 288, 768, 2048 channels.

    Raises:
        ValueError: An argument is out of its range.
    """
    if width_multiplier <= 0:
        raise ValueError(
            "Expected a positive width_multiplier. "
            f"Received: width_multiplier={width_multiplier}"
        )
    if branch_pooling not in BRANCH_POOLINGS:
        raise ValueError(
            f"Expected branch_pooling in {tuple(BRANCH_POOLINGS)}. "
            f"Received: branch_pooling={branch_pooling!r}"
        )
    conv = _convolution_factory(
        width_multiplier, normalization, synchronized, seed
    )
    parts = conv, _pool_factory(branch_pooling), _mix_factory()
    whole = _residual_factory() if residual_modules else _branches_alone

    x = conv(x, 32, 3, strides=2)
    x = conv(x, 32, 3)
    half = conv(x, 64, 3)

    x = _reduced(half, 4)
    x = conv(x, 80, 1)
    quarter = conv(x, 192, 3)

    x = _reduced(quarter, 8)
    for pool_channels in (32, 64, 64):
        x = whole(x, _module_35x35(x, parts, pool_channels))
    eighth = x

    x = _reduction_to_17x17(x, parts)
    for inner_channels in (128, 160, 160, 192):
        x = whole(x, _module_17x17(x, parts, inner_channels))
    sixteenth = x

    x = _reduction_to_8x8(x, parts)
    for _ in range(2):
        x = whole(x, _module_8x8(x, parts))
    return [half, quarter, eighth, sixteenth, x]


def _convolution_factory(width_multiplier, normalization, synchronized, seed):
    """Convolution, normalisation, ReLU; numbered in order of creation."""
    if normalization not in NORMALIZATIONS:
        raise ValueError(
            f"Expected normalization in {NORMALIZATIONS}. "
            f"Received: normalization={normalization!r}"
        )
    numbers = itertools.count()

    def conv(x, channels, kernel_size, strides=1):
        number = next(numbers)
        x = keras.layers.Conv2D(
            scaled(channels, width_multiplier),
            kernel_size,
            strides=strides,
            padding="same",
            use_bias=normalization == "none",
            kernel_initializer=keras.initializers.HeNormal(seed + number),
            name=f"trunk_conv_{number:02d}",
        )(x)
        if normalization != "none":
            x = TrunkNormalization(
                use_averages=normalization == "frozen",
                scale=False,
                epsilon=BATCH_NORM_EPSILON,
                synchronized=synchronized,
                name=f"trunk_norm_{number:02d}",
            )(x)
        return keras.layers.Activation("relu", name=f"trunk_relu_{number:02d}")(
            x
        )

    return conv


def _branches_alone(x, branches):
    del x
    return branches


def _residual_factory():
    """Adds a module's branches to its input; numbered as they are made.

    Differs from paper: InceptionV3's modules do not. The authors' own trunk,
    Inception-ResNet-v2 (Szegedy et al., AAAI 2017), does, with a ReLU after
    each sum.
    """
    numbers = itertools.count()

    def whole(x, branches):
        number = next(numbers)
        change = keras.layers.Conv2D(
            x.shape[-1],
            1,
            kernel_initializer="zeros",
            name=f"trunk_residual_{number:02d}",
        )(branches)
        return keras.layers.Add(name=f"trunk_sum_{number:02d}")([x, change])

    return whole


def _pool_factory(kind):
    numbers = itertools.count()

    def pool(x):
        name = f"trunk_pool_{next(numbers):02d}"
        layer = BRANCH_POOLINGS[kind]
        return layer(3, strides=1, padding="same", name=name)(x)

    return pool


def _mix_factory():
    """Concatenation, which InceptionV3 calls mixing."""
    numbers = itertools.count()

    def mix(*branches):
        name = f"trunk_mixed_{next(numbers):02d}"
        return keras.layers.Concatenate(name=name)(list(branches))

    return mix


def _reduced(x, scale):
    """The maxima at 1/`scale` of the picture."""
    return keras.layers.MaxPooling2D(
        3, strides=2, padding="same", name=f"trunk_reduced_{scale}"
    )(x)


def _module_35x35(x, parts, pool_channels):
    conv, pool, mix = parts
    branch_1x1 = conv(x, 64, 1)
    branch_5x5 = conv(conv(x, 48, 1), 64, 5)
    double_3x3 = conv(conv(conv(x, 64, 1), 96, 3), 96, 3)
    pooled = conv(pool(x), pool_channels, 1)
    return mix(branch_1x1, branch_5x5, double_3x3, pooled)


def _reduction_to_17x17(x, parts):
    conv, _, mix = parts
    branch_3x3 = conv(x, 384, 3, strides=2)
    double_3x3 = conv(conv(conv(x, 64, 1), 96, 3), 96, 3, strides=2)
    pooled = _reduced(x, 16)
    return mix(branch_3x3, double_3x3, pooled)


def _module_17x17(x, parts, channels):
    conv, pool, mix = parts
    branch_1x1 = conv(x, 192, 1)
    branch_7x7 = conv(x, channels, 1)
    branch_7x7 = conv(branch_7x7, channels, (1, 7))
    branch_7x7 = conv(branch_7x7, 192, (7, 1))
    double_7x7 = conv(x, channels, 1)
    double_7x7 = conv(double_7x7, channels, (7, 1))
    double_7x7 = conv(double_7x7, channels, (1, 7))
    double_7x7 = conv(double_7x7, channels, (7, 1))
    double_7x7 = conv(double_7x7, 192, (1, 7))
    pooled = conv(pool(x), 192, 1)
    return mix(branch_1x1, branch_7x7, double_7x7, pooled)


def _reduction_to_8x8(x, parts):
    conv, _, mix = parts
    branch_3x3 = conv(conv(x, 192, 1), 320, 3, strides=2)
    branch_7x7 = conv(conv(x, 192, 1), 192, (1, 7))
    branch_7x7 = conv(conv(branch_7x7, 192, (7, 1)), 192, 3, strides=2)
    pooled = _reduced(x, 32)
    return mix(branch_3x3, branch_7x7, pooled)


def _module_8x8(x, parts):
    conv, pool, mix = parts
    branch_1x1 = conv(x, 320, 1)
    branch_3x3 = conv(x, 384, 1)
    branch_3x3 = mix(
        conv(branch_3x3, 384, (1, 3)), conv(branch_3x3, 384, (3, 1))
    )
    double_3x3 = conv(conv(x, 448, 1), 384, 3)
    double_3x3 = mix(
        conv(double_3x3, 384, (1, 3)), conv(double_3x3, 384, (3, 1))
    )
    pooled = conv(pool(x), 192, 1)
    return mix(branch_1x1, branch_3x3, double_3x3, pooled)


# === ImageNet weights ===


def trunk_layers(model: keras.Model, kind: str) -> list[keras.layers.Layer]:
    """The trunk's layers of `kind` ("conv" or "norm") in creation order."""
    layers = network_of(model).layers
    found = [x for x in layers if x.name.startswith(f"trunk_{kind}_")]
    return sorted(found, key=lambda layer: layer.name)
