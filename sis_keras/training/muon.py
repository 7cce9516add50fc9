"""Muon for convolutions: momentum whose matrices are made orthogonal.

Reference:
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
    2024; the learning rate's scale is that of Liu et al., "Muon is scalable
    for LLM training", arXiv:2502.16982, so that Adam's rates fit.
"""

import collections
import math
import re

import keras
from keras import ops

# The output layer, as Muon's authors advise; and the info-box, whose wide
# matrices cost more to make orthogonal than the rest of a step.
BY_ADAM = ("to_rgb", "info_._channels")
TRUNK = "trunk_"


@keras.saving.register_keras_serializable("sis_keras")
class ConvMuon(keras.optimizers.Muon):
    """Keras's Muon, on 4-D kernels instead of matrices.

    A kernel `(height, width, a, b)` is taken as the matrix `(height * width *
    a, b)`: from a patch to an output pixel, or, of a transposed convolution,
    from an input pixel to a patch. The layers of `exclude_layers` (regular
    expressions of variables' paths) get Adam at the same rate. So do biases,
    at `bias_rate` of it and decayed as kernels are: a bias that moves as far
    as what it is added to is large (0.002 at 1/32 of the scale) leaves a ReLU
    that is never above zero, for good; within some thousand steps most of a
    network dies of that.

    Args:
        learning_rate: A float or a schedule.
        exclude_layers: See above.
        bias_rate: Of biases, times `learning_rate`.
        trunk_rate: Of the extracting path's variables, times `learning_rate`:
            one that begins with ImageNet's weights keeps more of them.
        orthogonal_dtype: What the matrices are made orthogonal in; Muon's
            authors take "bfloat16".
        **kwargs: Of `keras.optimizers.Muon`; no weight decay unless given.
            Muon's steps do not shrink with the gradient: without decay,
            layers that matter little grow all the while.
    """

    def __init__(
        self,
        learning_rate=1e-3,
        exclude_layers=BY_ADAM,
        orthogonal_dtype="float32",
        bias_rate=0.01,
        trunk_rate=1.0,
        **kwargs,
    ):
        none = {"weight_decay": 0.0, "adam_weight_decay": 0.0}
        super().__init__(
            learning_rate, exclude_layers=exclude_layers, **{**none, **kwargs}
        )
        self.orthogonal_dtype = orthogonal_dtype
        self.bias_rate = bias_rate
        self.trunk_rate = trunk_rate

    def _should_use_adamw(self, variable):
        return len(variable.shape) != 4 or any(
            re.search(pattern, variable.path) for pattern in self.exclude_layers
        )

    def build(self, variables):
        super().build(variables)
        # A strategy's variables, which updates are given, are named otherwise.
        self._biases = {
            self._get_variable_index(variable)
            for variable in variables
            if variable.name == "bias"
        }
        self._trunk = {
            self._get_variable_index(variable)
            for variable in variables
            if TRUNK in variable.path
        }

    def _rate_of(self, variable):
        """Of its learning rate."""
        slow = self._get_variable_index(variable) in self._trunk
        return self.trunk_rate if slow else 1.0

    def update_step(self, gradient, variable, learning_rate):
        learning_rate = learning_rate * self._rate_of(variable)
        index = self._get_variable_index(variable)
        is_bias = index in self._biases
        is_matrix = self.adam_velocities[index] is None
        if self.weight_decay and (is_bias or is_matrix):
            decay = learning_rate * self.weight_decay
            self.assign_sub(variable, variable * decay)
        if is_bias:
            learning_rate = learning_rate * self.bias_rate
        super().update_step(gradient, variable, learning_rate)

    def _apply_weight_decay(self, variables):
        """Of what gets Adam; kernels decay as they move, at their own rate."""
        if self.adam_weight_decay:
            super()._apply_weight_decay(
                [x for x in variables if self._should_use_adamw(x)]
            )

    def _by_itself(self):
        """Whether each variable is updated alone, as a strategy wants it."""
        strategy = getattr(self, "_distribution_strategy", None)
        return strategy is not None and strategy.num_replicas_in_sync > 1

    def _backend_update_step(self, grads, trainable_variables, learning_rate):
        if self._by_itself():
            super()._backend_update_step(
                grads, trainable_variables, learning_rate
            )
            return
        # Variables of one shape at once: so many small operations take longer
        # to call than to compute.
        groups = collections.defaultdict(list)
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            index = self._get_variable_index(variable)
            if self.adam_velocities[index] is not None:
                self.update_step(gradient, variable, learning_rate)
                continue
            *patch, outputs = variable.shape
            member = (gradient, variable, self.momentums[index])
            rate = self._rate_of(variable)
            groups[(math.prod(patch), outputs), rate].append(member)
        for (shape, rate), members in groups.items():
            self._muon_group(shape, members, learning_rate * rate)

    def _muon_group(self, shape, members, lr):
        """Kernels that make matrices of one shape."""
        gradients, kernels, momenta = (
            ops.stack([ops.reshape(x, shape) for x in column])
            for column in zip(*members, strict=True)
        )
        momenta, updates = self._updates(gradients, momenta, lr)
        if self.weight_decay:
            updates = updates + kernels * (lr * self.weight_decay)
        kernels = kernels - updates
        for place, (_, variable, momentum) in enumerate(members):
            self.assign(variable, ops.reshape(kernels[place], variable.shape))
            self.assign(momentum, ops.reshape(momenta[place], variable.shape))

    def _updates(self, gradients, momenta, lr):
        """Matrices `(n, rows, columns)` to their momenta and steps."""
        momenta = self.momentum * momenta + gradients
        g = gradients + self.momentum * momenta if self.nesterov else momenta
        x = ops.cast(g, self.orthogonal_dtype)
        x = self.zeropower_via_newtonschulz5(x, self.ns_steps)
        # As `lr_adjust`, which takes one matrix.
        scale = max(x.shape[1:]) ** 0.5 * self.rms_rate
        return momenta, ops.cast(x, "float32") * (lr * scale)

    def _muon_update_step(self, gradient, variable, lr, m):
        shape = (1, -1, variable.shape[-1])
        gradient, momentum = (ops.reshape(x, shape) for x in (gradient, m))
        momentum, update = self._updates(gradient, momentum, lr)
        self.assign(m, ops.reshape(momentum, variable.shape))
        self.assign_sub(variable, ops.reshape(update, variable.shape))

    def get_config(self):
        return {
            **super().get_config(),
            "orthogonal_dtype": self.orthogonal_dtype,
            "bias_rate": self.bias_rate,
            "trunk_rate": self.trunk_rate,
        }
