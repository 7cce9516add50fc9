"""More requests than the queue takes, by the scheduler that the server has."""

import base64
import concurrent.futures
import json
import urllib.error
import urllib.request

import grpc
import numpy as np
import pytest
import tensorflow as tf
from small_network import encoded, pictures
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks.serving.__main__ import changed
from benchmarks.serving.batched_model import BatchedModel
from benchmarks.serving.parameters import parsed
from benchmarks.serving.stand_in import running
from sis_keras.export.saved_model import batching

QUEUE = 2
REQUESTS = 12


@pytest.fixture(scope="module")
def directly(small_saved_model):
    """The SavedModel's predict_uint8, called directly."""
    loaded = tf.saved_model.load(str(small_saved_model))

    def call(images):
        call = loaded.signatures["predict_uint8"]
        return call(images=tf.constant(images))["restored"].numpy()

    return call


@pytest.fixture(scope="module")
def addresses(small_saved_model, tmp_path_factory):
    """Of a process that takes two requests beside the one that it answers."""
    text = (small_saved_model / batching.FILE).read_text()
    path = tmp_path_factory.mktemp("queue") / "tiny.pbtxt"
    path.write_text(changed(text, max_enqueued_batches=QUEUE))
    with running(small_saved_model, path) as addresses:
        yield addresses


@pytest.fixture
def stub(addresses):
    options = [("grpc.max_receive_message_length", -1)]
    with grpc.insecure_channel(addresses[0], options) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def prediction(name, signature, value):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "sisnet"
    request.model_spec.signature_name = signature
    request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def test_what_the_queue_does_not_take_is_refused(stub, directly):
    images = [pictures((1, 900, 700), seed) for seed in range(REQUESTS)]
    waiting = [
        stub.Predict.future(prediction("images", "predict_uint8", x))
        for x in images
    ]
    codes = [answer.code() for answer in waiting]
    served = codes.count(grpc.StatusCode.OK)
    refused = codes.count(grpc.StatusCode.UNAVAILABLE)
    assert served + refused == REQUESTS
    assert served >= QUEUE and refused
    for image, answer in zip(images, waiting, strict=True):
        if answer.code() is grpc.StatusCode.OK:
            found = tf.make_ndarray(answer.result().outputs["restored"])
            np.testing.assert_array_equal(found, directly(image), strict=True)
        else:
            assert "queue" in answer.details() and "full" in answer.details()


def test_refusals_over_rest(addresses):
    file = base64.b64encode(encoded(pictures((1, 256, 256))[0])).decode()
    body = json.dumps({"instances": [{"b64": file}] * QUEUE}).encode()
    url = f"http://{addresses[1]}/v1/models/sisnet:predict"

    def status(_):
        try:
            return urllib.request.urlopen(url, body, timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code

    with concurrent.futures.ThreadPoolExecutor(REQUESTS) as pool:
        found = list(pool.map(status, range(REQUESTS)))
    assert set(found) == {200, 503}


def test_a_request_that_is_larger_than_any(stub):
    images = np.zeros((9, 8, 8, 3), np.uint8)
    answer = stub.Predict.future(prediction("images", "predict_uint8", images))
    assert answer.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "larger than maximum input batch size 8" in answer.details()


def test_a_bad_file_fails_its_own_request_alone(small_saved_model):
    """One picture at a time, as the export's file has it."""
    text = (small_saved_model / batching.FILE).read_text()
    model = BatchedModel(small_saved_model, parsed(text))
    good = encoded(pictures((1, 200, 200))[0])

    def files(names):
        value = np.array([{"good": good, "bad": b"bad"}[x] for x in names])
        try:
            answer = model("serving_default", {"image_bytes": value})
        except tf.errors.InvalidArgumentError as error:
            return error.message
        return len(answer["restored_bytes"])

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        first, second, third = pool.map(
            files, (["good"], ["good", "bad"], ["good", "good"])
        )
    assert (first, third) == (1, 2)
    assert "3 bytes that are neither" in second


def test_joined_requests_get_their_own_pictures(small_saved_model, directly):
    """Four at once, whichever requests they are of."""
    text = changed(batching.parameters_text(4), batch_timeout_micros=10**5)
    model = BatchedModel(small_saved_model, parsed(text))
    requests = [pictures((n, 40, 30), n) for n in (1, 3, 2, 5, 1)]

    def restored(images):
        return model("predict_uint8", {"images": images})["restored"]

    with concurrent.futures.ThreadPoolExecutor(len(requests)) as pool:
        answers = list(pool.map(restored, requests))
    for images, answer in zip(requests, answers, strict=True):
        np.testing.assert_array_equal(answer, directly(images), strict=True)
