"""Packages that only some of the work wants: the extras of pyproject.toml."""

import importlib
import importlib.util
import types

from sis_keras.errors import UserError


def optional_package(name: str, extra: str) -> types.ModuleType:
    """A module of a package that `pip install sis-keras` does not bring.

    Example:

        runtime = optional_package("ai_edge_litert.interpreter", "phones")

    Args:
        name: Of the module.
        extra: "tensorflow", "video", "phones" or another of pyproject.toml,
            whose package it is.

    Raises:
        UserError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise _missing(name, extra, error) from error


def is_installed(name: str) -> bool:
    """Whether there is a package; it is not imported."""
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:
        return False


def require(name: str, extra: str) -> None:
    """Makes sure that there is a package, without importing it.

    Args:
        name: Of the package.
        extra: Whose package it is.

    Raises:
        UserError: It is not installed.
    """
    if not is_installed(name):
        raise _missing(name, extra, f"No module named {name!r}")


def _missing(name, extra, reason):
    return UserError(
        f"Expected the package {name.partition('.')[0]}. Received: {reason}. "
        f'`pip install "sis-keras[{extra}]"` brings it where it exists.'
    )
