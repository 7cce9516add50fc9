"""The batching parameters that lie beside the graph, and their warm-up."""

import collections

import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import prediction_log_pb2

from benchmarks.serving.parameters import parsed, scheduler_arguments
from sis_keras.errors import UserError
from sis_keras.export.saved_model import batching, warmup
from sis_keras.export.saved_model.write import write_saved_model


def test_the_export_has_the_file(small_saved_model):
    found = parsed((small_saved_model / "batching_params.pbtxt").read_text())
    assert found == parsed(
        "max_batch_size { value: 8 } max_execution_batch_size { value: 1 } "
        "enable_large_batch_splitting { value: true } "
        "num_batch_threads { value: 1 } max_enqueued_batches { value: 8 } "
        "batch_timeout_micros { value: 0 }"
    )


@pytest.mark.parametrize(
    "batch, request_size, sizes",
    [(2, 8, [1, 2, 4, 8]), (8, 8, [1, 2, 4, 8]), (16, 16, [1, 2, 4, 8, 16])],
)
def test_batches(batch, request_size, sizes):
    found = parsed(batching.parameters_text(batch))
    assert found.max_batch_size.value == request_size
    assert found.max_execution_batch_size.value == batch
    assert found.allowed_batch_sizes == sizes  # Ends as the server wants it.
    assert found.batch_timeout_micros.value == 5000
    assert not found.pad_variable_length_inputs
    arguments = scheduler_arguments(found)
    assert arguments["allowed_batch_sizes"] == [x for x in sizes if x <= batch]


def test_the_parser_takes_no_other_names():
    with pytest.raises(text_format.ParseError, match="max_batch"):
        parsed("max_batch { value: 1 }")


@pytest.mark.parametrize("batch", [0, 3, 128])
def test_batches_that_cannot_be(tmp_path, batch):
    with pytest.raises(UserError, match=f"1, 2, 4.*or 64.*Received: {batch}"):
        write_saved_model("sisnet_mobile", tmp_path / "1", batch=batch)
    assert not any(tmp_path.iterdir())


def test_the_warm_up_has_every_size_of_a_batch(tmp_path):
    pictures = np.random.default_rng(0).integers(0, 256, (2, 9, 7, 3), "uint8")
    path = tmp_path / "requests"
    count = warmup.write_requests(path, pictures, "some", [1, 2, 4])
    shapes = collections.defaultdict(list)
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        request = log.predict_log.request
        ((_, value),) = request.inputs.items()
        value = tf.make_ndarray(value)
        shapes[request.model_spec.signature_name].append(value.shape)
    sizes = [(size, 9, 7, 3) for size in (1, 2, 4)] * 2
    assert shapes == {
        "serving_default": [(1,)] * 4,  # Its files are restored one by one.
        "predict_uint8": sizes,
        "predict_float": sizes,
    }
    assert count == 16


def test_a_server_takes_no_more_than_1000_requests():
    pictures = np.zeros((101, 9, 9, 3), np.uint8)
    warmup.check_pictures(pictures[:100], 81, [1, 2, 4, 8])
    with pytest.raises(UserError, match="1 to 100 pictures"):
        warmup.check_pictures(pictures, 81, [1, 2, 4, 8])
