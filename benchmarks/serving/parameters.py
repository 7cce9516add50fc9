"""Reads what --batching_parameters_file takes.

tensorflow-serving-api has no class for it; the names and numbers are those of
tensorflow_serving/servables/tensorflow/session_bundle_config.proto.
"""

from google.protobuf import (
    descriptor_pb2,
    descriptor_pool,
    message_factory,
    text_format,
    wrappers_pb2,
)

NUMBERS = {
    "max_batch_size": 1,
    "batch_timeout_micros": 2,
    "max_enqueued_batches": 3,
    "num_batch_threads": 4,
    "max_execution_batch_size": 9,
}
FIELD = descriptor_pb2.FieldDescriptorProto


def _message_class():
    file = descriptor_pb2.FileDescriptorProto(
        name="session_bundle_config.proto",
        package="tensorflow.serving",
        syntax="proto3",
        dependency=[wrappers_pb2.DESCRIPTOR.name],
    )
    message = file.message_type.add(name="BatchingParameters")

    def add(name, number, kind, label=FIELD.LABEL_OPTIONAL):
        field = message.field.add(name=name, number=number, label=label)
        if isinstance(kind, str):
            field.type = FIELD.TYPE_MESSAGE
            field.type_name = f".google.protobuf.{kind}"
        else:
            field.type = kind

    for name, number in NUMBERS.items():
        add(name, number, "Int64Value")
    add("thread_pool_name", 5, "StringValue")
    add("allowed_batch_sizes", 6, FIELD.TYPE_INT64, FIELD.LABEL_REPEATED)
    add("pad_variable_length_inputs", 7, FIELD.TYPE_BOOL)
    add("enable_large_batch_splitting", 8, "BoolValue")
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName("tensorflow.serving.BatchingParameters")
    )


BatchingParameters = _message_class()


def parsed(text: str):
    """A BatchingParameters message.

    Raises:
        text_format.ParseError: The server would not start with the text.
    """
    return text_format.Parse(text, BatchingParameters())


def scheduler_arguments(parameters) -> dict:
    """Those of `tf.raw_ops.BatchFunction` that mean the same.

    Raises:
        ValueError: The stand-in has no such setting, or the server would not
            start with it.
    """
    most = parameters.max_batch_size.value
    at_once = parameters.max_execution_batch_size.value
    sizes = list(parameters.allowed_batch_sizes)
    missing = [x for x in NUMBERS if not parameters.HasField(x)]
    if missing or not parameters.enable_large_batch_splitting.value:
        raise ValueError(
            "Expected enable_large_batch_splitting and all of "
            f"{', '.join(NUMBERS)}. Received: none of {', '.join(missing)}."
        )
    if parameters.pad_variable_length_inputs:
        raise ValueError(
            "Expected no pad_variable_length_inputs. Received: true."
        )
    if sizes and (sizes != sorted(sizes) or sizes[-1] != most):
        raise ValueError(
            "Expected allowed_batch_sizes that rise to max_batch_size. "
            f"Received: {sizes}, {most}."
        )
    if not 1 <= at_once <= most:
        raise ValueError(
            "Expected max_execution_batch_size from 1 to max_batch_size. "
            f"Received: {at_once}, {most}."
        )
    # The function takes the last one for the most at once.
    sizes = [x for x in sizes if x < at_once] + [at_once]
    if not parameters.allowed_batch_sizes:
        sizes = list(range(1, at_once + 1))
    return {
        "num_batch_threads": parameters.num_batch_threads.value,
        "max_batch_size": most,
        "batch_timeout_micros": parameters.batch_timeout_micros.value,
        "allowed_batch_sizes": sizes,
        "max_enqueued_batches": parameters.max_enqueued_batches.value,
        "enable_large_batch_splitting": True,
    }
