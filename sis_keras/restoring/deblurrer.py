"""Any picture in, the same picture sharper: `Deblurrer`."""

import math
import numbers
import pathlib
import sys
from collections.abc import Callable

import numpy as np

from sis_keras.errors import UserError
from sis_keras.quiet import quiet_import
from sis_keras.restoring import tiles
from sis_keras.restoring.ahead import LARGE
from sis_keras.restoring.memory import PROCESS_BYTES, default_limit
from sis_keras.restoring.precision import PRECISIONS, best_precision, policy_of
from sis_keras.restoring.restorer import (
    KerasRestorer,
    load_restorer,
    prepare_for,
)
from sis_keras.restoring.two_scales import BYTES_OF_A_PIXEL, TwoScales
from sis_keras.weights.released import (
    DEFAULT_WEIGHTS,
    LITERT_SUFFIX,
    usable_weights,
)

TURNS = [(turns, flipped) for flipped in (False, True) for turns in range(4)]
# Of red, green and blue in what is written as grey.
LUMA = np.array([0.299, 0.587, 0.114], np.float32)
BAND = 256  # rows


class Deblurrer:
    """Deblurs pictures of any size in bounded memory.

    Without TensorFlow, released weights are run by LiteRT.

    A picture too large for the network in `max_memory` is restored in tiles,
    which overlap and fade into each other; results then differ a little from
    those of the whole picture. The network is traced once for all sizes.

    Example:

        deblurrer = Deblurrer()
        sharp = deblurrer(blurry)  # uint8 (height, width, 3), both

    Args:
        weights: A released name, or the path of a weight file, a checkpoint
            or what export.py wrote.
        max_memory: Bytes that the process may take, libraries included;
            None takes half of what the machine has free, and no more than
            2 GiB or what a container allows.
        strength: From 0, the input, to 1, what the network restores.
        self_ensemble: The mean of the results for the 8 flips and turns of
            the picture: 8 times the work for +0.014 dB on average, and worse
            for almost half of them.
        precision: "float32" or "bfloat16"; None takes bfloat16 where the
            processor is faster in it. An export has its own.
        strong_blur: Restores at half the size, too, where long streaks are
            short; see `two_scales`. About 1.5 times the time.

    Raises:
        UserError: An argument is none of these, or the weights do not load.
    """

    def __init__(
        self,
        weights: str | pathlib.Path = DEFAULT_WEIGHTS,
        max_memory: int | None = None,
        strength: float = 1.0,
        self_ensemble: bool = False,
        precision: str | None = None,
        strong_blur: bool = False,
    ):
        _check_strength(strength)
        if max_memory is not None and not max_memory > 0:
            raise UserError(
                "Expected max_memory in bytes, above 0. Received: "
                f"max_memory={max_memory!r}."
            )
        self.strength, self.self_ensemble = strength, self_ensemble
        self.strong_blur = strong_blur
        self.precision = precision or best_precision()
        path = usable_weights(weights)
        if path.suffix == LITERT_SUFFIX:
            self._restorer = load_restorer(weights)
        else:
            prepare_for(path)
            _check_backend()
            with policy_of(self.precision):
                self._restorer = load_restorer(weights)
        if not isinstance(self._restorer, KerasRestorer):
            self.precision = _precision_of_an_export(precision)
        if strong_blur:
            self._restorer = TwoScales(self._restorer)
        self.max_memory = max_memory or default_limit()

    def __call__(
        self,
        image: np.ndarray,
        progress: Callable[[int, int], None] | None = None,
    ) -> np.ndarray:
        """Deblurs one picture; one in black and white stays so.

        Args:
            image: RGB, `(height, width, 3)`, uint8 or uint16, 1x1 or more.
            progress: Called with the number of runs of the network that are
                done, 0 at first, and of all for this picture.

        Returns:
            The same shape and type.

        Raises:
            UserError: Another shape or type, or a picture that `max_memory`
                is too small for.
        """
        _check_image(image)
        height, width, _ = image.shape
        rows, columns = self.cut(height, width, image.dtype.itemsize)
        turns = TURNS if self.self_ensemble else TURNS[:1]
        total, done = len(rows) * len(columns) * len(turns), 0

        def count():
            nonlocal done
            done += 1
            if progress:
                progress(done, total)

        def restore(region):
            return self._restore(image[region.slices], turns, count)

        if progress:
            progress(0, total)
        largest, grey = np.iinfo(image.dtype).max, _is_grey(image)
        restored = np.empty_like(image, order="C")
        for region, part in tiles.blend(rows, columns, restore):
            if grey:
                part = (part @ LUMA)[..., None]
            restored[region.slices] = np.rint(part * np.float32(largest))
        return restored

    def cut(
        self, height: int, width: int, bytes_per_value: int = 1
    ) -> tuple[list[tiles.Span], list[tiles.Span]]:
        """The rows and columns of the tiles that a picture is restored in.

        Raises:
            UserError: `max_memory` is too small for the smallest tiles.
        """
        if hasattr(self._restorer, "cut"):
            return self._restorer.cut(height, width)
        found = tiles.cut(
            height,
            width,
            (self.max_memory - self._fixed(height, width, bytes_per_value))
            / self._bytes_per_pixel(),
            tiles.OVERLAP,
        )
        if found is None:
            least = self._fixed(height, width, bytes_per_value)
            least += self._bytes_per_pixel() * tiles.least_pixels(
                height, width, tiles.OVERLAP
            )
            raise UserError(
                f"Expected max_memory of at least {math.ceil(least / 2**20)} "
                f"MiB for {width}x{height} pixels. Received: "
                f"{self.max_memory // 2**20} MiB."
            )
        return found

    # === One tile ===

    def _restore(self, image, turns, count):
        """uint8 or uint16 of any size to float32 in [0, 1], blended."""
        blurry = image / np.float32(np.iinfo(image.dtype).max)
        restored = np.zeros_like(blurry)
        for turn, flipped in turns:
            restored += self._turned(blurry, turn, flipped)
            count()
        restored /= np.float32(len(turns))
        if not np.isfinite(restored).all():
            raise UserError(
                "Expected weights that restore pictures. Received: "
                f"{self._restorer.name}, which give NaN or infinity."
            )
        if self.strength == 1.0:
            return restored
        return blurry + np.float32(self.strength) * (restored - blurry)

    def _turned(self, blurry, turn, flipped):
        """Turns and flips, restores, and undoes both."""
        turned = np.rot90(blurry[:, ::-1] if flipped else blurry, turn)
        try:
            restored = self._restorer(np.ascontiguousarray(turned)[None])[0]
        except _memory_errors() as error:
            raise UserError(
                "Expected memory for the network. Received: the machine has "
                f"not enough for {turned.shape[1]}x{turned.shape[0]} pixels "
                "at once. Set a lower max_memory."
            ) from error
        restored = np.rot90(restored, -turn)
        return restored[:, ::-1] if flipped else restored

    # === Memory ===

    def _fixed(self, height, width, bytes_per_value):
        """Bytes beside the network's: the picture before and after, too.

        Or after, and as Pillow writes it: 4 bytes a pixel of 8 bits. If it
        is not large, two like it are read and written meanwhile.
        """
        each = max(2 * 3 * bytes_per_value, 3 + 4)
        pictures = 1 if height * width > LARGE else 3
        return PROCESS_BYTES + pictures * each * height * width

    def _bytes_per_pixel(self):
        arguments = self._restorer.metadata.get("arguments", {})
        width = arguments.get("width_multiplier", 1.0)
        bytes_of_a_pixel = PRECISIONS[self.precision].bytes_of_a_pixel(width)
        return bytes_of_a_pixel + self.strong_blur * BYTES_OF_A_PIXEL


