"""SIS-net, an image deblurring network, in Keras.

Names are resolved when they are first used, so that the networks and losses
import without TensorFlow.
"""

import importlib

_HOMES = {
    "PRESETS": "presets",
    "Deblurrer": "deblurrer",
    "DeblurringGAN": "gan",
    "UserError": "errors",
    "build_discriminator": "discriminator",
    "build_generator": "generator",
    "evaluate": "evaluation",
    "load_restorer": "weights",
    "preset_arguments": "presets",
    "synthetic_blur": "blur",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
