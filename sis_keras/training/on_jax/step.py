"""One step of content training as a pure function, on Keras's JAX backend.

What `DeblurringGAN.train_step` does without discriminators, in the same
order; it neither needs nor imports TensorFlow.
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import keras
from jax import lax

from sis_keras.training.on_jax.device_pictures import cut_crops, draw_crops
from sis_keras.training.supervision import Supervision


class State(NamedTuple):
    """All that a step changes; lists of arrays.

    Attributes:
        trainable: What gradients train: the generator's variables, then
            those of the coarse scales' heads.
        moving: The generator's that move by themselves (batch averages).
        optimizer: Its variables.
        average: The running average of the generator's, `trainable` and
            `moving` in a row.
        skipped, skipped_in_a_row: Steps that were not finite, int32 scalars.
    """

    trainable: list
    moving: list
    optimizer: list
    average: list
    skipped: Any
    skipped_in_a_row: Any


class ContentTraining:
    """A generator, its running average and an optimizer.

    `training.checkpoint` saves and restores it as a `DeblurringGAN` that plays
    no game. The Keras variables hold the state only after `put`.

    Args:
        generator: Blurry to restored; see `build_generator`.
        averaged_generator: Of the same structure, float32; the product.
        optimizer: Of Keras.
        content: Keyword arguments of `losses.content_terms`.
        coarse_weight: Of the coarse scales; see `Supervision`.
        ema_decay: Of the average, approached as training warms up.
        clip_norm: Global norm that gradients are clipped to; 0 is off.
    """

    plays = False
    # What a `DeblurringGAN` may have more of, and `memory.step_bytes` asks for.
    accumulation, discriminators, penalized = 1, (), False

    def __init__(
        self,
        generator: keras.Model,
        averaged_generator: keras.Model,
        optimizer: keras.Optimizer,
        content: dict,
        coarse_weight: float = 0.0,
        ema_decay: float = 0.999,
        clip_norm: float = 0.0,
    ):
        self.generator = generator
        self.averaged_generator = averaged_generator
        self.generator_optimizer = optimizer
        self.supervision = Supervision(generator, content, coarse_weight)
        optimizer.build(self.supervision.trainable_variables)
        self.ema_decay, self.clip_norm = ema_decay, clip_norm
        self.skipped, self.skipped_in_a_row = (
            keras.Variable(0, dtype="int32", trainable=False, name=name)
            for name in ("skipped", "in_a_row")
        )

    def _variables(self):
        averaged = self.averaged_generator
        return State(
            self.supervision.trainable_variables,
            self.generator.non_trainable_variables,
            self.generator_optimizer.variables,
            averaged.trainable_variables + averaged.non_trainable_variables,
            self.skipped,
            self.skipped_in_a_row,
        )

    def get(self) -> State:
        """The state that the Keras variables hold, copied."""
        return jax.tree.map(lambda v: jnp.array(v.value), self._variables())

    def put(self, state: State) -> None:
        """Copies a state into the Keras variables."""
        jax.tree.map(
            lambda v, x: v.assign(jnp.array(x)), self._variables(), state
        )

    def update(self, state: State, blurry, sharp) -> tuple[State, dict]:
        """One step; where it is not finite, nothing changes but counters.

        Args:
            state: Before.
            blurry, sharp: float32 `(n, h, w, 3)` in [0, 1].

        Returns:
            The state after, and scalars: each weighted loss term as it enters
            the sum, PSNR, gradient norm, learning rate, `skipped`.
        """
        gradient = jax.value_and_grad(self._loss, has_aux=True)
        (loss, (moving, logs)), gradients = gradient(
            state.trainable, state.moving, blurry, sharp
        )
        squares = [jnp.sum(jnp.square(g)) for g in gradients]
        norm = jnp.sqrt(sum(squares))
        if self.clip_norm:
            scale = self.clip_norm / jnp.maximum(norm, self.clip_norm)
            gradients = [g * scale for g in gradients]
        trainable, optimizer = self.generator_optimizer.stateless_apply(
            state.optimizer, gradients, state.trainable
        )
        finite = jnp.isfinite(loss + norm)
        bad = 1 - finite.astype("int32")
        after = State(
            trainable,
            moving,
            optimizer,
            self._average(state, trainable, moving, optimizer),
            state.skipped,
            state.skipped_in_a_row,
        )
        after = jax.tree.map(
            lambda new, old: jnp.where(finite, new, old), after, state
        )._replace(
            skipped=state.skipped + bad,
            skipped_in_a_row=(state.skipped_in_a_row + bad) * bad,
        )
        logs = {
            "loss": loss,
            **logs,
            "generator_gradient_norm": norm,
            "skipped": bad,
            "learning_rate": self._of_optimizer(optimizer)[1],
        }
        return after, logs

    def _loss(self, trainable, moving, blurry, sharp):
        variables = self._variables()
        pairs = [
            *zip(variables.trainable, trainable, strict=True),
            *zip(variables.moving, moving, strict=True),
        ]
        with keras.StatelessScope(state_mapping=pairs) as scope:
            restored, terms = self.supervision(blurry, sharp)
        moving = [scope.get_current_value(v) for v in variables.moving]
        error = jnp.square(sharp - jnp.clip(restored, 0.0, 1.0))
        error = jnp.mean(error, axis=(1, 2, 3))
        psnr = jnp.mean(-10.0 * jnp.log10(error + 1e-10))
        return sum(terms.values()), (moving, {**terms, "psnr": psnr})

    def _average(self, state, trainable, moving, optimizer):
        heads = len(self.supervision.heads)
        current = trainable[: len(trainable) - heads] + moving
        steps = self._of_optimizer(optimizer)[0].astype("float32")
        decay = jnp.minimum(self.ema_decay, (1.0 + steps) / (10.0 + steps))
        return [
            average + (1.0 - decay) * (x - average)
            for average, x in zip(state.average, current, strict=True)
        ]

    def _of_optimizer(self, values):
        """(Number of steps, learning rate) at an optimizer's values."""
        optimizer = self.generator_optimizer
        pairs = zip(optimizer.variables, values, strict=True)
        with keras.StatelessScope(state_mapping=pairs):
            rate = jnp.asarray(optimizer.learning_rate)
            return optimizer.iterations.value, rate

    def restore(self, average: list, blurry) -> Any:
        """`(n, h, w, 3)` in [0, 1] to the same, float32 and clipped.

        Args:
            average: The running average of a state.
            blurry: The pictures.
        """
        averaged = self.averaged_generator
        count = len(averaged.trainable_variables)
        restored, _ = averaged.stateless_call(
            average[:count], average[count:], blurry, training=False
        )
        return restored

    def flops(self, crop_size: int) -> float:
        """Multiplications and additions of a training step for each crop.

        Three times those of the forward pass, as XLA counts them: the
        gradients by inputs and by weights cost one each.
        """
        crop = jax.ShapeDtypeStruct((1, crop_size, crop_size, 3), "float32")
        average = self._variables().average
        shapes = [jax.ShapeDtypeStruct(v.shape, "float32") for v in average]
        lowered = jax.jit(self.restore).lower(shapes, crop)
        return 3.0 * lowered.cost_analysis()["flops"]


