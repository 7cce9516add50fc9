"""What gradients do: a step of an optimizer, and the average's behind it."""

import keras
import tensorflow as tf


def descend(
    optimizer: keras.Optimizer,
    variables: list,
    gradients: list,
    clip_norm: float = 0.0,
    norm: tf.Tensor | None = None,
) -> tf.Tensor:
    """Averages over replicas, unscales, clips and applies.

    Args:
        optimizer: Built on `variables`; it may scale its loss (float16).
        variables: What is moved.
        gradients: Of this replica's scaled loss, one for each variable.
        clip_norm: Global norm that the mean is clipped to; 0 is off.
        norm: Of the gradients, where it is known: one replica, no scale.

    Returns:
        The mean's global norm before it was clipped, a float32 scalar.
    """
    context = tf.distribute.get_replica_context()
    count = context.num_replicas_in_sync
    if count > 1:
        gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, gradients)
    scale = optimizer.scale_loss(tf.constant(1.0))
    if norm is None:
        norm = tf.linalg.global_norm(gradients) / scale
    # Keras sums over the replicas what is already their mean; it takes the
    # loss scale off by itself.
    factor = 1.0 / count
    if clip_norm:
        factor *= clip_norm / tf.maximum(norm, clip_norm)
    if clip_norm or count > 1:
        gradients = [g * tf.cast(factor, g.dtype) for g in gradients]
    optimizer.apply(gradients, variables)
    return norm


def follow(average: list, current: list, steps, decay: float) -> None:
    """Moves a running average of variables after them.

    Args:
        average, current: Variables.
        steps: Of the optimizer so far. At first the average follows faster,
            by `(1 + steps) / (10 + steps)`.
        decay: What stays of it in a step, later on.
    """
    steps = tf.cast(steps, tf.float32)
    decay = tf.minimum(decay, (1.0 + steps) / (10.0 + steps))
    share = 1.0 - decay
    for variable, new in zip(average, current, strict=True):
        old = tf.convert_to_tensor(variable.value)  # Read once.
        variable.assign(old + tf.cast(share, old.dtype) * (new.value - old))
