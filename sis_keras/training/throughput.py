"""How fast a run trains, and what share of a device's arithmetic that is."""

import collections
import contextlib
import math
import time
from collections.abc import Iterator

import keras

from sis_keras.networks.passes import network_of, sizes_of_passes


def multiply_adds(generator: keras.Model, height: int, width: int) -> int:
    """Of a generator's convolutions for one picture, at the padded size.

    Args:
        generator: A Keras functional model; see `build_generator`.
        height, width: Of the picture.
    """
    network = network_of(generator)
    return sum(
        _of_a_pass(network, *size)
        for size in sizes_of_passes(generator, height, width)
    )


def _of_a_pass(network, height, width):
    picture = keras.Input((height, width, 3), batch_size=1)
    sized = keras.models.clone_model(network, input_tensors=picture)
    total = 0
    for layer in sized.layers:
        if isinstance(layer, keras.layers.Conv2DTranspose):
            pixels = layer.input.shape[1:3]
        elif isinstance(layer, keras.layers.Conv2D):
            pixels = layer.output.shape[1:3]
        else:
            continue
        total += math.prod(pixels) * math.prod(layer.kernel.shape)
    return total


class Longest(collections.UserDict):
    """Seconds that each kind of work took at most so far; 0 before any."""

    def __missing__(self, work):
        return 0.0

    @contextlib.contextmanager
    def timed(self, work: str) -> Iterator[None]:
        """Times what is done inside."""
        start = time.monotonic()
        yield
        self[work] = max(self[work], time.monotonic() - start)


class Throughput:
    """Steps and their seconds.

    Args:
        batch_size: Crops in a step.
        crop_flops: Multiplications and additions of the model for each crop.
        peak: The device's FLOP/s; 0 where unknown.
    """

    def __init__(self, batch_size: int, crop_flops: float, peak: float = 0.0):
        self.batch_size, self.crop_flops = batch_size, crop_flops
        self.peak = peak
        self._calls: list[tuple[int, float]] = []

    def add(self, steps: int, seconds: float) -> None:
        """Notes a call; the first one, which compiles, counts as no other."""
        self._calls.append((steps, seconds))

    @property
    def longest(self) -> float:
        """Seconds of the slowest of the last calls; 0 before any."""
        return max((seconds for _, seconds in self._calls[-10:]), default=0.0)

    def rates(self) -> dict[str, float]:
        """Steps, crops, model TFLOP a second, and their share of the peak."""
        calls = self._calls[1:] or self._calls
        seconds = sum(seconds for _, seconds in calls)
        rate = sum(steps for steps, _ in calls) / seconds if seconds else 0.0
        flops = rate * self.batch_size * self.crop_flops
        return {
            "steps_per_second": rate,
            "crops_per_second": rate * self.batch_size,
            "model_tflops": flops / 1e12,
            "share_of_peak": flops / self.peak if self.peak else 0.0,
        }

    def __str__(self):
        if not self._calls:
            return "no steps yet"
        rates = self.rates()
        text = (
            f"{rates['steps_per_second']:.3g} steps/s, "
            f"{rates['crops_per_second']:.4g} crops/s, "
            f"{rates['model_tflops']:.3g} model TFLOP/s"
        )
        if self.peak:
            text += f" ({rates['share_of_peak']:.1%} of the peak)"
        return text
