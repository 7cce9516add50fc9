"""Every loss against NumPy, SciPy or skimage, written from its equation."""

import h5py
import keras
import numpy as np
import pytest
import tensorflow as tf
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from sis_keras.errors import UserError
from sis_keras.networks.imagenet import VGG16_FILE, vgg16_features
from sis_keras.training.losses import (
    charbonnier,
    content_terms,
    frequency,
    mse,
    negative_psnr,
    perceptual,
    ssim_loss,
)


@pytest.fixture(scope="module")
def sharp():
    """Smooth pictures with some noise, like photographs."""
    random = np.random.default_rng(0)
    y, x = np.mgrid[0:33, 0:40] / 8
    waves = 0.5 + 0.3 * np.sin(x + 2 * y)[None, :, :, None]
    noise = random.normal(0, 0.05, (2, 33, 40, 3))
    return np.clip(waves + noise, 0, 1).astype(np.float32)


@pytest.fixture(scope="module")
def restored(sharp):
    """Near `sharp`, a little outside [0, 1] as in training."""
    random = np.random.default_rng(1)
    noise = random.normal(0.02, 0.06, sharp.shape)
    return (sharp + noise).astype(np.float32)


# === Content ===


def test_mse_is_on_images_divided_by_0_225(sharp, restored):
    difference = np.float64(sharp) - restored
    expected = np.mean((difference / 0.225) ** 2)
    loss = mse(sharp, restored)
    assert loss.shape == ()
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-5)


def test_mse_gradient(sharp, restored):
    variable = tf.Variable(restored)
    with tf.GradientTape() as tape:
        loss = mse(sharp, variable)
    expected = 2 * (restored - sharp) / 0.225**2 / sharp.size
    np.testing.assert_allclose(
        tape.gradient(loss, variable).numpy(), expected, rtol=1e-4, atol=1e-9
    )


@pytest.mark.parametrize("epsilon", [1e-3, 0.1])
def test_charbonnier(sharp, restored, epsilon):
    difference = np.float64(sharp) - restored
    expected = np.mean(np.sqrt(difference**2 + epsilon**2))
    loss = charbonnier(sharp, restored, epsilon)
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-5)
    if epsilon == 1e-3:
        default = charbonnier(sharp, restored)
        assert default.numpy() == loss.numpy()


@pytest.mark.parametrize("epsilon", [1e-4, 1e-12])
def test_negative_psnr_is_that_of_each_image(sharp, restored, epsilon):
    restored = np.stack([restored[0], sharp[1] + 0.1 * (restored - sharp)[1]])
    values = [
        peak_signal_noise_ratio(np.float64(a), np.float64(b), data_range=1)
        for a, b in zip(sharp, restored, strict=True)
    ]
    assert values[1] - values[0] > 15
    expected = -np.mean(values)
    if epsilon == 1e-4:
        errors = 10 ** (-np.array(values) / 10) + epsilon
        expected = np.mean(10 * np.log10(errors))
        default = negative_psnr(sharp, restored).numpy()
        np.testing.assert_allclose(default, expected, rtol=1e-5)
    loss = negative_psnr(sharp, restored, epsilon).numpy()
    np.testing.assert_allclose(loss, expected, rtol=1e-5)


def skimage_ssim(sharp, restored):
    """METRICS' `gaussian`: mean over the valid region, channels, images."""
    values = []
    for a, b in zip(np.float64(sharp), np.float64(restored), strict=True):
        _, full = structural_similarity(
            a,
            b,
            data_range=1.0,
            channel_axis=-1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            full=True,
        )
        values.append(full[5:-5, 5:-5].mean())
    return np.mean(values)


def test_ssim_equals_skimage(sharp, restored):
    expected = 1 - skimage_ssim(sharp, restored)
    assert expected > 0.05
    loss = ssim_loss(sharp, restored)
    np.testing.assert_allclose(loss.numpy(), expected, rtol=0, atol=1e-5)
    assert abs(ssim_loss(sharp, sharp).numpy()) < 1e-6


