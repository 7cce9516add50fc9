"""The whole step, compiled by XLA, against TensorFlow's own."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tiny

from sis_keras.networks.imagenet import vgg16_features
from sis_keras.training.muon import ConvMuon


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """VGG16's maps, of weights drawn by chance."""
    keras.utils.set_random_seed(0)
    path = tmp_path_factory.mktemp("vgg16") / "made.weights.h5"
    vgg16 = keras.applications.VGG16(include_top=False, weights=None)
    vgg16.save_weights(path)
    return vgg16_features(path)


def trained(features, saving, jit_compile):
    """Two steps of the game, by Muon, with each term: logs and weights."""
    gan = tiny.make_gan(
        "ralsgan",
        generator=lambda: tiny.make_generator(coarse=True),
        content={
            "content": "charbonnier",
            "perceptual_weight": 0.006,
            "ssim_weight": 0.1,
            "frequency_weight": 0.02,
            "features": features,
        },
        coarse_weight=0.5,
        clip_norm=0.5,
        **saving,
    )
    gan.compile(ConvMuon(1e-3, weight_decay=0.5), keras.optimizers.Adam(1e-4))
    step = tf.function(gan.train_step, jit_compile=jit_compile, autograph=False)
    for seed in (1, 2):
        batch = tiny.make_batch(seed, count=4)
        logs = step({k: tf.constant(v) for k, v in batch.items()})
    variables = gan.generator.variables + gan.averaged_generator.variables
    return (
        {key: float(value) for key, value in logs.items()},
        [v.numpy() for v in variables],
    )


@pytest.mark.parametrize(
    "saving", [{}, {"accumulation": 2, "recompute": True}], ids=str
)
def test_the_whole_game_compiles(features, saving):
    logs, weights = trained(features, saving, jit_compile=False)
    found, compiled = trained(features, saving, jit_compile=True)
    assert logs["skipped"] == 0 and logs["perceptual"] > 0
    assert found == pytest.approx(logs, rel=1e-3, abs=1e-5)
    for one, other in zip(compiled, weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
