"""One request, sent again and again: over gRPC or REST.

A client is called by many threads and returns a status's name; "OK" only
where the answer is, byte for byte, what the SavedModel gives when it is called
directly.
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
WRONG = "another answer than the SavedModel's"
TIMEOUT = 120


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
        equal = np.array_equal(tf.make_ndarray(tensor), self._expected)
        return "OK" if equal else WRONG


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
        return "OK" if np.array_equal(found, self._expected) else WRONG
