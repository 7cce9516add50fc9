"""Deblurrer, with generators of tiny.py in the place of released weights."""

import itertools

import keras
import numpy as np
import pytest
import tiny

from sis_keras import Deblurrer
from sis_keras.errors import UserError
from sis_keras.restoring import deblurrer, precision, tiles
from sis_keras.weights.generators import save_weights

RANDOM = np.random.default_rng(0)
TYPES = [np.uint8, np.uint16]


@pytest.fixture
def saved(released_folder, tmp_path):
    """The path of weights far from the identity."""
    path = tmp_path / "tiny.safetensors"
    save_weights(path, tiny.random_generator(1), {}, {})
    return path


@pytest.fixture
def identity(released_folder, tmp_path):
    path = tmp_path / "identity.safetensors"
    save_weights(path, tiny.make_generator(), {}, {})
    return path


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(tiles, "OVERLAP", 32)


def picture(height, width, dtype=np.uint8):
    largest = np.iinfo(dtype).max
    return RANDOM.integers(largest + 1, size=(height, width, 3)).astype(dtype)


def limit_for(pixels, image):
    """A max_memory that leaves the network so many, in float32, width 1."""
    each = precision.PRECISIONS["float32"].bytes_of_a_pixel(1.0)
    whole = 3 * (12 if image.dtype == np.uint16 else 7)  # bytes a pixel
    whole *= image[..., 0].size
    return deblurrer.PROCESS_BYTES + whole + int(pixels * each) + 1


def restored(seed, image):
    """float64 in [0, 1], by the model itself, whole."""
    largest = np.iinfo(image.dtype).max
    batch = (image / largest).astype(np.float32)[None]
    result = tiny.random_generator(seed)(batch, training=False)
    return np.asarray(result, np.float64)[0]


def assert_near(image, expected):
    """Equal to floats in [0, 1], but for what the rounding may do."""
    levels = expected * np.iinfo(image.dtype).max
    assert np.abs(image.astype(np.float64) - levels).max() < 0.52


# === What comes out ===


@pytest.mark.parametrize("dtype", TYPES)
def test_it_is_the_network_rounded(saved, dtype):
    deblur = Deblurrer(saved, precision="float32")
    for size in ((1, 1), (1, 40), (33, 47)):
        image = picture(*size, dtype)
        kept = image.copy()
        result = deblur(image)
        assert result.dtype == dtype and result.shape == image.shape
        np.testing.assert_array_equal(image, kept)
        assert_near(result, restored(1, image))
    assert np.abs(result.astype(float) - image).mean() > 1


@pytest.mark.parametrize("dtype", TYPES)
def test_the_identity_loses_no_level(identity, dtype, small_tiles):
    levels = np.arange(np.iinfo(dtype).max + 1, dtype=dtype)
    image = np.resize(levels, (256, 288, 3))
    for memory in (None, limit_for(96 * 128, image)):
        deblur = Deblurrer(identity, memory, precision="float32")
        np.testing.assert_array_equal(deblur(image), image)
    rows, columns = deblur.cut(256, 288, image.itemsize)
    assert len(rows) > 1 and len(columns) > 1


def test_a_view_of_another_array_works(saved):
    deblur = Deblurrer(saved, precision="float32")
    image = picture(20, 30)
    view = image[::-1, :, ::-1]
    np.testing.assert_array_equal(deblur(view), deblur(view.copy()))


@pytest.mark.parametrize("dtype", TYPES)
def test_black_and_white_stays_so(saved, dtype, small_tiles):
    """Grey as Rec. 601's luma, as files of grey have it; tiles agree."""
    image = np.repeat(picture(200, 330, dtype)[..., :1], 3, axis=2)
    memory = limit_for(96 * 128, image)
    for limit, strength in ((None, 1.0), (memory, 1.0), (None, 0.5)):
        deblur = Deblurrer(saved, limit, strength, precision="float32")
        result = deblur(image)
        assert (result == result[..., :1]).all()
        if limit is None:
            luma = restored(1, image) @ (0.299, 0.587, 0.114)
            before = image[..., 0] / np.iinfo(dtype).max
            assert_near(
                result[..., 0], strength * luma + (1 - strength) * before
            )
    image[-1, -1, 2] ^= 1
    result = Deblurrer(saved, precision="float32")(image)
    assert np.ptp(result[:100].astype(int), axis=2).max() > 1


@pytest.mark.parametrize("strength", [0, 0.3, 1])
def test_strength_blends(saved, strength):
    image = picture(40, 50)
    result = Deblurrer(saved, strength=strength, precision="float32")(image)
    if strength == 0:
        np.testing.assert_array_equal(result, image)
    blurry = image / 255
    assert_near(result, (1 - strength) * blurry + strength * restored(1, image))


def test_the_ensemble_is_the_mean_over_flips_and_turns(saved):
    image = picture(24, 36)
    results = []
    for upside_down, mirrored, on_its_side in itertools.product(
        (False, True), repeat=3
    ):
        rows = slice(None, None, -1 if upside_down else 1)
        columns = slice(None, None, -1 if mirrored else 1)
        turned = image[rows, columns]
        if on_its_side:
            result = restored(1, turned.transpose(1, 0, 2)).transpose(1, 0, 2)
        else:
            result = restored(1, turned)
        results.append(result[rows, columns])
    assert np.abs(results[0] - results[-1]).max() > 0.01
    calls = []
    deblur = Deblurrer(saved, self_ensemble=True, precision="float32")
    result = deblur(image, lambda *call: calls.append(call))
    assert_near(result, np.mean(results, axis=0))
    assert calls == [(i, 8) for i in range(9)]


