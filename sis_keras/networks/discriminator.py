"""The discriminator (paper III-B, Table 1); SIS-net trains two of them."""

import keras


def build_discriminator(
    sigmoid: bool = True, seed: int = 0, name: str = "discriminator"
) -> keras.Model:
    """One score for an image; high means sharp.

    Differs from paper: Table 1's "Conv 4, 2x2 stride 2" is 3x3 stride 1,
    because its pooling row states M/8; the first convolution takes RGB; the
    last has one filter, because nothing else makes one score of 64 maps;
    images are taken to [-1, 1] first, as the generator does.

    Args:
        sigmoid: The table's last row; the score is then in (0, 1).
        seed: Of the initial weights.
        name: Of the model.

    Input shape: `(batch, height, width, 3)`, float32, RGB in [0, 1]; height
        and width at least 8.
    Output shape: `(batch, 1)`, float32.
    """

    def conv(x, filters, number, activation="relu"):
        return keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            activation=activation,
            kernel_initializer=keras.initializers.HeNormal(100 * seed + number),
            name=f"conv_{number}",
        )(x)

    image = keras.Input((None, None, 3), name="image")
    x = keras.layers.Rescaling(2.0, -1.0, name="rescaled")(image)
    x = conv(x, 64, 1)
    x = conv(x, 64, 2)
    x = keras.layers.MaxPooling2D(2, name="pool_3")(x)
    x = conv(x, 64, 4)
    x = keras.layers.MaxPooling2D(2, name="pool_5")(x)
    x = conv(x, 64, 6)
    x = keras.layers.MaxPooling2D(2, name="pool_7")(x)
    x = conv(x, 64, 8)
    x = conv(x, 1, 9, activation=None)
    x = keras.layers.GlobalAveragePooling2D(name="pool_10", dtype="float32")(x)
    if sigmoid:
        x = keras.layers.Activation("sigmoid", name="score", dtype="float32")(x)
    return keras.Model(image, x, name=name)
