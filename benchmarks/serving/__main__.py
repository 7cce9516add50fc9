"""A SavedModel under load: python -m benchmarks.serving EXPORT

EXPORT is what `export.py --format=saved_model` wrote, version included. It is
served by a stand-in (benchmarks/serving/stand_in.py) in a process of its own,
by the export's batching_params.pbtxt with the changes that a row names; or,
with --address or --url, by a server that has the same export and runs already.

Two tables: clients that each wait for their answer, by pictures at once and by
the server's threads, on an endless queue; then requests that come at random,
at multiples of the throughput of the first line, on the export's queue and on
an endless one. Each answer is compared with what the SavedModel gives when it
is called directly; one that is off by more than rounding ends the program.
Percentiles of the latency are of what was served.
"""

import argparse
import contextlib
import os
import pathlib
import re
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf

from benchmarks.reporting import machine, text_table
from benchmarks.serving import stand_in
from benchmarks.serving.clients import GrpcClient, RestClient
from benchmarks.serving.load import closed_loop, open_loop, summary
from sis_keras.commands.program import Parser
from sis_keras.data.open_source import open_source
from sis_keras.export.saved_model.batching import FILE

ENDLESS = 10**6
LATENCIES = ["p50", "p90", "p99", "most, ms"]
CLOSED = [
    "server",
    "clients",
    "pictures/s",
    "of the first",
    *LATENCIES,
    "not bit-equal",
]
OPEN = [
    "queue",
    "offered",
    "requests",
    "refused",
    "pictures/s",
    *LATENCIES,
    "refusal p99",
]


def changed(text: str, **values: int) -> str:
    """A batching parameters file with other values."""
    for name, value in values.items():
        text, count = re.subn(
            rf"^{name} {{ value: \d+ }}",
            f"{name} {{ value: {value} }}",
            text,
            flags=re.MULTILINE,
        )
        if count != 1:
            raise ValueError(f"Expected one line of {name}. Received: {count}.")
    return text