def test_bfloat16_is_near_and_leaves_keras_as_it_was(saved):
    policy = keras.config.dtype_policy()
    image = picture(64, 64)
    exact = Deblurrer(saved, precision="float32")(image).astype(int)
    halved = Deblurrer(saved, precision="bfloat16")(image)
    assert keras.config.dtype_policy() == policy
    assert 0 < np.abs(halved - exact).max() < 12
    assert np.abs(halved - exact).mean() < 1.5


@pytest.mark.parametrize(
    "flags, best",
    [
        ("vendor_id : AuthenticAMD flags : fpu avx512_bf16", "bfloat16"),
        ("vendor_id : GenuineIntel flags : fpu avx512_bf16", "float32"),
        ("vendor_id : GenuineIntel flags : avx512_bf16 amx_bf16", "bfloat16"),
        ("flags : fpu avx2 avx512f", "float32"),
        (None, "float32"),
    ],
)
def test_bfloat16_where_the_processor_has_it(monkeypatch, flags, best):
    def read_text(path):
        assert str(path) == "/proc/cpuinfo"
        if flags is None:
            raise FileNotFoundError
        return flags

    monkeypatch.setattr("pathlib.Path.read_text", read_text)
    assert precision.best_precision() == best
    assert (
        precision.training_precision([])
        == {
            "float32": "float32",
            "bfloat16": "mixed_bfloat16",
        }[best]
    )


@pytest.mark.parametrize(
    "capabilities, policy",
    [
        ([(9, 0)], "mixed_bfloat16"),
        ([(8, 0), (8, 6)], "mixed_bfloat16"),
        ([(7, 5)], "float32"),
        ([(8, 0), (7, 0)], "float32"),
        ([None], "mixed_bfloat16"),
    ],
)
def test_the_training_takes_what_its_device_computes_in(capabilities, policy):
    assert precision.training_precision(capabilities) == policy


# === Tiles ===


def test_tiles_change_nothing_where_the_network_sees_less(saved, small_tiles):
    # Two 3x3 convolutions see 2 pixels far, so only zeros of their padding at
    # the tiles' edges differ; the blend must hide all but a little of them.
    image = picture(200, 330)
    memory = limit_for(96 * 128, image)
    calls = []
    deblur = Deblurrer(saved, memory, precision="float32")
    rows, columns = deblur.cut(200, 330)
    assert len(rows) * len(columns) >= 8
    result = deblur(image, lambda *call: calls.append(call))
    total = len(rows) * len(columns)
    assert calls == [(done, total) for done in range(total + 1)]
    whole = Deblurrer(saved, precision="float32")(image)
    difference = np.abs(result.astype(int) - whole)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.02


def test_the_network_is_traced_once_and_sees_no_more_than_a_tile(
    saved, small_tiles
):
    image = picture(200, 330)
    deblur = Deblurrer(saved, limit_for(96 * 128, image), precision="float32")
    restorer, sizes = deblur._restorer, []

    def recording(batch):
        sizes.append(batch.shape)
        return restorer(batch)

    recording.metadata, recording.name = {}, "recording"
    deblur._restorer = recording
    deblur(image)
    for size in ((1, 1), (64, 64), (31, 33)):
        deblur(picture(*size))
    assert len(set(sizes)) > 4
    assert all(h * w <= 96 * 128 for _, h, w, _ in sizes)
    assert restorer._call.experimental_get_tracing_count() == 1


def test_too_little_memory_says_how_much_is_enough(saved):
    image = picture(400, 600)
    with pytest.raises(UserError, match="at least .* MiB for 600x400") as e:
        Deblurrer(saved, 10**6, precision="float32")(image)
    least = int(str(e.value).partition("at least ")[2].split()[0])
    assert Deblurrer(saved, least * 2**20, precision="float32").cut(400, 600)
    with pytest.raises(UserError):
        Deblurrer(saved, (least - 1) * 2**20, precision="float32").cut(400, 600)


# === Mistakes ===


@pytest.mark.parametrize(
    "image, said",
    [
        (np.zeros((4, 5), np.uint8), r"shape \(4, 5\)"),
        (np.zeros((4, 5, 4), np.uint8), r"shape \(4, 5, 4\)"),
        (np.zeros((1, 4, 5, 3), np.uint8), r"shape \(1, 4, 5, 3\)"),
        (np.zeros((0, 5, 3), np.uint8), r"shape \(0, 5, 3\)"),
        (np.zeros((4, 5, 3), np.float32), "float32"),
        (np.zeros((4, 5, 3), np.int16), "int16"),
        ([[[0, 0, 0]]], "list"),
        (None, "NoneType"),
    ],
)
def test_what_is_no_picture(identity, image, said):
    with pytest.raises(ValueError, match=f"Expected an RGB.*Received.*{said}"):
        Deblurrer(identity)(image)


@pytest.mark.parametrize(
    "arguments",
    [
        {"strength": -0.1},
        {"strength": 1.01},
        {"strength": float("nan")},
        {"strength": "1"},
        {"max_memory": 0},
        {"max_memory": -1},
        {"precision": "float16"},
        {"weights": "nowhere.safetensors"},
    ],
)
def test_arguments_that_cannot_be(identity, arguments):
    (value,) = arguments.values()
    policy = keras.config.dtype_policy()
    with pytest.raises(ValueError, match=f"Expected .*Received.*{value}"):
        Deblurrer(**({"weights": identity} | arguments))
    assert keras.config.dtype_policy() == policy


def test_weights_that_give_nan(released_folder, tmp_path):
    generator = tiny.random_generator(1)
    generator.set_weights([w * np.nan for w in generator.get_weights()])
    path = tmp_path / "nan.safetensors"
    save_weights(path, generator, {}, {})
    with pytest.raises(UserError, match="nan.safetensors, which give NaN"):
        Deblurrer(path, precision="float32")(picture(8, 8))
