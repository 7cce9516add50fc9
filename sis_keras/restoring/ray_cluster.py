"""A Ray cluster: which one it is, and what it has room for."""

import contextlib
import logging
import os
import signal
import socket
import warnings
from collections.abc import Iterator

from sis_keras.errors import UserError

# Of a process without a GPU. More cores gain less than more pictures at once.
MOST_CPUS = 4


@contextlib.contextmanager
def connected(ray, address: str) -> Iterator[str]:
    """Yields which cluster it is, in words.

    Raises:
        UserError: There is none.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    handler = signal.getsignal(signal.SIGTERM)
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    # Ray prints to the standard output, which has the outputs' paths alone.
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
        try:
            with warnings.catch_warnings(action="ignore"):
                where = _connect(ray, address, quiet)
            # Ray's own would end this process.
            signal.signal(signal.SIGTERM, handler)
            yield where
        finally:
            ray.shutdown()
            signal.signal(signal.SIGTERM, handler)


def _connect(ray, address, quiet):
    if address != "auto":
        check_address(address)
    errors = (RuntimeError, ValueError, OSError, ray.exceptions.RayError)
    try:
        ray.init(address, **quiet)
    except errors as error:
        if address == "auto" and "Could not find any" in str(error):
            ray.init("local", include_dashboard=False, **quiet)
            return "a Ray that is started on this machine"
        raise UserError(
            "Expected a Ray cluster that this machine is part of. Received: "
            f"{address}: {last_line(error)} `ray start --address=HOST:PORT` "
            "makes it part of one."
        ) from error
    return f"the Ray cluster at {ray.get_runtime_context().gcs_address}"


def last_line(error: Exception) -> str:
    """Of a trace, what is wrong."""
    return str(error).strip().rpartition("\n")[-1].rstrip(".") + "."


def check_address(address: str) -> None:
    """Makes sure that something answers at `HOST:PORT`.

    Raises:
        UserError: It does not, or is written in another way.
    """
    host, _, port = address.rpartition(":")
    reason = "which is no HOST:PORT"
    if host and "/" not in host and port.isdecimal():
        try:
            with socket.create_connection((host, int(port)), timeout=10):
                return
        except (OSError, OverflowError) as error:
            reason = str(getattr(error, "strerror", None) or error)
    raise UserError(
        "Expected auto, or HOST:PORT of the head of a Ray cluster, such as "
        f"10.0.0.1:6379. Received: {address}, {reason}."
    )


def share_of_machine(ray, memory):
    """What a process takes of its machine: the same on every one."""
    if ray.cluster_resources().get("GPU"):
        return {"num_gpus": 1, "num_cpus": 1, "memory": memory}
    cpus = [
        int(node["Resources"]["CPU"])
        for node in _nodes(ray)
        if node["Resources"].get("CPU", 0) >= 1
    ]
    return {"num_cpus": min([MOST_CPUS, *cpus]), "memory": memory}


def slots(ray, share):
    """How many processes each machine has room for."""
    names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
    return [
        min(
            int(node["Resources"].get(names[name], 0) // each)
            for name, each in share.items()
        )
        for node in _nodes(ray)
    ]


def _nodes(ray):
    return [node for node in ray.nodes() if node["Alive"]]


def in_words(found: list[int]) -> str:
    """Machines and processes, from `slots`."""
    used = sum(map(bool, found))
    words = f"{len(found)} machine{'s' * (len(found) > 1)}, "
    if not used:
        return words + "none with room for the network; waiting for one"
    return words + f"{sum(found)} process{'es' * (sum(found) > 1)} at once"
