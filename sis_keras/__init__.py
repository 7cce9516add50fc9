"""SIS-net, an image deblurring network, in Keras.

Names are resolved when they are first used, so that the networks and losses
import without TensorFlow.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sis_keras.data.blur.synthetic import synthetic_blur
    from sis_keras.errors import UserError
    from sis_keras.evaluation.evaluate import evaluate
    from sis_keras.networks.discriminator import build_discriminator
    from sis_keras.networks.generator import build_generator
    from sis_keras.networks.presets import PRESETS, preset_arguments
    from sis_keras.restoring.deblurrer import Deblurrer
    from sis_keras.restoring.restorer import Restorer, load_restorer
    from sis_keras.training.gan import DeblurringGAN

__version__ = "0.1.0"
__all__ = [
    "PRESETS",
    "Deblurrer",
    "DeblurringGAN",
    "Restorer",
    "UserError",
    "build_discriminator",
    "build_generator",
    "evaluate",
    "load_restorer",
    "preset_arguments",
    "synthetic_blur",
]

_HOMES = {
    "PRESETS": "networks.presets",
    "Deblurrer": "restoring.deblurrer",
    "DeblurringGAN": "training.gan",
    "Restorer": "restoring.restorer",
    "UserError": "errors",
    "build_discriminator": "networks.discriminator",
    "build_generator": "networks.generator",
    "evaluate": "evaluation.evaluate",
    "load_restorer": "restoring.restorer",
    "preset_arguments": "networks.presets",
    "synthetic_blur": "data.blur.synthetic",
}


if not TYPE_CHECKING:  # It would let a misspelt name pass.

    def __getattr__(name):
        if name not in _HOMES:
            raise AttributeError(
                f"module {__name__!r} has no attribute {name!r}"
            )
        # Not above: a program must say that Python is too old.
        from sis_keras.quiet import quiet_import

        return getattr(quiet_import(f"{__name__}.{_HOMES[name]}"), name)


def __dir__():
    return __all__