def test_ssim_gradient_is_its_slope(sharp, restored):
    """Central difference of skimage's value along the gradient."""
    variable = tf.Variable(restored)
    with tf.GradientTape() as tape:
        loss = ssim_loss(sharp, variable)
    gradient = np.float64(tape.gradient(loss, variable).numpy())
    direction = gradient / np.linalg.norm(gradient)
    step = 1e-4 * direction
    above = skimage_ssim(sharp, np.float64(restored) + step)
    below = skimage_ssim(sharp, np.float64(restored) - step)
    slope = (below - above) / 2e-4
    np.testing.assert_allclose(np.linalg.norm(gradient), slope, rtol=1e-3)


def test_frequency_equals_numpy(sharp, restored):
    spectrum = np.fft.fft2(np.float64(sharp) - restored, axes=(1, 2))
    parts = np.stack([spectrum.real, spectrum.imag])
    loss = frequency(sharp, restored)
    np.testing.assert_allclose(loss.numpy(), np.abs(parts).mean(), rtol=1e-4)


def test_frequency_is_float32_whatever_it_is_given(sharp, restored):
    half = tf.cast(sharp, "bfloat16"), tf.cast(restored, "bfloat16")
    spectrum = np.fft.fft2(
        np.float64(half[0]) - np.float64(half[1]), axes=(1, 2)
    )
    parts = np.stack([spectrum.real, spectrum.imag])
    loss = frequency(*half)
    assert loss.dtype == "float32"
    np.testing.assert_allclose(loss.numpy(), np.abs(parts).mean(), rtol=1e-4)


# === Perceptual ===


@pytest.fixture(scope="module")
def vgg16():
    """VGG16 of seeded random weights, biases not zero."""
    keras.utils.set_random_seed(0)
    model = keras.applications.VGG16(include_top=False, weights=None)
    random = np.random.default_rng(0)
    for layer in model.layers:
        if hasattr(layer, "bias"):
            layer.bias.assign(random.normal(0, 1, layer.bias.shape))
    return model


@pytest.fixture(scope="module")
def vgg16_file(vgg16, tmp_path_factory):
    path = tmp_path_factory.mktemp("vgg16") / "vgg16.weights.h5"
    vgg16.save_weights(path)
    return path


@pytest.fixture(scope="module")
def relu_3_3(vgg16):
    """Independent features: Keras's own preprocessing of 0…255 RGB."""
    model = keras.Model(vgg16.input, vgg16.get_layer("block3_conv3").output)

    def features(images):
        preprocess = keras.applications.vgg16.preprocess_input
        return model(preprocess(images * 255.0)).numpy()

    return features


def test_features_are_relu_3_3_of_keras_preprocessing(
    vgg16_file, relu_3_3, sharp
):
    features = vgg16_features(vgg16_file)
    ours, expected = features(sharp).numpy(), relu_3_3(sharp)
    assert ours.shape == (2, 33 // 4, 40 // 4, 256)
    assert (ours == 0).any() and ours.min() == 0
    expected = expected / 57.375
    scale = expected.std()
    np.testing.assert_allclose(ours / scale, expected / scale, atol=1e-4)
    assert not features.trainable_variables


def test_perceptual_is_eq_5_on_features_divided_by_57_375(
    vgg16_file, relu_3_3, sharp, restored
):
    features = vgg16_features(vgg16_file)
    difference = np.float64(relu_3_3(sharp)) - relu_3_3(restored)
    expected = np.mean((difference / 57.375) ** 2)
    loss = perceptual(features, sharp, restored)
    np.testing.assert_allclose(loss.numpy(), expected, rtol=1e-3)
    assert perceptual(features, sharp, sharp).numpy() == 0


def test_weights_for_unit_variance_give_the_same_features(
    vgg16, tmp_path, sharp, vgg16_file
):
    """torchvision's convention: all maps are 57.375 times as small."""
    keras.utils.set_random_seed(0)
    other = keras.applications.VGG16(include_top=False, weights=None)
    other.set_weights(vgg16.get_weights())
    for layer in other.layers:
        if hasattr(layer, "bias"):
            layer.bias.assign(layer.bias / 57.375)
    first = other.get_layer("block1_conv1")
    first.kernel.assign(first.kernel / 57.375)
    other.save_weights(tmp_path / "other.weights.h5")
    expected = vgg16_features(vgg16_file)(sharp).numpy()
    found = vgg16_features(tmp_path / "other.weights.h5")(sharp).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())


