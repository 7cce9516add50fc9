"""Stands in for tensorflow_model_server, on the server's own messages.

What it shares with the server is the loader of SavedModels, the signatures,
and the form of requests and answers; not the server's code.
"""

import base64
import concurrent.futures
import contextlib
import http.server
import json

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks.local_server import serving


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, model):
        self.model = model

    def Predict(self, request, context):  # noqa: N802
        response = predict_pb2.PredictResponse()
        inputs = {
            key: tf.make_ndarray(value) for key, value in request.inputs.items()
        }
        try:
            answer = self.model(request.model_spec.signature_name, inputs)
        except tf.errors.InvalidArgumentError as error:
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, error.message)
        for key, value in answer.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response


@contextlib.contextmanager
def serve_grpc(model):
    """Yields the address."""
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(2),
        options=[("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        Service(model), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@contextlib.contextmanager
def serve_rest(model, name):
    """Yields the address; rows of one input in, rows of one output out."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            assert self.path == f"/v1/models/{name}:predict"
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                status, answer = 200, {"predictions": rows(json.loads(body))}
            except tf.errors.InvalidArgumentError as error:
                status, answer = 400, {"error": error.message}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    def rows(body):
        signature = body.get("signature_name", "serving_default")
        (key,) = model.signatures[signature].inputs
        values = [
            base64.b64decode(row["b64"]) if isinstance(row, dict) else row
            for row in body["instances"]
        ]
        ((key, found),) = model(signature, {key: values}).items()
        if key.endswith("_bytes"):
            return [{"b64": base64.b64encode(x).decode()} for x in found]
        return found.tolist()

    with serving(Handler) as address:
        yield address