def _check_image(image):
    shape = getattr(image, "shape", None)
    dtype = getattr(image, "dtype", None)
    if (
        not isinstance(image, np.ndarray)
        or image.ndim != 3
        or image.shape[2] != 3
        or not image.size
        or dtype not in (np.uint8, np.uint16)
    ):
        raise UserError(
            "Expected an RGB picture: a NumPy array of shape (height, width, "
            "3), uint8 or uint16. Received: "
            f"{type(image).__name__} of shape {shape} and type {dtype}."
        )


def _is_grey(image):
    """Whether the three channels are equal everywhere."""
    return all(
        np.array_equal(band[..., 0], band[..., channel])
        for top in range(0, len(image), BAND)
        for band in [image[top : top + BAND]]
        for channel in (1, 2)
    )


def _check_backend():
    keras = quiet_import("keras")
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "Expected Keras on TensorFlow. Received: the backend "
            f"{keras.backend.backend()}. Set KERAS_BACKEND=tensorflow."
        )


def _memory_errors():
    """What is raised where memory is short; TensorFlow's if it is there."""
    tensorflow = sys.modules.get("tensorflow")
    if tensorflow is None:
        return MemoryError
    return (MemoryError, tensorflow.errors.ResourceExhaustedError)


def _check_strength(strength):
    is_number = isinstance(strength, numbers.Real)
    if not is_number or not 0 <= strength <= 1:
        raise UserError(
            "Expected strength from 0 (the input) to 1 (the network's "
            f"picture). Received: strength={strength!r}."
        )


def _precision_of_an_export(asked):
    """What stands for its memory; its arithmetic is its own."""
    if asked not in (None, "float32"):
        raise UserError(
            "Expected precision for weight files alone: an export has its "
            f"own. Received: precision={asked!r}."
        )
    return "float32"
