"""Stands in for tensorflow_model_server, on the server's own messages.

    python -m benchmarks.serving.stand_in EXPORT BATCHING_PARAMETERS_FILE

What it shares with the server is the batch scheduler, the signatures, and the
form of requests and answers; not the server's code. Prints its two addresses
and ends with its standard input.
"""

import base64
import concurrent.futures
import contextlib
import http.server
import json
import pathlib
import subprocess
import sys

import grpc
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from benchmarks.local_server import serving
from benchmarks.serving.batched_model import BatchedModel
from benchmarks.serving.parameters import parsed

NAME = "sisnet"
ROOT = pathlib.Path(__file__).parents[2]
# As many requests as wait or run at a time: the server's --grpc_max_threads.
THREADS = 256
GRPC_STATUS = {code.value[0]: code for code in grpc.StatusCode}
HTTP_STATUS = {  # Of tensorflow_serving/model_servers/http_server.cc.
    tf.errors.INVALID_ARGUMENT: 400,
    tf.errors.FAILED_PRECONDITION: 400,
    tf.errors.UNAVAILABLE: 503,
}

# === Protocols ===


class Service(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Answers by any callable of a signature's name and arrays by name."""

    def __init__(self, model):
        self.model = model

    def Predict(self, request, context):  # noqa: N802
        response = predict_pb2.PredictResponse()
        inputs = {
            key: tf.make_ndarray(value) for key, value in request.inputs.items()
        }
        try:
            answer = self.model(request.model_spec.signature_name, inputs)
        except tf.errors.OpError as error:
            context.abort(GRPC_STATUS[error.error_code], error.message)
        for key, value in answer.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response


@contextlib.contextmanager
def serve_grpc(model):
    """Yields the address."""
    server = grpc.server(
        concurrent.futures.ThreadPoolExecutor(THREADS),
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
            except tf.errors.OpError as error:
                status = HTTP_STATUS.get(error.error_code, 500)
                answer = {"error": error.message}
            self.send_response(status)
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, *_):
            pass

    def rows(body):
        signature = body.get("signature_name", "serving_default")
        key = model.inputs[signature]
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


# === A process of its own ===


@contextlib.contextmanager
def running(export, parameters_file):
    """Yields the addresses for gRPC and REST of a process that serves."""
    module = "benchmarks.serving.stand_in"
    process = subprocess.Popen(
        [sys.executable, "-m", module, str(export), str(parameters_file)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        addresses = process.stdout.readline().split()
        if len(addresses) != 2:
            raise RuntimeError(f"Expected {module} to serve {export}.")
        try:
            yield addresses
        finally:
            process.stdin.close()


def main(export, parameters_file):
    parameters = parsed(pathlib.Path(parameters_file).read_text("utf-8"))
    model = BatchedModel(export, parameters)
    with serve_grpc(model) as first, serve_rest(model, NAME) as second:
        print(first, second, flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
