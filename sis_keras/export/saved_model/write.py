"""Weights to a SavedModel for TensorFlow Serving, proven equal to Keras."""

import json
import pathlib
import re

import keras
import numpy as np
import tensorflow as tf

from sis_keras.errors import UserError
from sis_keras.export.saved_model import batching as serving_batching
from sis_keras.export.saved_model import graph as serving_graph
from sis_keras.export.saved_model import warmup as serving_warmup
from sis_keras.files.atomic import atomic_folder
from sis_keras.files.writable import check_folder
from sis_keras.restoring.precision import policy_of
from sis_keras.restoring.restorer import KerasRestorer
from sis_keras.weights.card import CARD
from sis_keras.weights.generators import load_generator

MOST_PIXELS = 16_000_000
WARMUP = "assets.extra/tf_serving_warmup_requests"
# Count, height, width of what is compared; most fit no multiple of 32.
COMPARED = ((1, 1, 1), (1, 3, 70), (2, 33, 47), (1, 64, 96))


def write_saved_model(
    weights: str | pathlib.Path,
    output: str | pathlib.Path,
    warmup: np.ndarray | None = None,
    most_pixels: int = MOST_PIXELS,
    batch: int = 1,
) -> dict:
    """Writes a SavedModel, all or nothing, once it restores as Keras does.

    Signatures, each for any height and width:

        serving_default  image_bytes: strings (n,), JPEG or PNG files
                         restored_bytes: strings (n,), PNG files
        predict_uint8    images, restored: uint8 (n, h, w, 3)
        predict_float    images, restored: float32 (n, h, w, 3) in [0, 1]

    Args:
        weights: A released name, or the path of a weight file or checkpoint.
        output: A folder that is not there yet or is empty. Its last part is
            the version, a whole number; the one before names the model.
        warmup: uint8 `(n, h, w, 3)`, pictures of the size that clients will
            send; None makes one of 256x256.
        most_pixels: Of a file that `serving_default` takes.
        batch: Most pictures that a server restores at once where it is
            started with the folder's `batching_params.pbtxt`: 1, 2, 4, 8,
            16, 32 or 64. Requests to warm up with are of 1, 2, 4, … of them.

    Returns:
        `path`, `bytes`, `signatures`, `compared` (count, height and width of
        the pictures found bit-equal), `warmup_requests`, `most_pixels`.

    Raises:
        UserError: An argument is none of these, or the weights do not load,
            or the SavedModel restores otherwise than Keras.
    """
    output = pathlib.Path(output)
    _check_output(output)
    pictures = serving_warmup.made_pictures() if warmup is None else warmup
    serving_batching.check_batch(batch)
    sizes = serving_batching.executed_sizes(batch)
    serving_warmup.check_pictures(pictures, most_pixels, sizes)
    with policy_of("float32"):
        generator, metadata = load_generator(weights)
    with atomic_folder(output) as folder:
        signatures = _write(generator, folder, most_pixels)
        _compare(folder, KerasRestorer(generator), most_pixels)
        (folder / CARD).parent.mkdir()
        requests = serving_warmup.write_requests(
            folder / WARMUP, pictures, output.absolute().parent.name, sizes
        )
        (folder / serving_batching.FILE).write_text(
            serving_batching.parameters_text(batch)
        )
        card = {**metadata, "bit_equal": COMPARED}
        (folder / CARD).write_text(json.dumps(card, indent=1) + "\n")
    files = [path for path in output.rglob("*") if path.is_file()]
    return {
        "path": str(output),
        "bytes": sum(path.stat().st_size for path in files),
        "signatures": signatures,
        "compared": COMPARED,
        "warmup_requests": requests,
        "most_pixels": most_pixels,
    }


def _check_output(output):
    if not re.fullmatch("[0-9]{1,18}", output.name):
        raise UserError(
            "Expected an output that ends with a version, a whole number, as "
            f"TensorFlow Serving wants it. Received: {output}. Name "
            f"{output / '1'}, say."
        )
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(
            "Expected an output that is not there yet. Received: "
            f"{output}, which is. Name the next version, or remove it."
        )
    check_folder(output)


def _write(generator, folder, most_pixels):
    """Writes the graph and the weights; the signatures' names."""

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, None, 3))],
        autograph=False,
    )
    def restore(images):
        return generator(images, training=False)

    def serving_default(image_bytes):
        files = serving_graph.restore_files(restore, image_bytes, most_pixels)
        return {"restored_bytes": files}

    def predict_uint8(images):
        return {"restored": serving_graph.restore_pictures(restore, images)}

    def predict_float(images):
        return {"restored": restore(images)}

    shape = (None, None, None, 3)
    signatures = {
        serving_default: tf.TensorSpec((None,), tf.string, "image_bytes"),
        predict_uint8: tf.TensorSpec(shape, tf.uint8, "images"),
        predict_float: tf.TensorSpec(shape, tf.float32, "images"),
    }
    archive = keras.export.ExportArchive()
    for function, specification in signatures.items():
        archive.add_endpoint(function.__name__, function, [specification])
    archive.write_out(str(folder), verbose=False)
    return [function.__name__ for function in signatures]


# === Parity ===


def _compare(folder, restorer, most_pixels):
    """Raises a UserError unless what was written restores as Keras does."""
    loaded = tf.saved_model.load(str(folder))
    random = np.random.default_rng(0)
    for shape in COMPARED:
        images = random.integers(0, 256, (*shape, 3), dtype=np.uint8)
        values = images / np.float32(255.0)
        expected = restorer(values)
        if not np.isfinite(expected).all():
            raise UserError(
                "Expected weights that restore pictures. Received: weights "
                "that give NaN or infinity."
            )
        rounded = np.rint(expected * np.float32(255.0)).astype(np.uint8)
        call = loaded.signatures
        found = call["predict_float"](images=tf.constant(values))["restored"]
        _check_equal("predict_float", found.numpy(), expected)
        found = call["predict_uint8"](images=tf.constant(images))["restored"]
        _check_equal("predict_uint8", found.numpy(), rounded)
        if shape[1] * shape[2] > most_pixels:
            continue
        files = tf.stack([tf.io.encode_png(image) for image in images])
        found = call["serving_default"](image_bytes=files)["restored_bytes"]
        found = [tf.io.decode_png(file).numpy() for file in found]
        _check_equal("serving_default", np.stack(found), rounded)


def _check_equal(signature, found, expected):
    if found.shape == expected.shape and (found == expected).all():
        return
    raise UserError(
        f"Expected {signature} to restore bit for bit as Keras does. "
        f"Received: another result for {expected.shape[2]}x"
        f"{expected.shape[1]} pixels; nothing is written. Export on a CPU "
        "and with the versions of requirements.txt."
    )