def request_of(signature, height, width):
    """A signature's input: its name, and part of a photograph."""
    _, blurry, _ = next(iter(open_source("skimage:test").examples()))
    picture = np.tile(blurry, (height // len(blurry) + 1, 1, 1))
    picture = np.tile(picture, (1, width // blurry.shape[1] + 1, 1))
    picture = np.ascontiguousarray(picture[:height, :width])
    if signature == "serving_default":
        file = tf.io.encode_jpeg(picture, quality=95).numpy()
        return "image_bytes", np.array([file], object)
    if signature == "predict_uint8":
        return "images", picture[np.newaxis]
    return "images", picture[np.newaxis] / np.float32(255)


class Load:
    """Sends one picture to one server or another.

    Args:
        given: The command line.
    """

    def __init__(self, given):
        self._given = given
        self._key, self._value = request_of(
            given.signature, *map(int, given.size.split("x"))
        )
        call = tf.saved_model.load(given.export).signatures[given.signature]
        value = self._value
        if value.dtype == object:
            value = value.tolist()
        (answer,) = call(**{self._key: tf.constant(value)}).values()
        self._expected = answer.numpy()
        self._text = pathlib.Path(given.export, FILE).read_text("utf-8")

    def client(self, address, url):
        kind, to = (RestClient, url) if url else (GrpcClient, address)
        return kind(
            to,
            self._given.model,
            self._given.signature,
            self._key,
            self._value,
            self._expected,
        )

    @contextlib.contextmanager
    def stand_in(self, **values):
        """Yields the client of a server that has warmed up."""
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, FILE)
            path.write_text(changed(self._text, **values), "utf-8")
            with stand_in.running(self._given.export, path) as (address, rest):
                url = f"http://{rest}" if self._given.rest else None
                yield warm(self.client(address, url))

    def closed(self, send, clients):
        return summary(*closed_loop(send, clients, self._given.seconds))

    def open(self, send, rate):
        return summary(*open_loop(send, rate, self._given.seconds))


def warm(send):
    for _ in range(3):
        closed_loop(send, 2, 1.0)
    return send


def milliseconds(figures):
    return [f"{1000 * x:.0f}" for x in figures["latency"]]


# === Rows ===


def closed_row(server, clients, figures, first):
    ratio = figures["served"] / first if first else 1.0
    speed = [f"{figures['served']:.1f}", f"{ratio:.2f}"]
    rounded = f"{figures['rounded']:.0%}"
    return [server, str(clients), *speed, *milliseconds(figures), rounded]


def open_row(queue, times, rate, figures):
    refusal = figures["refusal"]
    return [
        queue,
        f"{times:g}x = {rate:.1f}/s",
        str(figures["sent"]),
        f"{figures['refused']:.0%}",
        f"{figures['served']:.1f}",
        *milliseconds(figures),
        "" if np.isnan(refusal) else f"{1000 * refusal:.0f}",
    ]


def show(row):
    print(" ".join(row), file=sys.stderr, flush=True)
    return row


def of_a_server(given, load):
    """Both tables of a server that runs already."""
    send = warm(load.client(given.address, given.url))
    rows, first = [], None
    for clients in given.clients:
        figures = load.closed(send, clients)
        rows.append(show(closed_row("server", clients, figures, first)))
        first = first or figures["served"]
    yield CLOSED, rows
    rows = []
    for times in given.overload:
        figures = load.open(send, times * first)
        rows.append(show(open_row("server", times, times * first, figures)))
    yield OPEN, rows


def of_the_stand_in(given, load):
    """Both tables of the stand-in."""
    rows, first = closed_rows(given, load)
    yield CLOSED, rows
    rows = []
    for queue, values in (
        ("the export's", {}),
        ("endless", {"max_enqueued_batches": ENDLESS}),
    ):
        if not given.overload:
            return
        with load.stand_in(**values) as send:
            for times in given.overload:
                figures = load.open(send, times * first)
                row = open_row(queue, times, times * first, figures)
                rows.append(show(row))
    yield OPEN, rows


def closed_rows(given, load):
    """The stand-in's rows, and pictures a second of the first of them."""
    rows, first = [], None
    settings = [(1, threads) for threads in given.threads]
    settings += [(batch, 1) for batch in given.batches if batch > 1]
    for batch, threads in settings:
        with load.stand_in(
            max_execution_batch_size=batch,
            num_batch_threads=threads,
            max_enqueued_batches=ENDLESS,
            batch_timeout_micros=5000 if batch > 1 else 0,
        ) as send:
            name = f"{batch} at once, threads: {threads}"
            for clients in given.clients:
                figures = load.closed(send, clients)
                rows.append(show(closed_row(name, clients, figures, first)))
                first = first or figures["served"]
    return rows, first


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("export", help="folder of the SavedModel, version included")
    add("--address", help="HOST:PORT of a server's gRPC")
    add("--url", help="http://HOST:PORT of a server's REST")
    add("--rest", action="store_true", help="the stand-in's REST, not gRPC")
    add("--model", default=stand_in.NAME, help="the server's name for it")
    add("--signature", default="predict_uint8")
    add("--size", default="256x256", help="height x width of the picture")
    add("--clients", type=int, nargs="+", default=[1, 2, 8])
    add("--threads", type=int, nargs="+", default=[1, 2])
    add("--batches", type=int, nargs="*", default=[2, 4, 8])
    add("--overload", type=float, nargs="*", default=[0.5, 0.9, 2, 4])
    add("--seconds", type=float, default=10, help="of each row")
    given = parser.parse_args()
    print(f"{machine()}\n\n{given.signature}, {given.size}\n", flush=True)
    load = Load(given)
    real = given.address or given.url
    for header, rows in (of_a_server if real else of_the_stand_in)(given, load):
        print(text_table(header, rows), end="\n\n", flush=True)


if __name__ == "__main__":
    main()
