"""A SavedModel as TensorFlow Serving holds it; wants no code of ours."""

import tensorflow as tf


class Model:
    """A SavedModel in a session, as the server has it.

    Attributes:
        signatures: Their definitions, by name.
        inputs: Their one input's name, by theirs.
    """

    def __init__(self, folder):
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            loaded = tf.compat.v1.saved_model.loader.load(
                self.session, ["serve"], str(folder)
            )
        self.signatures = loaded.signature_def
        self.inputs = {
            name: next(iter(signature.inputs))
            for name, signature in self.signatures.items()
            if signature.inputs
        }

    def __call__(self, name, inputs):
        """Arrays by name to arrays by name."""
        signature = self.signatures[name or "serving_default"]
        outputs = {key: info.name for key, info in signature.outputs.items()}
        feed = {
            signature.inputs[key].name: value for key, value in inputs.items()
        }
        return self.session.run(outputs, feed)
