"""What the game of generator and discriminators is played with."""

import tensorflow as tf


def local_crop(image: tf.Tensor, origin: tf.Tensor) -> tf.Tensor:
    """A square of half the side from each image.

    Args:
        image: `(n, h, w, 3)`.
        origin: int32 `(n, 2)`, its top left corners.

    Returns:
        `(n, h // 2, w // 2, 3)`.
    """
    rows = origin[:, :1] + tf.range(image.shape[1] // 2)
    columns = origin[:, 1:] + tf.range(image.shape[2] // 2)
    image = tf.gather(image, rows, axis=1, batch_dims=1)
    return tf.gather(image, columns, axis=2, batch_dims=1)


def views(image: tf.Tensor, local_origin: tf.Tensor) -> list[tf.Tensor]:
    """What each discriminator sees: the whole, and a `local_crop`."""
    return [image, local_crop(image, local_origin)]


def score_pair(discriminator, real, fake):
    """((real, fake), their means over the global batch)."""
    scores = (
        discriminator(real, training=True),
        discriminator(fake, training=True),
    )
    context = tf.distribute.get_replica_context()
    means = [tf.reduce_mean(score) for score in scores]
    if context.num_replicas_in_sync > 1:
        means = context.all_reduce(tf.distribute.ReduceOp.MEAN, means)
    return scores, means


def game_value(game, discriminators, real, fake):
    """What a game gives for both views, on average.

    Args:
        game: Of `adversarial.ADVERSARIAL`, the generator's.
        discriminators: Of as many views.
        real, fake: From `views`.
    """
    values = []
    for discriminator, x, y in zip(discriminators, real, fake, strict=True):
        scores, means = score_pair(discriminator, x, y)
        values.append(game(*scores, *means))
    return tf.add_n(values) / len(values)


def told_apart(scores):
    """The share of sharp pictures that score above their restored ones."""
    real, fake = scores
    return tf.reduce_mean(tf.cast(real > fake, tf.float32))


def gradient_penalty(discriminator, real, fake, step, part=0):
    """E (|grad D| - 1)² between real and fake, Gulrajani et al. 2017.

    Where between them is drawn from the step and its part, so that a resumed
    run draws the same.
    """
    share = tf.random.stateless_uniform(
        (tf.shape(real)[0], 1, 1, 1), seed=(step, part)
    )
    between = real + share * (fake - real)
    with tf.GradientTape() as tape:
        tape.watch(between)
        score = discriminator(between, training=True)
    gradient = tf.cast(tape.gradient(score, between), tf.float32)
    squares = tf.reduce_sum(tf.square(gradient), axis=(1, 2, 3))
    return tf.reduce_mean(tf.square(tf.sqrt(squares + 1e-12) - 1.0))


def finite_everywhere(value):
    """Whether a scalar is finite on every replica."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync > 1:
        value = context.all_reduce(tf.distribute.ReduceOp.SUM, value)
    return tf.math.is_finite(value)


def mean_psnr(sharp, restored):
    """Mean over the batch, of images clipped to [0, 1]."""
    restored = tf.clip_by_value(restored, 0.0, 1.0)
    error = tf.reduce_mean(tf.square(sharp - restored), axis=(1, 2, 3))
    return tf.reduce_mean(-10.0 * tf.math.log(error + 1e-10)) / 2.302585093


def put_back(variables, values):
    """Undoes a forward pass; gives a scalar, as an update does."""
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return tf.constant(0.0)
