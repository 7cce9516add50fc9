"""What write_saved_model refuses, and what it leaves beside the graph."""

import json

import numpy as np
import pytest
import tensorflow as tf
import tiny
from tensorflow_serving.apis import prediction_log_pb2

from sis_keras.errors import UserError
from sis_keras.export.saved_model import graph as serving_graph
from sis_keras.export.saved_model import write as saved_model
from sis_keras.weights import generators
from sis_keras.weights.generators import save_weights
from sis_keras.weights.tensors import read_tensors, write_tensors

METADATA = {"arguments": {"width_multiplier": 0.25}, "card": {"step": 7}}
MOST_PIXELS = 256 * 256


@pytest.mark.parametrize("name", ["sisnet", "v1", "1.5", "-1", "٣", "1" * 19])
def test_versions_are_whole_numbers(tmp_path, name):
    with pytest.raises(UserError, match=f"a version.*{name}/1, say"):
        saved_model.write_saved_model("sisnet_mobile", tmp_path / name)
    assert not any(tmp_path.iterdir())


def test_an_output_that_is_there(tmp_path):
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "some").touch()
    (tmp_path / "2").touch()
    for output in (tmp_path / "1", tmp_path / "2"):
        with pytest.raises(UserError, match=f"{output}, which is"):
            saved_model.write_saved_model("sisnet_mobile", output)


@pytest.mark.parametrize(
    "warmup",
    [
        np.zeros((1, 9, 9, 3), np.float32),
        np.zeros((9, 9, 3), np.uint8),
        np.zeros((0, 9, 9, 3), np.uint8),
        np.zeros((251, 9, 9, 3), np.uint8),
        np.zeros((1, 257, 256, 3), np.uint8),
        [[[[0, 0, 0]]]],
    ],
)
def test_warm_ups_that_cannot_be(tmp_path, warmup):
    with pytest.raises(UserError, match="1 to 250 pictures.*65536 pixels"):
        saved_model.write_saved_model(
            "sisnet_mobile", tmp_path / "1", warmup, most_pixels=MOST_PIXELS
        )
    assert not any(tmp_path.iterdir())


@pytest.fixture
def identity(tmp_path, monkeypatch):
    """Weights of the network that leaves pictures as they are."""
    path = tmp_path / "identity.safetensors"
    save_weights(path, tiny.make_generator(), *METADATA.values())
    monkeypatch.setattr(
        generators, "build_generator", lambda **_: tiny.make_generator()
    )
    return path


def test_what_restores_otherwise_is_not_written(
    identity, tmp_path, monkeypatch
):
    def cut_off(restore, images):
        restored = restore(tf.cast(images, tf.float32) / 255.0)
        return tf.cast(restored * 254.9, tf.uint8)

    monkeypatch.setattr(serving_graph, "restore_pictures", cut_off)
    output = tmp_path / "export" / "1"
    with pytest.raises(UserError, match="predict_uint8 to restore bit for bit"):
        saved_model.write_saved_model(identity, output)
    assert not any(output.parent.iterdir())


def test_weights_that_give_nan(identity, tmp_path):
    tensors, metadata = read_tensors(identity)
    name = next(name for name in tensors if "to_rgb" in name)
    tensors[name] = np.full_like(tensors[name], np.nan)
    write_tensors(identity, tensors, metadata)
    with pytest.raises(UserError, match="weights that give NaN"):
        saved_model.write_saved_model(identity, tmp_path / "export" / "1")


def test_warm_up_pictures_of_ones_own(identity, tmp_path):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (2, 5, 7, 3), np.uint8)
    output = tmp_path / "export" / "1"
    output.mkdir(parents=True)  # An empty folder may stand there.
    report = saved_model.write_saved_model(identity, output, images)
    assert report["warmup_requests"] == 8
    card = json.loads((output / "assets.extra" / "card.json").read_text())
    assert {key: card[key] for key in METADATA} == METADATA
    path = output / "assets.extra" / "tf_serving_warmup_requests"
    records = list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())
    log = prediction_log_pb2.PredictionLog.FromString(records[6])
    found = tf.make_ndarray(log.predict_log.request.inputs["images"])
    np.testing.assert_array_equal(found, images[1:], strict=True)
