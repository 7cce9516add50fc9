"""Released weights as a LiteRT file among them, for use without TensorFlow."""

import pathlib
import tempfile

from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError
from sis_keras.export.litert.write import write_litert
from sis_keras.export.release import put
from sis_keras.weights import released

# Of what is compared with Keras; `restoring.any_size` makes it any other.
SIDE = 256
# The smallest, and nearer to Keras than int8.
QUANTIZE = "dynamic"


def release_litert(name: str = released.DEFAULT_WEIGHTS) -> dict:
    """Writes the file and its part of the manifest.

    Args:
        name: Of the released weights.

    Returns:
        The part, `litert` of the entry.

    Raises:
        UserError: No weights are released under that name; the file is too
            far from Keras, or too large beside the others.
    """
    entries = released.manifest()
    if name not in entries:
        raise UserError(
            f"Expected released weights ({', '.join(entries)}). Received: "
            f"{name}. Release them first."
        )
    pairs = open_source("skimage:test")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, f"{name}{released.LITERT_SUFFIX}")
        write_litert(name, path, SIDE, SIDE, QUANTIZE, "float32", pairs, pairs)
        data = path.read_bytes()
    found = released.fingerprint(data)
    file = f"{name}-{found['sha256'][:8]}{released.LITERT_SUFFIX}"
    part = {"file": file, "of": entries[name]["sha256"], **found}
    put(name, entries[name] | {"litert": part}, file, data)
    return part
