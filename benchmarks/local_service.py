"""A tf.data service on this machine."""

import contextlib
import subprocess
import sys
from collections.abc import Iterator


@contextlib.contextmanager
def local_service(
    workers: int,
) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """The address of a dispatcher, and the processes of its workers."""
    command = [sys.executable, "-m", "sis_keras.commands.data_service"]

    def started(*flags):
        process = subprocess.Popen(
            [*command, *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        processes.append(process)
        return process

    processes: list[subprocess.Popen] = []
    try:
        said = started().stdout.readline()
        address = f"127.0.0.1:{said.rpartition(':')[2].strip()}"
        for _ in range(workers):
            started(f"--dispatcher={address}").stdout.readline()
        yield f"grpc://{address}", processes
    finally:
        for process in processes:
            process.kill()
            process.communicate()
