import cv2
import numpy as np
import pytest

from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.weights.generators import load_generator, save_weights
from tools import passes

ARGUMENTS = {
    "width_multiplier": 0.25,
    "fusion_channels": 4,
    "normalization": "none",
}


@pytest.fixture
def one_pass(tmp_path):
    generator = build_generator(**ARGUMENTS)
    random = np.random.default_rng(0)
    output = generator.get_layer("to_rgb")
    output.set_weights(
        [random.normal(0, 0.003, x.shape) for x in output.get_weights()]
    )
    path = tmp_path / "one.safetensors"
    save_weights(path, generator, ARGUMENTS, {"step": 3, "validation": {}})
    return generator, path


def test_each_pass_is_the_one(one_pass, tmp_path):
    """OpenCV halves and doubles; tanh is nearly straight so near zero."""
    generator, path = one_pass
    new = tmp_path / "two.safetensors"
    passes.main([str(path), "--strength=0.1", f"--write={new}"])
    several, metadata = load_generator(new)
    assert metadata["arguments"]["recurrent_scales"] == 2
    assert metadata["card"] == {"step": 3}
    random = np.random.default_rng(1)
    picture = 0.3 + 0.4 * random.random((128, 192, 3), np.float32)

    def change(x):
        return np.asarray(generator(x[None], training=True))[0] - x

    half = cv2.resize(picture, (96, 64), interpolation=cv2.INTER_AREA)
    small = cv2.resize(change(half), (192, 128))
    expected = 0.1 * (change(picture) + small)
    found = np.asarray(several(picture[None], training=True))[0] - picture
    assert np.abs(expected).mean() > 3e-4
    np.testing.assert_allclose(found, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize("scales", [1, 2])
def test_several_passes_come_of_one(one_pass, tmp_path, scales):
    _, path = one_pass
    two = tmp_path / "two.safetensors"
    passes.main([str(path), f"--write={two}"])
    source = path if scales == 1 else two
    with pytest.raises(UserError, match="weights of one pass and --scales"):
        passes.main([str(source), f"--scales={scales}", f"--write={two}"])
