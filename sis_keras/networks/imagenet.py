"""ImageNet weights of Keras Applications: InceptionV3's and VGG16's."""

import pathlib
import warnings

import keras
from keras import ops

from sis_keras.errors import UserError
from sis_keras.networks.inception import trunk_layers

IMAGENET_FILE = "inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5"


def load_imagenet_weights(generator: keras.Model, path) -> None:
    """Copies InceptionV3's ImageNet weights into the extracting path.

    Where the trunk has no normalisation, the averages are folded into its
    convolutions, which computes the same function.

    Args:
        generator: A SIS-net generator with `width_multiplier=1` and without
            `residual_modules`.
        path: The public file `inception_v3_weights_tf_dim_ordering_tf_
            kernels_notop.h5` (or the one with top, or a `.weights.h5`).

    Raises:
        UserError: The file is missing or not InceptionV3's, or the
            generator is of another width or has residual modules.
    """
    inception = _read_inception(path)
    sources = zip(
        _in_creation_order(inception, keras.layers.Conv2D),
        _in_creation_order(inception, keras.layers.BatchNormalization),
        strict=True,
    )
    convolutions = trunk_layers(generator, "conv")
    normalizations = trunk_layers(generator, "norm")
    for number, (source, source_norm) in enumerate(sources):
        conv = convolutions[number]
        if conv.kernel.shape != source.kernel.shape:
            raise UserError(
                "ImageNet weights need width_multiplier=1 and no "
                "residual_modules (preset sisnet): "
                f"expected a kernel of shape {tuple(source.kernel.shape)} in "
                f"{conv.name}. Received: {tuple(conv.kernel.shape)}."
            )
        if normalizations:
            conv.kernel.assign(source.kernel)
            normalizations[number].set_weights(source_norm.get_weights())
        else:
            conv.set_weights(_folded(source, source_norm))


def _read_inception(path):
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(
            "`imagenet_weights` expects InceptionV3's ImageNet weights "
            f"({IMAGENET_FILE}). Received: {path}, which does not exist."
        )
    for include_top in (False, True):
        inception = keras.applications.InceptionV3(
            include_top=include_top, weights=None
        )
        try:
            # Keras warns of each layer that a file lacks before it raises.
            with warnings.catch_warnings(action="ignore"):
                inception.load_weights(path)
            return inception
        except (ValueError, OSError, KeyError) as error:
            reason = str(error).splitlines()[0]
    raise UserError(
        f"Expected InceptionV3 weights ({IMAGENET_FILE}) in {path}. "
        f"Received a file that does not fit: {reason}"
    )


def _in_creation_order(model, kind):
    """Keras numbers layers of one kind as they are made: conv2d_17."""

    def number(layer):
        suffix = layer.name.rpartition("_")[2]
        return int(suffix) if suffix.isdigit() else 0

    return sorted((x for x in model.layers if type(x) is kind), key=number)


def _folded(conv, norm):
    """Kernel and bias of a convolution followed by fixed averages."""
    gain = keras.ops.rsqrt(norm.moving_variance + norm.epsilon)
    return [conv.kernel * gain, norm.beta - norm.moving_mean * gain]


# The standard deviation of ImageNet's channels, about; the authors' code takes
# its losses on normalised images, and 0.5 and 0.006 belong to that scale.
IMAGE_SCALE = 0.225
# The authors' VGG16 takes unit variance, Keras's takes 0…255, and its features
# are about so many times as large. A heuristic.
FEATURE_SCALE = IMAGE_SCALE * 255
# Weights of the authors' VGG16, converted to Keras's layout, have that in their
# first kernel: its standard deviation is 0.004, and 0.2 in Keras's own file.
LEAST_FIRST_KERNEL = 0.03
VGG16_MEAN_BGR = (103.939, 116.779, 123.68)
VGG16_FILE = "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5"


def vgg16_features(weights_path) -> keras.Model:
    """Images in [0, 1] to VGG16's ReLU 3_3 maps, `(batch, h/4, w/4, 256)`.

    The maps, float32, are of the size that they have in the authors' VGG16,
    whichever of the two conventions the file keeps.

    Args:
        weights_path: Keras's public ImageNet file, `vgg16_weights_tf_dim_
            ordering_tf_kernels_notop.h5`, or a `.weights.h5` of that model.

    Raises:
        UserError: The file is missing, None or not VGG16's.
    """
    path = pathlib.Path(weights_path or "")
    if not path.is_file():
        received = f"{path}, which is no file" if weights_path else "none"
        raise UserError(
            "The perceptual loss needs `vgg16_weights`: expected Keras's "
            f"{VGG16_FILE}. Received: {received}. "
            "Name the file, or set `perceptual_weight=0`."
        )
    vgg16 = keras.applications.VGG16(include_top=False, weights=None)
    try:
        # Keras warns of each layer that a file lacks before it raises.
        with warnings.catch_warnings(action="ignore"):
            vgg16.load_weights(path)
    except (ValueError, OSError, KeyError) as error:
        raise UserError(
            f"Expected VGG16's weights ({VGG16_FILE}) in {path}. Received a "
            f"file that does not fit: {str(error).splitlines()[0]}"
        ) from error
    relu_3_3 = vgg16.get_layer("block3_conv3").output
    trunk = keras.Model(vgg16.input, relu_3_3, name="vgg16_relu_3_3")
    first = ops.std(vgg16.get_layer("block1_conv1").kernel)
    scale = FEATURE_SCALE if first > LEAST_FIRST_KERNEL else 1.0
    image = keras.Input((None, None, 3))
    bgr = keras.layers.Lambda(
        lambda x: x[..., ::-1] * 255.0 - ops.cast(VGG16_MEAN_BGR, x.dtype),
        output_shape=(None, None, 3),
        dtype="float32",  # 0…255 would be rounded to whole numbers else
    )(image)
    features = keras.layers.Rescaling(1.0 / scale, dtype="float32")(trunk(bgr))
    model = keras.Model(image, features, name="vgg16_features")
    model.trainable = False
    return model
