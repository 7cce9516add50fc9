"""A SavedModel behind the batch scheduler that the server has, too."""

import tensorflow as tf

from benchmarks.serving.parameters import scheduler_arguments


class BatchedModel:
    """Joins the requests of many threads by a BatchingParameters message.

    TensorFlow's `SharedBatchScheduler` queues, joins, splits and refuses, and
    is what TensorFlow Serving uses; here each signature has one of its own
    with `num_batch_threads`, there all signatures share one.

    Args:
        folder: Of the SavedModel.
        parameters: A message of `parameters.py`.

    Attributes:
        inputs: Its one input's name, by signature.
    """

    def __init__(self, folder, parameters):
        # The signatures alone do not keep the weights alive.
        self._loaded = tf.saved_model.load(str(folder))
        arguments = scheduler_arguments(parameters)
        self.inputs, self._calls = {}, {}
        for name, signature in self._loaded.signatures.items():
            ((key, kind),) = signature.structured_input_signature[1].items()
            self.inputs[name] = key
            self._calls[name] = _batched(name, signature, key, kind, arguments)

    def __call__(self, name, inputs):
        """Arrays by name to arrays by name.

        Raises:
            tf.errors.UnavailableError: The queue is full.
            tf.errors.InvalidArgumentError: The request is too large, or a
                picture of its batch is bad.
        """
        name = name or "serving_default"
        answer = self._calls[name](tf.constant(inputs[self.inputs[name]]))
        return {key: value.numpy() for key, value in answer.items()}


def _batched(name, signature, key, kind, arguments):
    """A function of one tensor, called eagerly, so that errors are short."""

    @tf.function(input_signature=[kind], autograph=False)
    def joined(value):
        return signature(**{key: value})

    function = joined.get_concrete_function()
    (result,) = function.structured_outputs

    def call(value):
        (answer,) = tf.raw_ops.BatchFunction(
            in_tensors=[value],
            captured_tensors=function.captured_inputs,
            f=function,
            Tout=[x.dtype for x in function.outputs],
            shared_name=name,  # A queue for each.
            container=str(id(function)),  # Of this model.
            **arguments,
        )
        return {result: answer}

    return call