def test_legacy_h5_of_the_public_kind_loads(vgg16, tmp_path, sharp, relu_3_3):
    """The layout of Keras 1 and 2: a group for each layer, names as bytes."""
    path = tmp_path / VGG16_FILE
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [x.name.encode() for x in vgg16.layers]
        for layer in vgg16.layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}/{x.name}:0" for x in layer.weights]
            group.attrs["weight_names"] = [x.encode() for x in names]
            for name, weight in zip(names, layer.weights, strict=True):
                group[name] = weight.numpy()
    expected = relu_3_3(sharp)
    ours = vgg16_features(path)(sharp).numpy()
    expected = expected / 57.375
    scale = expected.std()
    np.testing.assert_allclose(ours / scale, expected / scale, atol=1e-4)


@pytest.mark.parametrize("missing", [None, "", "no/such/vgg16.h5"])
def test_missing_vgg16_names_the_flag_and_the_public_file(missing):
    with pytest.raises(UserError) as error:
        vgg16_features(missing)
    for part in (
        "`vgg16_weights`",
        "vgg16_weights_tf_dim_ordering_tf_kernels_notop.h5",
        missing or "Received: none",
        "`perceptual_weight=0`",
    ):
        assert part in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.filterwarnings("error::UserWarning")
@pytest.mark.parametrize("name", ["text.h5", "text.txt", "other.weights.h5"])
def test_file_of_another_kind_is_refused(name, tmp_path, vgg16, monkeypatch):
    monkeypatch.setattr(keras.applications, "VGG16", lambda **arguments: vgg16)
    path = tmp_path / name
    if name.startswith("other"):
        other = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        other.save_weights(path)
    else:
        path.write_text("not weights")
    with pytest.raises(UserError, match="VGG16.*does not fit") as error:
        vgg16_features(path)
    assert name in str(error.value) and "\n" not in str(error.value)


# === The sum ===


def test_content_terms_are_weighted(sharp, restored, vgg16_file):
    features = vgg16_features(vgg16_file)
    terms = content_terms(
        sharp,
        restored,
        content_weight=0.5,
        perceptual_weight=0.006,
        ssim_weight=0.1,
        frequency_weight=0.01,
        features=features,
    )
    expected = {
        "content": 0.5 * mse(sharp, restored),
        "perceptual": 0.006 * perceptual(features, sharp, restored),
        "ssim": 0.1 * ssim_loss(sharp, restored),
        "frequency": 0.01 * frequency(sharp, restored),
    }
    assert list(terms) == list(expected)
    for name, value in expected.items():
        np.testing.assert_allclose(
            terms[name].numpy(), value.numpy(), rtol=1e-6
        )


def test_terms_of_weight_0_are_left_out_and_need_no_vgg16(sharp, restored):
    terms = content_terms(sharp, restored, content="charbonnier")
    assert list(terms) == ["content"]
    expected = 0.5 * charbonnier(sharp, restored)
    np.testing.assert_allclose(
        terms["content"].numpy(), expected.numpy(), rtol=1e-6
    )
    terms = content_terms(sharp, restored, content_weight=0, ssim_weight=1)
    assert list(terms) == ["ssim"]
