"""Muon for convolutions: momentum whose matrices are made orthogonal.

Reference:
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
    2024; the learning rate's scale is that of Liu et al., "Muon is scalable
    for LLM training", arXiv:2502.16982, so that Adam's rates fit.
"""

import re

import keras
from keras import ops

# The output layer, as Muon's authors advise; and the info-box, whose wide
# matrices cost more to make orthogonal than the rest of a step.
BY_ADAM = ("to_rgb", "info_._channels")


@keras.saving.register_keras_serializable("sis_keras")
class ConvMuon(keras.optimizers.Muon):
    """Keras's Muon, on 4-D kernels instead of matrices.

    A kernel `(height, width, a, b)` is taken as the matrix `(height * width *
    a, b)`: from a patch to an output pixel, or, of a transposed convolution,
    from an input pixel to a patch. Biases and the layers of `exclude_layers`
    (regular expressions of variables' paths) get Adam at the same rate.

    Args:
        learning_rate: A float or a schedule.
        exclude_layers: See above.
        **kwargs: Of `keras.optimizers.Muon`; no weight decay unless given.
            Muon's steps do not shrink with the gradient: without decay,
            layers that matter little grow all the while.
    """

    def __init__(self, learning_rate=1e-3, exclude_layers=BY_ADAM, **kwargs):
        none = {"weight_decay": 0.0, "adam_weight_decay": 0.0}
        super().__init__(
            learning_rate, exclude_layers=exclude_layers, **{**none, **kwargs}
        )

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4 or any(
            re.search(pattern, variable.path) for pattern in self.exclude_layers
        )

    def _muon_update_step(self, gradient, variable, lr, m):
        self.assign(m, self.momentum * m + gradient)
        g = gradient + self.momentum * m if self.nesterov else m
        matrix = ops.reshape(g, (-1, variable.shape[-1]))
        update = self.zeropower_via_newtonschulz5(matrix, self.ns_steps)
        update = ops.reshape(self.lr_adjust(lr * update), variable.shape)
        self.assign_sub(variable, update)
