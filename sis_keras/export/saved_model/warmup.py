"""Requests that TensorFlow Serving answers itself before its first client's."""

import numpy as np
import tensorflow as tf

from sis_keras.errors import UserError

SIZE = 256
FILES_OF_A_PICTURE = 2
ARRAYS_OF_A_SIZE = 2
MOST_REQUESTS = 1000  # The server refuses a file of more.


def made_pictures(seed: int = 0) -> np.ndarray:
    """Smooth random pictures, uint8 `(1, 256, 256, 3)`."""
    random = np.random.default_rng(seed)
    coarse = random.uniform(0.0, 255.0, (1, 8, 8, 3))
    smooth = tf.image.resize(coarse, (SIZE, SIZE), "bicubic")
    return tf.saturate_cast(smooth, tf.uint8).numpy()


def check_pictures(
    pictures: np.ndarray, most_pixels: int, sizes: list[int]
) -> None:
    """Makes sure that a server can answer the requests.

    Args:
        pictures: uint8 `(n, h, w, 3)`.
        most_pixels: Of a picture.
        sizes: Of the batches.

    Raises:
        UserError: The pictures are not uint8 `(n, h, w, 3)`, too many, or of
            more than `most_pixels`.
    """
    each = FILES_OF_A_PICTURE + ARRAYS_OF_A_SIZE * len(sizes)
    most = MOST_REQUESTS // each
    if (
        not isinstance(pictures, np.ndarray)
        or pictures.dtype != np.uint8
        or pictures.ndim != 4
        or pictures.shape[3] != 3
        or not 1 <= len(pictures) <= most
        or not 1 <= pictures[0].size // 3 <= most_pixels
    ):
        raise UserError(
            f"Expected 1 to {most} pictures to warm up with, uint8 (n, "
            f"height, width, 3), of at most {most_pixels} pixels. Received: "
            f"{getattr(pictures, 'dtype', type(pictures).__name__)} "
            f"{getattr(pictures, 'shape', '')}."
        )


def write_requests(
    path, pictures: np.ndarray, model: str, sizes: list[int]
) -> int:
    """Writes `tf_serving_warmup_requests`.

    For each picture two files, which are restored one by one in any batch,
    and of each size a batch of it for each signature that takes arrays.

    Args:
        path: Of the file, a TFRecord of PredictionLog messages.
        pictures: uint8 `(n, h, w, 3)`.
        model: Name that the server will know the model by.
        sizes: Of the batches.

    Returns:
        How many requests the file holds.
    """
    requests: list[tuple] = []
    for picture in pictures:
        for encode in (tf.io.encode_jpeg, tf.io.encode_png):
            file = encode(picture).numpy()
            requests.append(("serving_default", "image_bytes", [file]))
        for size in sizes:
            batch = np.stack([picture] * size)
            requests.append(("predict_uint8", "images", batch))
            values = batch / np.float32(255.0)
            requests.append(("predict_float", "images", values))
    with tf.io.TFRecordWriter(str(path)) as writer:
        for request in requests:
            writer.write(_prediction_log(model, *request))
    return len(requests)


def _prediction_log(model, signature, name, value):
    """A PredictionLog of a PredictRequest.

    The numbers are those of tensorflow_serving/apis/*.proto. The package
    that has them as classes is not worth a requirement.
    """
    tensor = tf.make_tensor_proto(value).SerializeToString()
    specification = _field(1, model.encode()) + _field(3, signature.encode())
    inputs = _field(1, name.encode()) + _field(2, tensor)
    request = _field(1, specification) + _field(2, inputs)
    return _field(6, _field(1, request))


def _field(number, data):
    """A field of a protocol buffer that holds bytes."""
    length, digits = len(data), []
    while length > 127:
        digits.append(length & 127 | 128)
        length >>= 7
    return bytes([number << 3 | 2, *digits, length]) + data
