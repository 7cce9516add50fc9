"""Algorithm 1, written again in NumPy."""

import numpy as np


def bilinear(x, scale):
    for axis in (1, 2):
        size = x.shape[axis]
        at = (np.arange(size * scale) + 0.5) / scale - 0.5
        at = np.clip(at, 0, size - 1)
        below = np.minimum(at.astype(int), max(size - 2, 0))
        above = np.minimum(below + 1, size - 1)
        part = (at - below).reshape((-1, 1, 1) if axis == 1 else (-1, 1))
        x = x.take(below, axis) * (1 - part) + x.take(above, axis) * part
    return x


def pixel_shuffle(x, scale):
    """Output pixel (y r + i, x r + j) is channels (i r + j) c ... of (y, x)."""
    n, h, w, channels = x.shape
    x = x.reshape(n, h, w, scale, scale, channels // scale**2)
    return x.transpose(0, 1, 3, 2, 4, 5).reshape(n, h * scale, w * scale, -1)


def conv_3x3(x, kernel, bias):
    """Between zeros."""
    _, height, width, _ = x.shape
    x = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    return bias + sum(
        x[:, i : i + height, j : j + width] @ kernel[i, j]
        for i in range(3)
        for j in range(3)
    )


class Recomputed:
    """The expanding path from a model's weights, in float64."""

    def __init__(self, model):
        self.model = model

    def weights(self, name):
        kernel, bias = self.model.get_layer(name).get_weights()
        return kernel.astype(np.float64), bias

    def conv_1x1(self, x, name):
        kernel, bias = self.weights(name)
        return x @ kernel[0, 0] + bias

    def conv_3x3(self, x, name):
        return conv_3x3(x, *self.weights(name))

    def fsconv(self, x, name):
        """Each input pixel adds its 4x4 footprint at stride 2; then ReLU."""
        kernel, bias = self.weights(name)
        n, h, w, _ = x.shape
        y = np.zeros((n, 2 * h + 2, 2 * w + 2, kernel.shape[2]))
        for i in range(4):
            for j in range(4):
                y[:, i : i + 2 * h : 2, j : j + 2 * w : 2] += x @ kernel[i, j].T
        return np.maximum(y[:, 1:-1, 1:-1] + bias, 0)

    def refined(self, k, x, count):
        """`count` blocks: two convolutions with a ReLU between them, and x."""
        for number in range(1, count + 1):
            name = f"block_{k}_{number}"
            inner = np.maximum(self.conv_3x3(x, f"{name}_first"), 0)
            x = x + self.conv_3x3(inner, f"{name}_second")
        return x

    def merged(self, k, maps, fusion):
        if fusion == "add" or len(maps) == 1:
            return sum(maps)
        return self.conv_1x1(np.concatenate(maps, axis=-1), f"merged_{k}")

    def before_tanh(
        self,
        scales,
        fusion="add",
        intermediate_path=True,
        info_box=True,
        residual_blocks=(0, 0, 0, 0),
    ):
        """`scales`: the trunk's maps at 1/2, 1/4, 1/8, 1/16, 1/32."""
        info_0 = self.conv_1x1(scales[4], "info_0")
        supplements = {k: [] for k in (1, 2, 3, 4)}
        for k in supplements:
            if info_box:
                x = self.conv_1x1(info_0, f"info_{k}_channels")
                supplements[k].append(pixel_shuffle(x, 2**k))
            if intermediate_path:
                x = self.conv_1x1(scales[4 - k], f"detail_{k}")
                supplements[k].append(x)
        previous = {1: self.fsconv(info_0, "previous_1")}
        for k in (1, 2, 3):
            x = self.merged(k, [previous[k], *supplements[k]], fusion)
            x = self.refined(k, x, residual_blocks[k - 1])
            previous[k + 1] = self.fsconv(x, f"previous_{k + 1}")
        smooth = previous[4] + sum(
            bilinear(previous[k], 2 ** (4 - k)) for k in (1, 2, 3)
        )
        smooth = np.maximum(self.conv_3x3(smooth, "previous_smooth"), 0)
        x = self.merged(4, [smooth, *supplements[4]], fusion)
        x = self.refined(4, x, residual_blocks[3])
        return self.conv_3x3(self.fsconv(x, "expanded"), "to_rgb")
