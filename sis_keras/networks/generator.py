"""The SIS-net generator (paper III-A, Figure 2, Algorithm 1)."""

import itertools
from collections.abc import Sequence

import keras

from sis_keras.networks.inception import extracting_path
from sis_keras.networks.padding import ReflectPad
from sis_keras.networks.passes import RestoredImage, coarse_to_fine
from sis_keras.networks.presets import SCALE_MULTIPLE
from sis_keras.networks.upsampling import ICNR, BilinearUpsample, DepthToSpace

# Neighbouring seeds of a network must not share those of its kernels.
SEEDS_OF_A_NETWORK = 10_000
MOST_SEEDS = 2**31 - 2
FUSIONS = ("add", "concat")
# The sums of the expanding path, by their scale's denominator.
SUMS = (16, 8, 4, 2)


# === Functional Model ===


def build_generator(
    width_multiplier: float = 1.0,
    fusion_channels: int = 128,
    normalization: str = "batch",
    branch_pooling: str = "average",
    fusion: str = "add",
    residual: bool = True,
    intermediate_path: bool = True,
    info_box: bool = True,
    residual_modules: bool = False,
    residual_blocks: Sequence[int] = (0, 0, 0, 0),
    recurrent_scales: int = 1,
    synchronized: bool = False,
    seed: int = 0,
    name: str = "sisnet",
) -> keras.Model:
    """The SIS-net generator: blurry to restored, any height and width.

    Args:
        width_multiplier: Scales the extracting path; 1 is InceptionV3.
        fusion_channels: Channels of the expanding path; even.
        normalization: Of the extracting path: "batch", "frozen" or "none".
        branch_pooling: "average" (InceptionV3) or "max".
        fusion: "add" (Algorithm 1), or "concat": concatenation and a 1x1
            convolution.
        residual: Adds the output to `blurry` (the authors' code).
        intermediate_path: False is Nolalent-net of Table 2.
        info_box: False is Nosis-net of Table 2.
        residual_modules: Inception modules add to their input; see
            `extracting_path`.
        residual_blocks: How many blocks of two 3x3 convolutions, added to
            their input, follow the sums of the expanding path at 1/16, 1/8,
            1/4 and 1/2 of the scale.
        recurrent_scales: How many times the same network passes over the
            picture, from coarse to fine; see `coarse_to_fine`. Wants
            `residual`.
        synchronized: Batch statistics over all replicas.
        seed: Of the initial weights.
        name: Of the model.

    Input shape: `(batch, height, width, 3)`, float32, RGB in [0, 1].
    Output shape: the same; clipped to [0, 1] outside training.

    Raises:
        ValueError: An argument is out of its range.
    """
    if fusion not in FUSIONS:
        raise ValueError(f"Expected fusion in {FUSIONS}. Received: {fusion!r}")
    if fusion_channels < 2 or fusion_channels % 2:
        raise ValueError(
            "Expected an even positive fusion_channels. "
            f"Received: fusion_channels={fusion_channels}"
        )
    if len(residual_blocks) != len(SUMS) or not all(
        isinstance(count, int) and count >= 0 for count in residual_blocks
    ):
        raise ValueError(
            "Expected residual_blocks of four whole numbers, from 0 up. "
            f"Received: residual_blocks={residual_blocks!r}"
        )
    if recurrent_scales < 1 or (recurrent_scales > 1 and not residual):
        raise ValueError(
            "Expected recurrent_scales from 1 up; above 1 with residual. "
            f"Received: recurrent_scales={recurrent_scales}, "
            f"residual={residual}"
        )

    # As TensorFlow takes them, and small enough for JAX.
    first = SEEDS_OF_A_NETWORK * seed % MOST_SEEDS

    def network(x):
        scales = extracting_path(
            x,
            width_multiplier,
            normalization,
            branch_pooling,
            synchronized,
            first,
            residual_modules,
        )
        # Each part counts from a place of its own, so that the ablations
        # begin with the same weights in what they share.
        lateral, boxes, seeds, blocks = (
            itertools.count(first + offset)
            for offset in (1000, 2000, 3000, 4000)
        )
        info_0, details = _intermediate_layer_path(
            scales, fusion_channels, lateral
        )
        sources = []
        if info_box:
            sources.append(_info_box(info_0, fusion_channels, boxes))
        if intermediate_path:
            sources.append(details)
        refine = _refinement(residual_blocks, blocks)
        x = _expanding_path(
            info_0, sources, fusion_channels, fusion, refine, seeds
        )
        return keras.layers.Conv2D(
            3,
            3,
            padding="same",
            kernel_initializer="zeros" if residual else _he(seeds),
            name="to_rgb",
        )(x)

    if recurrent_scales > 1:
        return coarse_to_fine(network, recurrent_scales, SCALE_MULTIPLE, name)
    blurry = keras.Input((None, None, 3), name="blurry")
    x = ReflectPad(SCALE_MULTIPLE, name="padded")(blurry)
    x = network(keras.layers.Rescaling(2.0, -1.0, name="rescaled")(x))
    restored = RestoredImage(residual, name="restored")([blurry, x])
    return keras.Model(blurry, restored, name=name)


