"""Muon for convolutions: momentum whose matrices are made orthogonal.

Reference:
    Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
    2024; the learning rate's scale is that of Liu et al., "Muon is scalable
    for LLM training", arXiv:2502.16982, so that Adam's rates fit.
"""

import collections
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
        # to trace, to optimize and to call than to compute.
        groups = collections.defaultdict(list)
        for gradient, variable in zip(grads, trainable_variables, strict=True):
            index = self._get_variable_index(variable)
            state = (self.momentums[index], self.adam_velocities[index])
            moved = [x for x in (variable, *state) if x is not None]
            kind = (
                tuple(variable.shape),
                self._rate_of(variable),
                index in self._biases,
                len(moved),
            )
            groups[kind].append((gradient, *moved))
        for (_, rate, is_bias, count), members in groups.items():
            gradients, *columns = zip(*members, strict=True)
            values = (ops.stack([x.value for x in y]) for y in columns)
            gradients, lr = ops.stack(gradients), learning_rate * rate
            if count == 3:
                values = self._adam_group(
                    gradients, *values, lr=lr, is_bias=is_bias
                )
            else:
                values = self._muon_group(gradients, *values, lr=lr)
            for column, value in zip(columns, values, strict=True):
                for variable, new in zip(
                    column, ops.unstack(value, len(column)), strict=True
                ):
                    self.assign(variable, new)

    def _muon_group(self, gradients, kernels, momenta, *, lr):
        """Kernels of one shape and their momenta, `(n, h, w, a, b)`, moved."""
        matrices = (kernels.shape[0], -1, kernels.shape[-1])
        momenta, updates = self._updates(
            ops.reshape(gradients, matrices), ops.reshape(momenta, matrices), lr
        )
        updates, momenta = (
            ops.reshape(x, kernels.shape) for x in (updates, momenta)
        )
        if self.weight_decay:
            updates = updates + kernels * (lr * self.weight_decay)
        return kernels - updates, momenta

    def _adam_group(
        self, gradients, values, momenta, velocities, *, lr, is_bias
    ):
        """Variables of one shape, `(n, …)`, by Keras's `_adamw_update_step`."""
        if is_bias:
            values = values - values * (lr * (self.weight_decay or 0.0))
            lr = lr * self.bias_rate
        step = ops.cast(self.iterations + 1, "float32")
        first, second = (
            1 - ops.power(beta, step)
            for beta in (self.adam_beta_1, self.adam_beta_2)
        )
        alpha = lr * self.adam_lr_ratio * ops.sqrt(second) / first
        momenta = momenta + (gradients - momenta) * (1 - self.adam_beta_1)
        velocities = velocities + (ops.square(gradients) - velocities) * (
            1 - self.adam_beta_2
        )
        updates = momenta * alpha / (ops.sqrt(velocities) + self.epsilon)
        return values - updates, momenta, velocities

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
