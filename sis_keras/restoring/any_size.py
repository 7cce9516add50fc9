"""A LiteRT file at any size: the released weights where TensorFlow is not."""

import copy
import pathlib
from collections.abc import Sequence

import numpy as np

from sis_keras.optional import optional_package
from sis_keras.restoring import tiles
from sis_keras.restoring.litert import Network, checked_metadata


def resized(content: bytes, old: Sequence[int], new: Sequence[int]) -> bytes:
    """The file that `write_litert` makes of the same weights for another size.

    Sizes stand in two places: in the shapes of what is computed, and in
    constants of the operators that make something larger or cut it out.

    Args:
        content: Of the file.
        old: `(height, width)` of its pictures, multiples of 32.
        new: The same of the result's.
    """
    schema = optional_package("ai_edge_litert.schema_py_generated", "phones")
    # Operators: the input that is a size, and where in it the height stands.
    kinds = schema.BuiltinOperator
    sized = {
        kinds.RESIZE_BILINEAR: (1, 0),
        kinds.TRANSPOSE_CONV: (0, 1),
        kinds.STRIDED_SLICE: (2, 1),
    }
    changed = bytearray(content)
    model = schema.Model.GetRootAs(changed, 0)
    graph = model.Subgraphs(0)
    views = []
    for number in range(graph.OperatorsLength()):
        step = graph.Operators(number)
        kind = model.OperatorCodes(step.OpcodeIndex()).BuiltinCode()
        if kind in sized:
            place, first = sized[kind]
            buffer = model.Buffers(graph.Tensors(step.Inputs(place)).Buffer())
            numbers = buffer.DataAsNumpy().view(np.int32)
            views.append(numbers[first : first + 2])
    for number in range(graph.TensorsLength()):
        tensor = graph.Tensors(number)
        is_constant = model.Buffers(tensor.Buffer()).DataLength()
        if tensor.ShapeLength() == 4 and not is_constant:
            views.append(tensor.ShapeAsNumpy()[1:3])
    # Operators share constants.
    for sides in {view.ctypes.data: view for view in views}.values():
        sides[:] = sides * np.array(new) // np.array(old)
    return bytes(changed)


class AnySizeRestorer:
    """A LiteRT file as one callable that restores whole pictures.

    Args:
        path: Of a file for sides that are multiples of 32.
        name: What to call it in a report; by default that of the file.

    Attributes:
        metadata: What `export.litert.write` wrote into it.
        precision: Of its arithmetic, in words.

    Raises:
        UserError: The file is damaged, or LiteRT is not installed.
    """

    def __init__(self, path: pathlib.Path, name: str = ""):
        self._content = path.read_bytes()
        self.name = name or path.name
        self.metadata = checked_metadata(path, self._content)
        self.precision = f"LiteRT, quantize={self.metadata.get('quantize')}"
        self._network: Network | None = None

    def twin(self) -> "AnySizeRestorer":
        """Another of the same file, for pictures of another size."""
        made = copy.copy(self)
        made._network = None
        return made

    def __call__(self, blurry: np.ndarray) -> np.ndarray:
        """float32 `(n, h, w, 3)` in [0, 1] to the same, clipped."""
        height, width = map(tiles.rounded_up, blurry.shape[1:3])
        if self._network is None or self._network.size != (height, width):
            self._network = None  # Its memory is wanted.
            content = resized(
                self._content, self.metadata["size"], (height, width)
            )
            self._network = Network(content, (height, width))
        return np.stack([self._network(picture) for picture in blurry])
