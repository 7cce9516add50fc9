"""SIS-net, an image deblurring network, in Keras.

Names are resolved when they are first used, so that the networks and losses
import without TensorFlow.
"""

import importlib

_HOMES = {
    "PRESETS": "networks.presets",
    "Deblurrer": "restoring.deblurrer",
    "DeblurringGAN": "training.gan",
    "UserError": "errors",
    "build_discriminator": "networks.discriminator",
    "build_generator": "networks.generator",
    "evaluate": "evaluation.evaluate",
    "load_restorer": "restoring.restorer",
    "preset_arguments": "networks.presets",
    "synthetic_blur": "data.blur.synthetic",
}
__all__ = sorted(_HOMES)


def __getattr__(name):
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
