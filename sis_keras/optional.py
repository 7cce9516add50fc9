"""Packages that only some of the work wants: the extras of pyproject.toml."""

import importlib
import types

from sis_keras.errors import UserError


def optional_package(name: str, extra: str) -> types.ModuleType:
    """A module of a package that `pip install sis-keras` does not bring.

    Example:

        runtime = optional_package("ai_edge_litert.interpreter", "phones")

    Args:
        name: Of the module.
        extra: "phones", "training", "kohler", "formats", "ray" or
            "experiments", whose package it is.

    Raises:
        UserError: It is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise UserError(
            f"Expected the package {name.partition('.')[0]}. Received: "
            f'{error}. `pip install "sis-keras[{extra}]"` brings it where it '
            "exists."
        ) from error
