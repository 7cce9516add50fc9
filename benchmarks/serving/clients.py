"""One request, sent again and again: over gRPC or REST.

A client is called by many threads and returns a status's name: `EQUAL` where
the answer is, bit for bit, what the SavedModel gives when it is called
directly, `ROUNDED` where no value is more than one step of 8 bits, or 1e-6,
away: convolutions of other batches add in another order.
"""

import base64
import http.client
import json
import urllib.parse

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

REFUSED = ("UNAVAILABLE", "RESOURCE_EXHAUSTED", "HTTP 503", "HTTP 429")
EQUAL = "OK"
ROUNDED = "OK, rounded otherwise"
WRONG = "another answer than the SavedModel's"
TIMEOUT = 120


def compared(found: np.ndarray, expected: np.ndarray) -> str:
    """`EQUAL`, `ROUNDED` or `WRONG`: of uint8, float32 or PNG files."""
    if np.array_equal(found, expected):
        return EQUAL
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return WRONG
    if expected.dtype == object:
        pairs = zip(found.flat, expected.flat, strict=True)
        pictures = [[tf.io.decode_png(x).numpy() for x in y] for y in pairs]
        return ROUNDED if all(_close(*x) for x in pictures) else WRONG
    return ROUNDED if _close(found, expected) else WRONG


def _close(found, expected):
    step = 1 if expected.dtype == np.uint8 else 1e-6
    if found.shape != expected.shape:
        return False
    return np.abs(found.astype(np.float64) - expected).max() <= step


class GrpcClient:
    """Sends a signature's one input.

    Args:
        address: `host:port`.
        model: The server's name for it.
        signature: Its name.
        key, value: The input.
        expected: The output's array.
    """

    def __init__(self, address, model, signature, key, value, expected):
        options = [("grpc.max_receive_message_length", -1)]
        self._channel = grpc.insecure_channel(address, options)
        self._stub = prediction_service_pb2_grpc.PredictionServiceStub(
            self._channel
        )
        self._request = predict_pb2.PredictRequest()
        self._request.model_spec.name = model
        self._request.model_spec.signature_name = signature
        tensor = tf.make_tensor_proto(value)
        self._request.inputs[key].CopyFrom(tensor)
        self._expected = expected

    def __call__(self) -> str:
        try:
            answer = self._stub.Predict(self._request, timeout=TIMEOUT)
        except grpc.RpcError as error:
            return error.code().name
        ((_, tensor),) = answer.outputs.items()
        return compared(tf.make_ndarray(tensor), self._expected)


class RestClient:
    """The same, by an address such as `http://localhost:8501`."""

    def __init__(self, url, model, signature, key, value, expected):
        parts = urllib.parse.urlsplit(url)
        kinds = http.client.HTTPSConnection, http.client.HTTPConnection
        self._kind = kinds[parts.scheme != "https"]
        self._host = parts.netloc
        self._path = f"{parts.path.rstrip('/')}/v1/models/{model}:predict"
        self._files = value.dtype == object
        rows = value.tolist()
        if self._files:
            rows = [{"b64": base64.b64encode(x).decode()} for x in rows]
        body = {"signature_name": signature, "instances": rows}
        self._body = json.dumps(body).encode()
        self._expected = expected

    def __call__(self) -> str:
        connection = self._kind(self._host, timeout=TIMEOUT)
        try:
            connection.request("POST", self._path, self._body)
            response = connection.getresponse()
            text = response.read()
        finally:
            connection.close()
        if response.status != 200:
            return f"HTTP {response.status}"
        rows = json.loads(text)["predictions"]
        if self._files:
            rows = [base64.b64decode(row["b64"]) for row in rows]
        found = np.array(rows, self._expected.dtype)
        return compared(found, self._expected)
