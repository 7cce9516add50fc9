"""What a generator is trained on without a game: content, at every scale."""

import functools

import keras
from keras import ops

from sis_keras.networks.passes import STEPS, steps_of
from sis_keras.training.losses import content_terms
from sis_keras.training.recomputation import Recomputed


class Supervision:
    """The content loss of a generator and, in training only, of its path.

    Differs from paper: each step s of the expanding path (of several passes,
    of the last one) gets a head, a 3x3 convolution that starts at zero, and
    the loss a term

        coarse_weight * L(mean_s(sharp), mean_s(blurry) + tanh(head_s) / 2)

    where mean_s averages squares of s pixels and L is the content and the
    frequency term, no others. So the deep scales learn from the first step on
    what they are for. The product does not hold the heads. Deep supervision:
    Lee et al., AISTATS 2015; in deblurring, Nah et al., CVPR 2017.

    Args:
        generator: Blurry to restored; see `build_generator`.
        content: Keyword arguments of `content_terms`.
        coarse_weight: Of the terms of each coarse scale; 0 has no heads.
        recompute: See `Recomputed`; on TensorFlow alone.
    """

    def __init__(
        self,
        generator: keras.Model,
        content: dict,
        coarse_weight: float = 0.0,
        recompute: bool = False,
    ):
        self.generator, self.content = generator, content
        self.coarse_weight = coarse_weight
        self.coarse_content = {
            key: value
            for key, value in content.items()
            if key in ("content", "content_weight", "frequency_weight")
        }
        self.scales = tuple(STEPS) if coarse_weight else ()
        # "to_rgb", as the optimizer treats the generator's own last layer.
        heads = {
            scale: keras.layers.Conv2D(
                3,
                3,
                padding="same",
                kernel_initializer="zeros",
                dtype="float32",
                name=f"to_rgb_{scale}",
            )
            for scale in self.scales
        }
        steps = steps_of(generator) if heads else {}
        coarse = [heads[scale](steps[scale]) for scale in self.scales]
        model = keras.Model(generator.input, [generator.output, *coarse])
        self.recomputed = Recomputed(model) if recompute else None
        self._forward = self.recomputed or functools.partial(
            model, training=True
        )
        self.heads = [
            variable
            for head in heads.values()
            for variable in head.trainable_variables
        ]

    @property
    def trainable_variables(self) -> list:
        """The generator's, then the heads'."""
        return self.generator.trainable_variables + self.heads

    def __call__(self, blurry, sharp):
        """Restores in training mode, and compares.

        Args:
            blurry, sharp: float32 `(n, h, w, 3)` in [0, 1].

        Returns:
            The restored images, not clipped, and each weighted term by name.
        """
        # A list of one output comes back as a tensor.
        restored, *coarse = keras.tree.flatten(self._forward(blurry))
        terms = content_terms(sharp, restored, **self.content)
        for scale, x in zip(self.scales, coarse, strict=True):
            small_blurry, small_sharp = (
                ops.average_pool(image, scale, scale, "valid")
                for image in (blurry, sharp)
            )
            _, height, width, _ = ops.shape(small_sharp)
            residual = ops.tanh(x[:, :height, :width]) / 2
            found = content_terms(
                small_sharp, small_blurry + residual, **self.coarse_content
            )
            value = sum(found.values())
            terms[f"coarse_{scale}"] = self.coarse_weight * value
        return restored, terms
