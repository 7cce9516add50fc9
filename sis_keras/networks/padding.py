"""Pictures of any size to multiples of the coarsest scale."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("sis_keras")
class ReflectPad(keras.layers.Layer):
    """Reflects the lower and right edges up to a multiple of `multiple`.

    Any size works, 1x1 included: the reflection repeats as often as needed
    and equals `np.pad(mode="reflect")`. An unknown size takes an index gather;
    a known one rows and concatenation, which phones' accelerators can do.

    Input shape: `(batch, height, width, channels)`.
    Output shape: the same, height and width rounded up.
    """

    def __init__(self, multiple: int, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, self._padded(height), self._padded(width), channels

    def call(self, inputs):
        return self._pad_axis(self._pad_axis(inputs, 1), 2)

    def _padded(self, size):
        if size is None:
            return None
        return (size + self.multiple - 1) // self.multiple * self.multiple

    def _pad_axis(self, x, axis):
        size = x.shape[axis]
        if size is not None:
            return self._pad_known(x, axis, size)
        size = ops.shape(x)[axis]
        period = ops.maximum(2 * size - 2, 1)
        index = ops.arange(size, self._padded(size), dtype="int32") % period
        edge = ops.take(x, ops.minimum(index, period - index), axis=axis)
        return ops.concatenate([x, edge], axis)

    def _pad_known(self, x, axis, size):
        if size % self.multiple == 0:
            return x
        period = max(2 * size - 2, 1)
        rows = []
        for index in range(size, self._padded(size)):
            row = min(index % period, period - index % period)
            rows.append(x[(slice(None),) * axis + (slice(row, row + 1),)])
        # Accelerators concatenate at most five tensors at once.
        while len(rows) > 1:
            starts = range(0, len(rows), 4)
            rows = [ops.concatenate(rows[i : i + 4], axis) for i in starts]
        return ops.concatenate([x, *rows], axis)

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}