def scanned_steps(
    training: ContentTraining,
    counts: Sequence[int],
    crop_size: int,
    steps: int,
    seed: int,
    candidates: int = 1,
) -> Callable:
    """Compiles many training steps into one call.

    Args:
        training: What a step does.
        counts: Crops of a batch from each kind of pictures.
        crop_size: Height and width of a crop.
        steps: In a call.
        seed: With a step's number it determines the step's crops.
        candidates: Of `draw_crops`.

    Returns:
        A function of a `State`, which it uses up, a list of `Pictures`, one
        of each kind, and the first step's number; it gives the state after
        and logs, each `(steps,)`.
    """

    def one(pictures, state, step):
        key = jax.random.fold_in(jax.random.key(seed), step)
        halves = []
        for kind, (some, count) in enumerate(
            zip(pictures, counts, strict=True)
        ):
            draws = draw_crops(
                jax.random.fold_in(key, kind),
                some,
                count,
                crop_size,
                candidates,
            )
            halves.append(cut_crops(some.pixels, draws, crop_size))
        blurry, sharp = (jnp.concatenate(x) for x in zip(*halves, strict=True))
        return training.update(state, blurry, sharp)

    @functools.partial(jax.jit, donate_argnums=0)
    def run(state, pictures, first):
        numbers = first + jnp.arange(steps)
        return lax.scan(functools.partial(one, pictures), state, numbers)

    return run
