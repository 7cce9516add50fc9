"""Ways up from a coarse scale: pixel shuffle and bilinear."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("sis_keras")
class DepthToSpace(keras.layers.Layer):
    """Pixel shuffle (Eq. 2): `(h, w, r*r*c)` to `(r*h, r*w, c)`."""

    def __init__(self, scale: int, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        sizes = [size and size * self.scale for size in sizes]
        return batch, *sizes, channels // self.scale**2

    def call(self, inputs):
        return ops.depth_to_space(inputs, self.scale)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("sis_keras")
class BilinearUpsample(keras.layers.Layer):
    """Bilinear upsampling by a whole factor, at any height and width.

    A resize with half-pixel centres. Sizes unknown when traced, which Keras's
    own resize refuses, take slices and sums instead: each of the `scale`
    phases of an axis is a fixed mean of a row and its neighbour.

    Input shape: `(batch, height, width, channels)`.
    Output shape: `(batch, scale * height, scale * width, channels)`.
    """

    def __init__(self, scale: int, **kwargs):
        super().__init__(**kwargs)
        self.scale = scale

    def compute_output_shape(self, input_shape):
        batch, *sizes, channels = input_shape
        sizes = [size and size * self.scale for size in sizes]
        return batch, *sizes, channels

    def call(self, inputs):
        _, *sizes, _ = ops.shape(inputs)
        if all(isinstance(size, int) for size in sizes):
            sizes = [size * self.scale for size in sizes]
            # TensorFlow resizes to float32 alone; left to cast back, Keras
            # would clip, which costs a training step more than the resize.
            x = ops.cast(inputs, "float32")
            x = ops.image.resize(x, sizes, data_format="channels_last")
            return ops.cast(x, self.compute_dtype)
        return self._stretch(self._stretch(inputs, 1), 2)

    def _stretch(self, x, axis):
        shape = list(ops.shape(x))
        size = shape[axis]

        def rows(x, start, count):
            # Not x[start:…]: on TensorFlow the gradient of `ops.slice` is
            # many times faster.
            starts, counts = [0, 0, 0, 0], list(shape)
            starts[axis], counts[axis] = start, count
            return ops.slice(x, starts, counts)

        edges = rows(x, 0, 1), rows(x, size - 1, 1)
        padded = ops.concatenate([edges[0], x, edges[1]], axis)
        before, after = rows(padded, 0, size), rows(padded, 2, size)
        phases = []
        for phase in range(self.scale):
            offset = (phase + 0.5) / self.scale - 0.5
            neighbour = before if offset < 0 else after
            phases.append(x * (1 - abs(offset)) + neighbour * abs(offset))
        shape[axis] = size * self.scale
        return ops.reshape(ops.stack(phases, axis + 1), shape)

    def get_config(self):
        return {**super().get_config(), "scale": self.scale}


@keras.saving.register_keras_serializable("sis_keras")
class ICNR(keras.initializers.Initializer):
    """Starts a pixel shuffle of `scale` as nearest-neighbour upsampling.

    Reference: Aitken et al., "Checkerboard artifact free sub-pixel
    convolution", arXiv:1707.02937.
    """

    def __init__(self, scale: int, seed: int):
        self.scale, self.seed = scale, seed

    def __call__(self, shape, dtype=None):
        copies = self.scale**2
        one = (*shape[:-1], shape[-1] // copies)
        kernel = keras.initializers.HeNormal(self.seed)(one, dtype)
        return ops.tile(kernel, (1, 1, 1, copies))

    def get_config(self):
        return {"scale": self.scale, "seed": self.seed}
