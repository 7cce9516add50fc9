import errno
import io

import keras
import numpy as np
import pytest
import safetensors.numpy

from sis_keras.errors import UserError
from sis_keras.networks.generator import build_generator
from sis_keras.restoring.restorer import KerasRestorer, load_restorer
from sis_keras.weights.generators import (
    check_arguments,
    load_generator,
    model_tensors,
    save_weights,
    set_model_tensors,
)
from sis_keras.weights.tensors import halved, read_tensors, write_tensors

ARGUMENTS = {
    "width_multiplier": 0.25,
    "fusion_channels": 4,
    "normalization": "batch",
    "name": "tiny",
}
CARD = {"step": 7, "psnr": 27.384, "best": None}


def random_generator(seed=0, **arguments):
    """A generator that is far from the identity, averages included."""
    generator = build_generator(**{**ARGUMENTS, **arguments})
    random = np.random.default_rng(seed)
    generator.set_weights(
        [
            w + 0.1 * random.random(w.shape, np.float32)
            for w in generator.get_weights()
        ]
    )
    return generator


@pytest.fixture(scope="module")
def generator():
    return random_generator()


@pytest.fixture(scope="module")
def saved(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_weights(path, generator, ARGUMENTS, CARD)
    return path


# === Files ===


def test_arrays_come_back_bit_for_bit(tmp_path):
    random = np.random.default_rng(0)
    tensors = {
        "a/kernel": random.random((3, 3, 2, 5), np.float32),
        "scalar": np.array(2**40 + 1, np.int64),
        "special": np.array([np.nan, -np.inf, -0.0, 1e-45], np.float32),
        "empty": np.zeros((0, 3), np.float32),
    }
    metadata = {"arguments": {"a": 1.5}, "card": {"best": float("-inf")}}
    write_tensors(tmp_path / "x.safetensors", tensors, metadata)
    read, read_metadata = read_tensors(tmp_path / "x.safetensors")
    assert read_metadata == metadata and read.keys() == tensors.keys()
    for name, array in tensors.items():
        assert read[name].dtype == array.dtype
        assert read[name].shape == array.shape
        assert read[name].tobytes() == array.tobytes()
    some, _ = read_tensors(tmp_path / "x.safetensors", prefix="s")
    assert some.keys() == {"scalar", "special"}


def test_halves_are_numpys_own_up_to_the_end_of_the_range():
    """65504 is float16's largest; from 65520 on it rounds to infinity."""
    edge = np.array([65504, -65519, 1e-9, np.nan, np.inf], np.float32)
    count = np.array([70000])
    half = halved({"a": edge, "b": count}, "x", "")
    np.testing.assert_array_equal(
        half["a"], np.array([65504, -65504, 0, np.nan, np.inf], np.float16)
    )
    assert half["a"].dtype == np.float16 and half["b"] is count
    moments = {"generator_optimizer/0001": np.array([70000], np.float32)}
    (found,) = halved(moments, "x", "").values()
    assert found.dtype.name == "bfloat16" and float(found[0]) == 70144
    beyond = {"a": edge, "c": np.array([1, -65520], np.float32)}
    with pytest.raises(UserError, match="of x, .*1 tens.* c with 65520 .* Go!"):
        halved(beyond, "part of x", "Go!")


def test_equal_weights_make_equal_files(generator, saved, tmp_path):
    for number in range(4):
        again = tmp_path / f"{number}.safetensors"
        save_weights(again, generator, ARGUMENTS, CARD)
        assert again.read_bytes() == saved.read_bytes()


def test_other_programs_read_the_file(generator, saved):
    tensors = safetensors.numpy.load_file(saved)
    assert all(name.startswith("generator/") for name in tensors)
    # No variable hides behind another's name.
    assert len(tensors) == len(generator.variables)
    sizes = sum(array.size for array in tensors.values())
    assert sizes == generator.count_params()


@pytest.mark.parametrize("kept", [0, 5, 100, 0.5, -1])
def test_truncated_files(saved, tmp_path, kept):
    data = saved.read_bytes()
    size = int(kept * len(data)) if isinstance(kept, float) else kept
    (tmp_path / "half.safetensors").write_bytes(data[:size])
    with pytest.raises(UserError, match="half.safetensors, which does not"):
        load_generator(tmp_path / "half.safetensors")


def test_files_of_other_kinds(tmp_path):
    path = tmp_path / "other.safetensors"
    some = {"kernel": np.zeros(3, np.float32)}
    npz = io.BytesIO()
    np.savez(npz, **some)
    for data in (b"some text\n" * 20, npz.getvalue()):
        path.write_bytes(data)
        with pytest.raises(UserError, match="other.safetensors, which does"):
            load_restorer(path)
    for metadata in (None, {"format": "pt"}):
        safetensors.numpy.save_file(some, path, metadata)
        with pytest.raises(UserError, match="another program wrote"):
            load_restorer(path)


def test_missing_files_and_folders(tmp_path):
    path = tmp_path / "none.safetensors"
    with pytest.raises(UserError, match=f"{path}, which does not exist"):
        load_restorer(path)
    with pytest.raises(UserError, match=f"{tmp_path}, which"):
        load_restorer(tmp_path)
    with pytest.raises(UserError, match=f"{tmp_path}, which does not read"):
        load_generator(tmp_path)


def test_a_full_disk_leaves_the_old_file(generator, small_disk):
    path = small_disk / "last.safetensors"
    path.write_bytes(b"old")
    with pytest.raises(OSError) as caught:
        save_weights(path, generator, ARGUMENTS, CARD)
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"old"
    assert len(list(small_disk.iterdir())) == 1


# === Models ===


def test_a_generator_comes_back_bit_for_bit(generator, saved):
    loaded, metadata = load_generator(saved)
    assert metadata == {"arguments": ARGUMENTS, "card": CARD}
    assert loaded.name == "tiny"
    for ours, theirs in zip(
        generator.get_weights(), loaded.get_weights(), strict=True
    ):
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize(
    "other, odd",
    [
        ({"fusion_channels": 8}, "shape"),
        ({"normalization": "none"}, "name"),
        ({"info_box": False}, "name"),
        ({"fusion": "concat"}, "name"),
    ],
)
def test_weights_of_another_network(generator, other, odd):
    tensors = model_tensors(generator, "generator/")
    model = build_generator(**{**ARGUMENTS, **other})
    before = model.get_weights()
    with pytest.raises(UserError, match="this tiny .* another preset") as e:
        set_model_tensors(model, "generator/", tensors)
    name = str(e.value).rpartition("such as ")[2].rstrip(".")
    shapes = {"generator/" + v.path: tuple(v.shape) for v in model.variables}
    if odd == "shape":
        assert tensors[name].shape != shapes[name]
    else:
        assert (name in tensors) != (name in shapes)
    # Nothing was put in before it was found out.
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_arguments_that_json_writes_otherwise(tmp_path):
    path = tmp_path / "blocks.safetensors"
    arguments = {**ARGUMENTS, "residual_blocks": (1, 0, 0, 1)}
    save_weights(path, random_generator(**arguments), arguments, CARD)
    _, metadata = load_generator(path)
    check_arguments(metadata["arguments"], arguments, path)
    other = {**arguments, "residual_blocks": (1, 0, 0, 2)}
    message = r"\[1, 0, 0, 2\].*residual_blocks=\[1, 0, 0, 1\]"
    with pytest.raises(UserError, match=message):
        check_arguments(metadata["arguments"], other, path)


def test_weights_without_a_preset_of_theirs():
    expected = {"width_multiplier": 0.25, "fusion_channels": 32, "seed": 1}
    found = {"width_multiplier": 0.25, "fusion_channels": 32, "seed": 2}
    check_arguments(found, expected, "a.safetensors")
    for wrong in ({"fusion_channels": 64}, {"width_multiplier": None}):
        ((key, value),) = wrong.items()
        message = f"{key}={expected[key]}.*Received: a.safetens.*{key}={value}"
        with pytest.raises(UserError, match=message):
            check_arguments({**found, **wrong}, expected, "a.safetensors")


# === The restorer ===


def test_a_restorer_is_its_model_at_any_size(generator, saved):
    restorer = load_restorer(saved)
    assert restorer.name == "tiny.safetensors"
    assert restorer.metadata["card"] == CARD
    random = np.random.default_rng(0)
    for shape in ((1, 1, 1), (1, 3, 70), (2, 33, 47), (1, 64, 32)):
        blurry = random.random((*shape, 3), np.float32)
        restored = restorer(blurry)
        assert isinstance(restored, np.ndarray)
        assert restored.dtype == np.float32 and restored.shape == blurry.shape
        assert restored.min() >= 0.0 and restored.max() <= 1.0
        expected = np.array(generator(blurry, training=False))
        np.testing.assert_allclose(restored, expected, atol=1e-5)
        assert np.abs(restored - blurry).max() > 0.01


def test_a_restorer_follows_later_weights(generator):
    model = keras.models.clone_model(generator)
    restorer = KerasRestorer(model)
    blurry = np.random.default_rng(0).random((1, 32, 32, 3), np.float32)
    before = restorer(blurry)
    model.set_weights(generator.get_weights())
    after = restorer(blurry)
    expected = np.array(generator(blurry, training=False))
    np.testing.assert_allclose(after, expected, atol=1e-5)
    assert np.abs(after - before).max() > 0.01
