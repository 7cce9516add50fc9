"""The game: one generator against two discriminators (paper III-B, III-C)."""

import keras
import tensorflow as tf

from sis_keras.training.accumulation import accumulated_gradients
from sis_keras.training.adversarial import ADVERSARIAL
from sis_keras.training.descent import descend, follow
from sis_keras.training.game import (
    finite_everywhere,
    game_value,
    gradient_penalty,
    mean_psnr,
    put_back,
    score_pair,
    told_apart,
    views,
)
from sis_keras.training.supervision import Supervision


class DeblurringGAN(keras.Model):
    """A generator, its running average, and at most two discriminators.

    Args:
        generator: Blurry to restored; see `build_generator`.
        averaged_generator: Of the same structure; holds the exponential
            moving average of the generator's variables, and is the product.
        global_discriminator: Sees whole images; None plays no game.
        local_discriminator: Sees a random square of half their side.
        adversarial: A key of `ADVERSARIAL`, or "none".
        adversarial_weight: tau_3 of Eq. 7.
        gradient_penalty_weight: For "wgan-gp".
        content: Keyword arguments of `content_terms`.
        coarse_weight: Of the coarse scales; see `Supervision`.
        ema_decay: Of the average, approached as training warms up.
        clip_norm: Global norm that gradients are clipped to; 0 is off.
        recompute: Of `Supervision`.
        accumulation: Parts of a batch; see `accumulated_gradients`.
    """

    def __init__(
        self,
        generator: keras.Model,
        averaged_generator: keras.Model,
        global_discriminator: keras.Model | None = None,
        local_discriminator: keras.Model | None = None,
        adversarial: str = "none",
        adversarial_weight: float = 0.01,
        gradient_penalty_weight: float = 10.0,
        content: dict | None = None,
        coarse_weight: float = 0.0,
        ema_decay: float = 0.999,
        clip_norm: float = 0.0,
        recompute: bool = False,
        accumulation: int = 1,
    ):
        super().__init__()
        self.generator = generator
        self.averaged_generator = averaged_generator
        self.averaged_generator.trainable = False
        self.global_discriminator = global_discriminator
        self.local_discriminator = local_discriminator
        self.plays = adversarial != "none"
        if self.plays:
            self.discriminator_game, self.generator_game = ADVERSARIAL[
                adversarial
            ]
        self.penalized = adversarial == "wgan-gp"
        self.adversarial_weight = adversarial_weight
        self.gradient_penalty_weight = gradient_penalty_weight
        self.supervision = Supervision(
            generator, content or {}, coarse_weight, recompute
        )
        self.accumulation = accumulation
        self.ema_decay = ema_decay
        self.clip_norm = clip_norm
        count = {"initializer": "zeros", "dtype": "int64", "trainable": False}
        self.skipped = self.add_weight(name="skipped", **count)
        self.skipped_in_a_row = self.add_weight(name="in_a_row", **count)
        self.built = True

    @property
    def discriminators(self) -> list[keras.Model]:
        """Global, then local; empty without a game."""
        both = [self.global_discriminator, self.local_discriminator]
        return both if self.plays else []

    def compile(
        self,
        generator_optimizer: keras.Optimizer,
        discriminator_optimizer: keras.Optimizer | None = None,
    ) -> None:
        """Takes both optimizers and builds each on its own networks.

        An optimizer that is not built when a checkpoint is restored would
        silently lose its state.
        """
        super().compile(optimizer=None)
        self.generator_optimizer = generator_optimizer
        self.generator_optimizer.build(self.supervision.trainable_variables)
        self.discriminator_optimizer: keras.Optimizer = discriminator_optimizer
        if self.plays:
            discriminator_optimizer.build(self._discriminator_variables())  # type: ignore[union-attr]  # A game has one.

    def _discriminator_variables(self):
        return [v for d in self.discriminators for v in d.trainable_variables]

    # === One step ===

    def train_step(self, batch: dict) -> dict:
        """Updates both discriminators, then the generator, then its average.

        A step with any value that is not finite leaves every variable as it
        was, and is counted.

        Args:
            batch: `blurry` and `sharp`, float32 `(n, h, w, 3)` in [0, 1];
                `local_origin`, int32 `(n, 2)`.

        Returns:
            Scalars: each weighted loss term as it enters the sum, mean
            scores, PSNR, gradient norms, `skipped`.
        """
        alone = self._is_alone()
        # What moves before the condition is known: batch averages, or all.
        guarded = (
            self.generator.non_trainable_variables
            if alone
            else self._guarded_variables()
        )
        before = [tf.identity(v.value) for v in guarded]

        gradients, logs = accumulated_gradients(self, batch)
        if alone:
            norm = tf.linalg.global_norm(gradients)
            finite = tf.math.is_finite(logs["loss"] + norm)
            tf.cond(
                finite,
                lambda: self._update(gradients, norm),
                lambda: put_back(guarded, before),
            )
        else:
            norm = self._update(gradients)

        logs["generator_gradient_norm"] = norm
        if alone:
            self._count(~finite)
        else:
            finite = self._keep_if_finite(guarded, before, logs)
        return {**logs, "skipped": 1.0 - tf.cast(finite, tf.float32)}

    def generator_gradients(self, batch: dict, meet: bool = True) -> tuple:
        """Gradients of `supervision.trainable_variables`, and logs.

        Args:
            batch: Of `train_step`.
            meet: Whether the discriminators take their step in between.
        """
        blurry, sharp = batch["blurry"], batch["sharp"]
        logs: dict = {}
        with tf.GradientTape() as tape:
            restored, terms = self.supervision(blurry, sharp)
            if self.plays:
                real = views(sharp, batch["local_origin"])
                fake = views(restored, batch["local_origin"])
                if meet:
                    with tape.stop_recording():
                        found = self._gradients_of_discriminators(real, fake)
                        logs |= self.move_discriminators(*found)
                value = game_value(
                    self.generator_game, self.discriminators, real, fake
                )
                terms["adversarial"] = self.adversarial_weight * value
                logs["blurred_psnr"] = mean_psnr(sharp, blurry)
            loss = tf.add_n(list(terms.values()))
            scaled_loss = self.generator_optimizer.scale_loss(loss)
        variables = self.supervision.trainable_variables
        gradients = tape.gradient(scaled_loss, variables)
        psnr = mean_psnr(sharp, restored)
        return gradients, {**logs, "loss": loss, **terms, "psnr": psnr}

    def _update(self, gradients, norm=None):
        """Moves the generator and its average; gives the gradients' norm."""
        norm = descend(
            self.generator_optimizer,
            self.supervision.trainable_variables,
            gradients,
            self.clip_norm,
            norm,
        )
        follow(
            self.averaged_generator.variables,
            self.generator.variables,
            self.generator_optimizer.iterations.value,
            self.ema_decay,
        )
        return norm

    def _is_alone(self):
        """Whether one condition can guard the step as a whole.

        With a game half of a step is done before the other half is known to
        be finite; replicas must agree; float16 counts in its own way.
        """
        return not (
            self.plays or tf.distribute.has_strategy() or self._scales()
        )

    def _scales(self):
        """Whether float16's loss is scaled."""
        return hasattr(self.generator_optimizer, "inner_optimizer")

    def discriminator_gradients(self, batch: dict, part) -> tuple:
        """Of both discriminators' variables, and logs; for a part's number."""
        restored, _ = self.supervision(batch["blurry"], batch["sharp"])
        real, fake = (
            views(image, batch["local_origin"])
            for image in (batch["sharp"], restored)
        )
        return self._gradients_of_discriminators(real, fake, part)

    def move_discriminators(self, gradients: list, logs: dict) -> dict:
        """One step of both; gives the logs and the gradients' norm."""
        norm = descend(
            self.discriminator_optimizer,
            self._discriminator_variables(),
            gradients,
            self.clip_norm,
        )
        return {**logs, "discriminator_gradient_norm": norm}

    def _gradients_of_discriminators(self, real, fake, part=0):
        """Their losses are averaged (as DeblurGAN-v2)."""
        fake = [tf.stop_gradient(view) for view in fake]
        logs, values = {}, []
        with tf.GradientTape() as tape:
            for name, discriminator, x, y in zip(
                ("global", "local"),
                self.discriminators,
                real,
                fake,
                strict=True,
            ):
                scores, means = score_pair(discriminator, x, y)
                value = self.discriminator_game(*scores, *means)
                if self.penalized:
                    step = self.discriminator_optimizer.iterations.value
                    penalty = gradient_penalty(discriminator, x, y, step, part)
                    value += self.gradient_penalty_weight * penalty
                values.append(value)
                logs[f"{name}_real_score"] = means[0]
                logs[f"{name}_fake_score"] = means[1]
                logs[f"{name}_told_apart"] = told_apart(scores)
            loss = tf.add_n(values) / len(values)
            scaled_loss = self.discriminator_optimizer.scale_loss(loss)
        gradients = tape.gradient(scaled_loss, self._discriminator_variables())
        return gradients, {"discriminator_loss": loss, **logs}

    # === The guard ===

    def _guarded_variables(self):
        """All that a bad step must not change; not float16's loss scales."""
        optimizers = [self.generator_optimizer]
        if self.plays:
            optimizers.append(self.discriminator_optimizer)
        networks = [
            self.generator,
            self.averaged_generator,
            *self.discriminators,
        ]
        return self.supervision.heads + [
            variable
            for owner in networks
            + [getattr(x, "inner_optimizer", x) for x in optimizers]
            for variable in owner.variables
        ]

    def _keep_if_finite(self, guarded, before, logs):
        """Puts `before` back where a loss or a gradient is not finite."""
        finite = finite_everywhere(tf.add_n(list(logs.values())))
        for variable, old in zip(guarded, before, strict=True):
            variable.assign(tf.where(finite, variable.value, old))
        bad = ~finite
        if self._scales():
            # float16 finds its loss scale by overflowing: that is no mistake
            # until nothing is left to scale.
            exhausted = self.generator_optimizer.dynamic_scale.value < 1.0
            bad = ~finite_everywhere(logs["loss"]) | (bad & exhausted)
        self._count(bad)
        return finite

    def _count(self, bad):
        """One more step that was skipped, or the end of a row of them."""
        bad = tf.cast(bad, tf.int64)
        self.skipped.assign_add(bad)
        self.skipped_in_a_row.assign((self.skipped_in_a_row.value + bad) * bad)
