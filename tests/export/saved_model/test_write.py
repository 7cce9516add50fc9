"""A small network's SavedModel: its signatures, its folder, its restorer."""

import shutil
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from places import SUPPORT
from small_network import (
    METADATA,
    SHAPES,
    decoded,
    encoded,
    pictures,
    restored_pictures,
)

from sis_keras.errors import UserError
from sis_keras.restoring.saved_model import SavedModelRestorer

# === Loaders ===


def test_signatures(served_model, small_export):
    def of(infos):
        return {
            name: (
                tf.as_dtype(info.dtype),
                [dimension.size for dimension in info.tensor_shape.dim],
            )
            for name, info in infos.items()
        }

    strings, any_size = (tf.string, [-1]), [-1, -1, -1, 3]
    expected = {
        "serving_default": ("image_bytes", "restored_bytes", strings),
        "predict_uint8": ("images", "restored", (tf.uint8, any_size)),
        "predict_float": ("images", "restored", (tf.float32, any_size)),
    }
    assert sorted(small_export["signatures"]) == sorted(expected)
    for name, (given, made, kind) in expected.items():
        signature = served_model.signatures[name]
        assert of(signature.inputs) == {given: kind}
        assert of(signature.outputs) == {made: kind}
        assert signature.method_name == "tensorflow/serving/predict"


def test_a_fresh_process_without_our_code(
    small_saved_model, small_restorer, tmp_path
):
    requests, expected = {}, {}
    for number, shape in enumerate(SHAPES):
        images = pictures(shape)
        values = images / np.float32(255)
        requests[f"predict_uint8-{number}"] = images
        requests[f"predict_float-{number}"] = values
        expected[f"predict_uint8-{number}"] = restored_pictures(
            small_restorer, images
        )
        expected[f"predict_float-{number}"] = small_restorer(values)
    files = [encoded(pictures(shape)[0]) for shape in SHAPES]
    requests["serving_default-0"] = np.array(files, object)
    np.savez(tmp_path / "requests.npz", **requests)
    answers = tmp_path / "answers.npz"
    script = SUPPORT / "serving_script.py"
    done = subprocess.run(
        [
            sys.executable,
            script,
            small_saved_model,
            tmp_path / "requests.npz",
            answers,
        ],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = np.load(answers, allow_pickle=True)
    for loader in ("v1", "v2"):
        for name, images in expected.items():
            (answer,) = found[f"{name}-{loader}"].item().values()
            np.testing.assert_array_equal(answer, images, strict=True)
        (answer,) = found[f"serving_default-0-{loader}"].item().values()
        for number, file in enumerate(answer):
            whole = expected[f"predict_uint8-{number}"][0]
            np.testing.assert_array_equal(decoded(file), whole, strict=True)
    # The network does something, and rounding is not cutting off.
    some = expected["predict_uint8-2"]
    assert np.abs(some.astype(int) - pictures(SHAPES[2])).mean() > 3
    assert (some != (expected["predict_float-2"] * 255).astype(np.uint8)).any()


# === The folder and its restorer ===


def test_the_folder(small_saved_model, small_export, small_generator):
    files = [path for path in small_saved_model.rglob("*") if path.is_file()]
    assert small_export["bytes"] == sum(
        len(path.read_bytes()) for path in files
    )
    # Nothing of the machine that exported, and nothing beside the version.
    for path in files:
        assert str(small_saved_model.parent).encode() not in path.read_bytes()
    assert list(small_saved_model.parent.iterdir()) == [small_saved_model]
    shapes = tf.train.list_variables(
        str(small_saved_model / "variables" / "variables")
    )
    numbers = sum(int(np.prod(shape)) for _, shape in shapes if shape)
    assert numbers == small_generator.count_params()  # Each of them once.


def test_the_restorer(small_saved_model, small_restorer):
    restorer = SavedModelRestorer(small_saved_model)
    assert restorer.name == "sisnet/7"
    assert restorer.metadata == METADATA
    for shape in SHAPES:
        values = pictures(shape) / np.float32(255)
        found = restorer(values)
        np.testing.assert_array_equal(
            found, small_restorer(values), strict=True
        )


def test_folders_that_are_no_saved_model(small_saved_model, tmp_path):
    for wrong in (
        small_saved_model.parent,
        small_saved_model / "saved_model.pb",
        tmp_path / "none",
    ):
        with pytest.raises(UserError, match=f"{wrong}, which holds no"):
            SavedModelRestorer(wrong)
    names = ("saved_model.pb", "variables/variables.index")
    for name in (*names, "assets.extra/card.json"):
        copy = shutil.copytree(
            small_saved_model, tmp_path / name.partition("/")[0] / "1"
        )
        path = copy / name
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(UserError, match=f"{copy}, which does not load"):
            SavedModelRestorer(copy)
