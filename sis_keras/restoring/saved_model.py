"""An exported SavedModel as one callable, without Keras."""

import json
import pathlib

import numpy as np
import tensorflow as tf

from sis_keras.errors import UserError
from sis_keras.weights.card import CARD

SIGNATURE = "predict_float"


class SavedModelRestorer:
    """Calls the network of a SavedModel, in float32, at any size.

    Args:
        folder: What `write_saved_model` wrote, the version in its path.

    Attributes:
        name: Its last two parts, such as "sisnet/1".
        metadata: `arguments` and `card` of the weights.
        precision: Of its arithmetic, in words.

    Raises:
        UserError: The folder is missing, damaged, or of another program.
    """

    precision = "float32"

    def __init__(self, folder: str | pathlib.Path):
        folder = pathlib.Path(folder)
        if not (folder / "saved_model.pb").is_file():
            raise UserError(
                "Expected the folder of a SavedModel, with its version, such "
                f"as export/sisnet/1. Received: {folder}, which holds no "
                "saved_model.pb."
            )
        self.name = "/".join(folder.absolute().parts[-2:])
        try:
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
            self.metadata = {key: card[key] for key in ("arguments", "card")}
            # The signature alone does not keep the weights alive.
            self._loaded = tf.saved_model.load(str(folder))
            self._call = self._loaded.signatures[SIGNATURE]
        # Damaged files make TensorFlow raise whatever there is.
        except Exception as error:
            raise UserError(
                "Expected a whole SavedModel that export.py wrote. Received: "
                f"{folder}, which does not load. Export it again."
            ) from error

    def __call__(self, blurry: np.ndarray) -> np.ndarray:
        """float32 `(n, h, w, 3)` in [0, 1] to the same, clipped."""
        return self._call(images=tf.constant(blurry))["restored"].numpy()
