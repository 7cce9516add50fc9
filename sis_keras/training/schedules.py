"""The learning rate over a run."""

import math

import keras
from keras import ops

DECAYS = ("none", "cosine", "linear")


@keras.saving.register_keras_serializable("sis_keras")
class WarmupDecay(keras.optimizers.schedules.LearningRateSchedule):
    """Nothing, linear warm-up to `peak`, then decay to `final` at `steps`.

    Args:
        peak: The learning rate after the warm-up.
        steps: Of the whole run.
        warmup: Steps of the warm-up.
        decay: "none", "cosine" or "linear".
        final: What the decay ends at.
        held: So many steps have a rate of 0; the warm-up comes after them.
    """

    def __init__(
        self, peak, steps, warmup=0, decay="cosine", final=0.0, held=0
    ):
        if decay not in DECAYS:
            raise ValueError(f"Expected decay in {DECAYS}. Received: {decay!r}")
        self.peak, self.steps, self.warmup = peak, steps, warmup
        self.decay, self.final, self.held = decay, final, held

    def __call__(self, step):
        step = ops.cast(step, "float32") - self.held
        span = max(self.steps - self.held - self.warmup, 1)
        progress = ops.clip((step - self.warmup) / span, 0.0, 1.0)
        left = {
            "none": ops.ones_like(progress),
            "linear": 1.0 - progress,
            "cosine": (1.0 + ops.cos(math.pi * progress)) / 2.0,
        }[self.decay]
        rate = self.final + (self.peak - self.final) * left
        warm = ops.clip((step + 1.0) / max(self.warmup, 1), 0.0, 1.0)
        return rate * warm

    def get_config(self):
        return vars(self)
