"""Keeps what libraries print off the screen."""

import contextlib
import importlib
import os
import pathlib
import sys
import threading
import types
from collections.abc import Iterator

ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_chosen = None  # Of it, by this module.
PROCESSOR = pathlib.Path("/proc/cpuinfo")
# Of one thread again, as an import may mute what it does.
_muting = threading.RLock()


def import_tensorflow() -> None:
    """Imports TensorFlow without its greeting."""
    quiet_import("tensorflow")


def quiet_import(name: str) -> types.ModuleType:
    """Imports a module, and TensorFlow with it where it wants that, quietly.

    TensorFlow's C++ side greets on the standard error before any setting can
    stop it, where a user's mistake is to be one line alone. Its errors are
    printed afterwards as ever, unless TF_CPP_MIN_LOG_LEVEL says otherwise.

    Args:
        name: With dots.
    """
    if name in sys.modules:
        return sys.modules[name]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Its fast convolutions, which TensorFlow leaves off on processors without
    # AVX512-VNNI: twice the speed there.
    if ONEDNN not in os.environ:
        _choose("1")
    with muted_stderr():
        module = importlib.import_module(name)
        tensorflow = sys.modules.get("tensorflow")
        if tensorflow and not _has_nvidia():
            # To look for a GPU where none is logs an error, once.
            tensorflow.config.list_physical_devices("GPU")
    return module


def prepare_convolutions(width_multiplier: float) -> None:
    """Leaves oneDNN's convolutions off where they are slow.

    Of maps of more than 64 channels, as `sisnet` has them at half of a
    picture's size, oneDNN computes whole pictures in 1.5 times the time on
    processors without AVX-512, and larger ones (1280x720) by code without
    any vectors, which takes minutes. It is to be called before TensorFlow is
    imported, which decides then; later it does nothing. What the user has
    set in the environment stays.

    Args:
        width_multiplier: Of the network that is going to compute.
    """
    by_user = ONEDNN in os.environ and os.environ[ONEDNN] != _chosen
    if width_multiplier > 0.5 and not by_user and _lacks_avx512():
        _choose("0")


def _choose(value):
    global _chosen
    _chosen = os.environ[ONEDNN] = value


def _lacks_avx512():
    """Of this processor, where Linux tells; one of ARM lacks nothing."""
    try:
        words = PROCESSOR.read_text().split()
    except OSError:
        return False
    return "avx2" in words and "avx512f" not in words


def _has_nvidia():
    """Whether the system has a GPU of theirs: then what goes wrong matters."""
    names = "/dev/nvidiactl", "/dev/dxg"  # The latter in WSL.
    return sys.platform != "linux" or any(
        pathlib.Path(name).exists() for name in names
    )


@contextlib.contextmanager
def heard() -> Iterator[None]:
    """While no other thread mutes the standard error."""
    with _muting:
        yield


@contextlib.contextmanager
def muted_stderr() -> Iterator[None]:
    """Nothing reaches the standard error, not even what C code writes.

    One thread at a time: of two, the later would restore the other's silence.
    """
    with _muting:
        try:
            kept = os.dup(2)
        except OSError:  # There is none to be muted.
            yield
            return
        try:
            with open(os.devnull, "w") as nowhere:
                os.dup2(nowhere.fileno(), 2)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