def _he(seeds):
    return keras.initializers.HeNormal(next(seeds))


def _intermediate_layer_path(scales, channels, seeds):
    """info_0 (1/32) and [detail_1 (1/16) … detail_4 (1/2)], in fusion order."""
    names = ("info_0", "detail_1", "detail_2", "detail_3", "detail_4")
    info_0, *details = [
        keras.layers.Conv2D(
            channels,
            1,
            kernel_initializer=keras.initializers.GlorotNormal(next(seeds)),
            name=name,
        )(x)
        for name, x in zip(names, reversed(scales), strict=True)
    ]
    return info_0, details


def _info_box(info_0, channels, seeds):
    """[info_1 … info_4]: pixel shuffles of info_0 by 2, 4, 8, 16 (Eq. 1-2)."""
    infos = []
    for k, scale in enumerate((2, 4, 8, 16), start=1):
        x = keras.layers.Conv2D(
            scale**2 * channels,
            1,
            kernel_initializer=ICNR(scale, next(seeds)),
            name=f"info_{k}_channels",
        )(info_0)
        infos.append(DepthToSpace(scale, name=f"info_{k}")(x))
    return infos


def _refinement(counts, seeds):
    """The residual blocks that follow the sum at step k = 1 … 4."""

    def refine(k, x):
        for number in range(1, counts[k - 1] + 1):
            change = x
            for place, start in (("first", None), ("second", "zeros")):
                change = keras.layers.Conv2D(
                    x.shape[-1],
                    3,
                    padding="same",
                    activation=None if start else "relu",
                    kernel_initializer=start or _he(seeds),
                    name=f"block_{k}_{number}_{place}",
                )(change)
            x = keras.layers.Add(name=f"block_{k}_{number}")([x, change])
        return x

    return refine


def _expanding_path(info_0, sources, channels, fusion, refine, seeds):
    """Algorithm 1, feature fusion expansion, up to the full scale."""

    def fsconv(x, filters, name):
        # Differs from paper: Eq. 3 gives 2H - 1; 'same' gives 2H. Kernel 4 is
        # divisible by the stride, which avoids a checkerboard.
        # He: an output pixel sums 2x2 taps of every input channel, where
        # Keras counts 4x4 of every output channel.
        gain = 2.0 * (16 * filters) / (4 * x.shape[-1])
        return keras.layers.Conv2DTranspose(
            filters,
            4,
            strides=2,
            padding="same",
            activation="relu",
            kernel_initializer=keras.initializers.VarianceScaling(
                gain, seed=next(seeds)
            ),
            name=name,
        )(x)

    def merge(k, previous):
        maps = [previous, *(source[k - 1] for source in sources)]
        if len(maps) == 1:
            return previous
        if fusion == "add":
            return keras.layers.Add(name=f"merged_{k}")(maps)
        x = keras.layers.Concatenate(name=f"spliced_{k}")(maps)
        return keras.layers.Conv2D(
            channels, 1, kernel_initializer=_he(seeds), name=f"merged_{k}"
        )(x)

    previous = fsconv(info_0, channels, "previous_1")
    products = [previous]
    for k in (1, 2, 3):
        x = refine(k, merge(k, previous))
        previous = fsconv(x, channels, f"previous_{k + 1}")
        products.append(previous)
    # Differs from paper: its text sums the first three; its Algorithm 1 and
    # the authors' code sum four.
    smooth = keras.layers.Add(name="previous_sum")(
        [
            BilinearUpsample(scale, name=f"previous_{k}_enlarged")(x)
            for k, scale, x in zip((1, 2, 3), (8, 4, 2), products, strict=False)
        ]
        + [products[3]]
    )
    smooth = keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        activation="relu",
        kernel_initializer=_he(seeds),
        name="previous_smooth",
    )(smooth)
    return fsconv(refine(4, merge(4, smooth)), channels // 2, "expanded")
