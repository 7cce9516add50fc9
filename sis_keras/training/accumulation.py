"""A batch in parts, one after another: the memory of a part alone."""

from collections.abc import Callable

import tensorflow as tf

from sis_keras.training.game import put_back


def accumulated_gradients(gan, batch: dict) -> tuple:
    """What `DeblurringGAN.generator_gradients` gives, in less memory.

    Means over `gan.accumulation` parts of a batch, which are those of the
    whole where a loss is a mean over pictures. Batch statistics and the
    relativistic game's means are each part's own. The discriminators see all
    parts before they move, and the generator meets them afterwards, as it
    does without parts; for that its pictures are computed twice.

    Args:
        gan: A compiled `DeblurringGAN` on one device.
        batch: Of its `train_step`; a multiple of the parts in number.

    Returns:
        The gradients of `supervision.trainable_variables`, and logs.
    """
    parts, logs = gan.accumulation, {}
    if parts == 1:
        return gan.generator_gradients(batch)
    if gan.plays:
        # Batch averages move when the generator's own gradient is computed.
        averages = gan.generator.non_trainable_variables
        before = [tf.identity(v.value) for v in averages]
        found = mean_over_parts(gan.discriminator_gradients, batch, parts)
        put_back(averages, before)
        logs = gan.move_discriminators(*found)

    def of_generator(part, number):
        del number
        return gan.generator_gradients(part, meet=False)

    gradients, terms = mean_over_parts(of_generator, batch, parts)
    return gradients, {**logs, **terms}


def mean_over_parts(function: Callable, batch: dict, parts: int):
    """Means of what a function gives of each part of a batch.

    A loop in the graph, whose next turn begins when the last one has ended:
    nothing but the sums outlives a turn.

    Args:
        function: Of a part and its number, an int64 scalar; gives any
            structure of float tensors.
        batch: Tensors of one length, a multiple of `parts`.
        parts: How many.
    """
    stacked = {
        key: tf.reshape(x, (parts, x.shape[0] // parts, *x.shape[1:]))
        for key, x in batch.items()
    }
    # Traced once, which also tells what to begin the sums with.
    traced = tf.function(function, autograph=False).get_concrete_function(
        {k: tf.TensorSpec(x.shape[1:], x.dtype) for k, x in stacked.items()},
        tf.TensorSpec((), tf.int64),
    )
    zeros = tf.nest.map_structure(
        lambda x: tf.zeros(x.shape, x.dtype), traced.structured_outputs
    )

    def add(number, sums):
        found = traced({k: x[number] for k, x in stacked.items()}, number)
        return number + 1, tf.nest.map_structure(tf.add, sums, found)

    _, sums = tf.while_loop(
        lambda number, _: number < parts,
        add,
        (tf.constant(0, tf.int64), zeros),
        parallel_iterations=1,
    )
    return tf.nest.map_structure(lambda x: x / parts, sums)
