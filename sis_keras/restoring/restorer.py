"""Generators as callables from blurred to restored pictures."""

import json
import pathlib
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.pictures import to_uint8
from sis_keras.quiet import import_tensorflow, prepare_convolutions
from sis_keras.weights import released

if TYPE_CHECKING:  # Restoring by LiteRT does without.
    import keras


class Restorer(Protocol):
    """What restores pictures, whatever it was loaded from.

    Attributes:
        name: What to call it in a report.
        metadata: Arguments and card of its weights.
        precision: Of its arithmetic, in words.
    """

    name: str
    metadata: dict
    precision: str

    def __call__(self, blurry: np.ndarray) -> np.ndarray:
        """float32 `(n, h, w, 3)` in [0, 1] to the same, clipped."""
        ...


class KerasRestorer:
    """A generator as one callable, traced once for all sizes.

    Args:
        generator: The model; its later weights are followed.
        name: What to call it in a report.
        metadata: Its file's arguments and card.

    Attributes:
        precision: Of its arithmetic: float32, mixed_bfloat16 or mixed_float16.
    """

    def __init__(
        self,
        generator: "keras.Model",
        name: str = "",
        metadata: dict | None = None,
    ):
        import tensorflow as tf

        self.name, self.metadata = name, metadata or {}
        self.precision = generator.dtype_policy.name

        @tf.function(
            input_signature=[tf.TensorSpec((None, None, None, 3))],
            autograph=False,
        )
        def call(image):
            return generator(image, training=False)

        self._call = call

    def __call__(self, blurry: np.ndarray) -> np.ndarray:
        """float32 `(n, h, w, 3)` in [0, 1] to the same, clipped."""
        return self._call(blurry).numpy()


def load_restorer(source) -> Restorer:
    """A restorer from released weights, a weight file, checkpoint or export.

    Args:
        source: The name of released weights, such as "sisnet_mobile", or the
            path of a file, or of a folder that `export.py` wrote.

    Returns:
        A `KerasRestorer`, `LiteRTRestorer` or `SavedModelRestorer`; of
        released weights an `AnySizeRestorer` where TensorFlow is not
        installed.

    Raises:
        UserError: The file is missing, damaged, or not of this project; or it
            wants TensorFlow, which is not installed.
    """
    path = released.usable_weights(source)
    prepare_for(path)
    name = pathlib.Path(source).name
    if path.is_dir():
        from sis_keras.restoring.saved_model import SavedModelRestorer

        return SavedModelRestorer(path)
    is_litert = path.suffix == released.LITERT_SUFFIX
    if is_litert and path.parent == released.FOLDER:
        from sis_keras.restoring.any_size import AnySizeRestorer

        return AnySizeRestorer(path, name)
    if is_litert:
        from sis_keras.restoring.litert import LiteRTRestorer

        return LiteRTRestorer(path)
    import_tensorflow()
    from sis_keras.weights.generators import load_generator

    generator, metadata = load_generator(source)
    return KerasRestorer(generator, name, metadata)


def import_tensorflow_for(source) -> None:
    """Imports TensorFlow quietly, prepared for a network.

    Whatever computes with weights imports it by this or by `load_restorer`,
    for the first import decides how convolutions are computed: see
    `quiet.prepare_convolutions`.

    Args:
        source: Released name or path of the weights.

    Raises:
        UserError: There are no such released weights.
    """
    prepare_for(released.weight_file(source))
    import_tensorflow()


def prepare_for(path: pathlib.Path) -> None:
    """See `quiet.prepare_convolutions`; of the network of weights.

    Args:
        path: Of a weight file or of an export; what is none of them is left
            to who reads it.
    """
    if path.suffix == released.LITERT_SUFFIX:
        return  # TensorFlow, and what reads weights, may be missing.
    from sis_keras.weights.card import CARD
    from sis_keras.weights.tensors import read_tensors

    try:
        if path.is_dir():
            metadata = json.loads((path / CARD).read_text())
        else:
            _, metadata = read_tensors(path, prefix="no tensor")
        width = metadata["arguments"].get("width_multiplier", 1.0)
    except (UserError, OSError, ValueError, LookupError):
        return
    prepare_convolutions(width)


def restore(
    restorer: Callable, blurry: np.ndarray, name: str = "", repeats: int = 1
) -> tuple[np.ndarray, tuple[float, float]]:
    """Restores one uint8 picture.

    Returns:
        The restored picture, uint8 `(height, width, 3)`, and two medians of
        seconds: the restorer alone, and with conversion from and to uint8.

    Raises:
        UserError: The result holds NaN or infinity, or has another shape.
    """
    alone, whole = [], []
    for _ in range(repeats):
        start = time.perf_counter()
        batch = blurry[None].astype(np.float32) / np.float32(255.0)
        ready = time.perf_counter()
        # Fetching the result is what makes an asynchronous device finish.
        result = np.asarray(restorer(batch), np.float32)
        fetched = time.perf_counter()
        if result.shape != batch.shape or not np.isfinite(result).all():
            raise UserError(
                f"Expected finite values of shape {batch.shape} from the "
                f"network. Received: shape {result.shape}, "
                f"{np.count_nonzero(~np.isfinite(result))} not finite, for "
                f"{name or 'a picture'}. The weights are broken or diverged; "
                "use an earlier checkpoint, or float32."
            )
        checked = time.perf_counter()
        restored = to_uint8(result[0])
        alone.append(fetched - ready)
        whole.append(time.perf_counter() - checked + fetched - start)
    return restored, (statistics.median(alone), statistics.median(whole))
