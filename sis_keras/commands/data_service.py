r"""A tf.data service, which reads crop records for train.py:

    python -m sis_keras.commands.data_service --port=5050
    python -m sis_keras.commands.data_service --dispatcher=HOST:5050

The first is the dispatcher, of which there is one; the second a worker, one on
each host with cores to spare, named by --host. Workers come and go as they
like, and must see the crop records by the same path as train.py. Whoever
reaches the ports uses the service: keep it in a network of your own.
"""

import argparse
import signal
import socket
import threading

from sis_keras.commands.program import Parser, end, guarded


def main():
    arguments = parsed()
    check_free(arguments.port)
    from sis_keras.quiet import import_tensorflow

    import_tensorflow()
    import tensorflow as tf

    if arguments.dispatcher:
        check_dispatcher(arguments.dispatcher)
    try:
        server, said = started(arguments)
    except (tf.errors.OpError, RuntimeError) as error:
        end(
            "Expected to start, and of a worker that its --dispatcher runs. "
            f"Received: {str(error).splitlines()[0]}"
        )
    print(said, flush=True)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    del server


def parsed():
    head, _, rest = (__doc__ or "").partition("\n")
    parser = Parser(
        description=head,
        epilog=rest,
        allow_abbrev=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--port", type=int, default=0, help="to listen at; 0 is any free one"
    )
    parser.add_argument(
        "--dispatcher", metavar="HOST:PORT", help="be a worker of that one"
    )
    parser.add_argument(
        "--host",
        default="localhost",
        help="of a worker: the name by which train.py reaches it [localhost]",
    )
    return parser.parse_args()


def check_free(port):
    """The service itself would share the port with another of its kind."""
    try:
        with socket.socket() as probe:
            probe.bind(("", port))
    except (OSError, OverflowError) as error:
        end(f"Expected a free --port. Received: {port} ({error}).")


def check_dispatcher(address):
    """A worker would wait for it without a word."""
    from sis_keras.data.records.service import why_silent

    host, _, port = address.rpartition(":")
    known = host and port.isdecimal()
    reason = why_silent(host, int(port)) if known else "which is no HOST:PORT"
    if reason:
        end(
            "Expected --dispatcher, HOST:PORT of one that runs. Received: "
            f"{address}: {reason}. Start it first."
        )


def started(arguments):
    """The server, and what to say of it."""
    import tensorflow as tf

    service = tf.data.experimental.service
    if not arguments.dispatcher:
        config = service.DispatcherConfig(arguments.port)
        server = service.DispatchServer(config)
        return server, f"dispatcher: {server.target}"
    config = service.WorkerConfig(
        arguments.dispatcher,
        worker_address=f"{arguments.host}:%port%",
        port=arguments.port,
    )
    return service.WorkerServer(config), f"worker of {arguments.dispatcher}"


def run() -> None:
    """The whole program."""
    guarded(main)


if __name__ == "__main__":
    run()
