"""A network with each kind of layer, its export, and pictures for it."""

import io

import keras
import numpy as np
import pytest
from PIL import Image

from sis_keras.export.saved_model import write as saved_model
from sis_keras.networks.generator import RestoredImage
from sis_keras.networks.inception import TrunkNormalization
from sis_keras.networks.padding import ReflectPad
from sis_keras.networks.upsampling import BilinearUpsample, DepthToSpace
from sis_keras.weights import generators
from sis_keras.weights.generators import save_weights

METADATA = {"arguments": {"width_multiplier": 0.25}, "card": {"step": 7}}
MOST_PIXELS = 256 * 256
SHAPES = ((1, 1, 1), (1, 3, 70), (2, 33, 47), (1, 64, 32))

# === Network ===


def small_network():
    """Each kind of layer that a generator has, once."""
    blurry = keras.Input((None, None, 3))
    x = ReflectPad(32)(blurry)
    x = keras.layers.Rescaling(2.0, -1.0)(x)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.Activation("relu")(TrunkNormalization()(x))
    deep = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    deep = keras.layers.AveragePooling2D(3, strides=1, padding="same")(deep)
    x = keras.layers.Add()(
        [
            x,
            BilinearUpsample(2)(deep),
            DepthToSpace(2)(keras.layers.Conv2D(16, 1)(deep)),
        ]
    )
    x = keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(x)
    restored = RestoredImage()([blurry, x])
    return keras.Model(blurry, restored, name="small")


def random_network():
    """The same with random weights, in its normalizations, too."""
    model = small_network()
    random = np.random.default_rng(0)
    model.set_weights(
        [
            w + random.normal(0, 0.1, w.shape) * ("gamma" not in v.path)
            if "moving_variance" not in v.path
            else random.uniform(0.5, 2, w.shape)
            for v, w in zip(model.variables, model.get_weights(), strict=True)
        ]
    )
    return model


def export(generator, folder):
    """Its SavedModel in `folder`/sisnet/7; what was said of it."""
    weight_file = folder / "small.safetensors"
    save_weights(weight_file, generator, *METADATA.values())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            generators,
            "build_generator",
            lambda **_: keras.models.clone_model(generator),
        )
        return saved_model.write_saved_model(
            weight_file, folder / "sisnet" / "7", most_pixels=MOST_PIXELS
        )


# === Pictures ===


def pictures(shape, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (*shape, 3), dtype=np.uint8)


def restored_pictures(restore, images):
    """What Keras makes of uint8, by NumPy."""
    restored = restore(images / np.float32(255))
    return np.rint(restored * np.float32(255)).astype(np.uint8)


def encoded(image, form="PNG", **options):
    file = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(file, form, **options)
    return file.getvalue()


def decoded(file):
    image = Image.open(io.BytesIO(file))
    assert image.format == "PNG" and image.mode == "RGB"
    return np.asarray(image)
