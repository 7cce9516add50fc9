"""What a SavedModel does beside the network, as TensorFlow's graph.

Files are checked, decoded and encoded here, so that a server needs none of
our code.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

PNG = b"\x89PNG\r\n\x1a\n"
PNG_LEVEL = 2  # of zlib; 6 takes 2 to 4 times as long to save 1 to 13 %


def restore_pictures(restore: Callable, images: tf.Tensor) -> tf.Tensor:
    """Restores pictures of 8 bits.

    Args:
        restore: float32 `(n, h, w, 3)` in [0, 1] to the same.
        images: uint8 `(n, h, w, 3)`, RGB.

    Returns:
        The same shape and type, rounded.
    """
    # A table, because TensorFlow optimizes x / 255 to x * (1 / 255), which
    # is another number in the last bit.
    values = np.arange(256, dtype=np.float32) / np.float32(255.0)
    restored = restore(tf.gather(values, tf.cast(images, tf.int32)))
    return tf.cast(tf.round(restored * 255.0), tf.uint8)


def restore_files(
    restore: Callable, files: tf.Tensor, most_pixels: int
) -> tf.Tensor:
    """Restores JPEG and PNG files, each of its own size, one by one.

    EXIF's orientation and colour profiles are ignored, transparency is
    dropped, grey becomes RGB and 16 bits are rounded to 8.

    Args:
        restore: float32 `(n, h, w, 3)` in [0, 1] to the same.
        files: Strings `(n,)`.
        most_pixels: Of a picture; larger ones are refused undecoded.

    Returns:
        PNG files of 8-bit RGB, `(n,)`.

    Raises:
        tf.errors.InvalidArgumentError: A file is neither, too large, or
            damaged; the message has its index.
    """

    def restored_file(indexed):
        index, file = indexed
        pixels = _checked_pixels(index, file, most_pixels)
        restored = restore_pictures(restore, pixels[tf.newaxis])[0]
        return tf.io.encode_png(restored, compression=PNG_LEVEL)

    return tf.map_fn(
        restored_file,
        (tf.range(tf.size(files)), files),
        fn_output_signature=tf.TensorSpec((), tf.string),
        parallel_iterations=1,  # The memory of one picture at a time.
    )


def _checked_pixels(index, file, most_pixels):
    """uint8 `(h, w, 3)` of a file."""
    file = _require(
        file,
        tf.strings.length(file) > 0,
        "Expected JPEG or PNG files. Received: image_bytes[{}], which is "
        "empty.",
        [index],
    )
    size = _or_nothing(_stated_size, file, tf.zeros((2,), tf.int32))
    file = _require(
        file,
        tf.reduce_all(size > 0),
        "Expected JPEG or PNG files. Received: image_bytes[{}], {} bytes "
        "that are neither.",
        [index, tf.strings.length(file)],
    )
    # float64, because the product of two sizes can exceed an integer.
    pixels = tf.reduce_prod(tf.cast(size, tf.float64))
    file = _require(
        file,
        pixels <= most_pixels,
        f"Expected at most {most_pixels / 1e6:g} megapixels. "
        "Received: image_bytes[{}], {}x{}. Make it smaller.",
        [index, size[1], size[0]],
    )
    pixels = _or_nothing(_decoded, file, tf.zeros((0, 0, 3), tf.uint8))
    return _require(
        pixels,
        tf.size(pixels) > 0,
        "Expected whole pictures. Received: image_bytes[{}], {} bytes that do "
        "not decode.",
        [index, tf.strings.length(file)],
    )


def _require(value, condition, message, words):
    """`value`, or an error that fails the request."""
    text = tf.strings.format(message, words)
    with tf.control_dependencies([tf.debugging.Assert(condition, [text])]):
        return tf.identity(value)


def _or_nothing(step, file, nothing):
    """What `step` makes of a file, or `nothing` where it fails.

    A failing operation ends the whole request without saying which file it
    was; in a dataset alone it can be passed over.
    """
    made = tf.data.Dataset.from_tensors(file).map(step).ignore_errors()
    either = made.concatenate(tf.data.Dataset.from_tensors(nothing)).take(1)
    return either.get_single_element()


def _is_png(file):
    return tf.equal(tf.strings.substr(file, 0, len(PNG)), PNG)


def _stated_size(file):
    """int32 `(2,)`: height and width, as the header states them."""

    def of_png():
        sides = tf.strings.substr(file, 16, 8)  # Width, height.
        sides = tf.io.decode_raw(sides, tf.int32, little_endian=False)
        return tf.ensure_shape(sides, (2,))[::-1]

    def of_jpeg():
        return tf.io.extract_jpeg_shape(file)[:2]

    return tf.cond(_is_png(file), of_png, of_jpeg)


def _decoded(file):
    """uint8 `(h, w, 3)`, the pixels that Pillow has, too."""

    def of_png():
        # 16 bits, of which TensorFlow would cut off the lower 8.
        deep = tf.cast(tf.io.decode_png(file, 3, tf.uint16), tf.int32)
        return tf.cast((deep + 128) // 257, tf.uint8)

    def of_jpeg():
        return tf.io.decode_jpeg(file, 3, dct_method="INTEGER_ACCURATE")

    return tf.cond(_is_png(file), of_png, of_jpeg)
