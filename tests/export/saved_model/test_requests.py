"""The contract of a SavedModel with TensorFlow Serving, over the wire."""

import io
import struct

import grpc
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image
from small_network import SHAPES, decoded, encoded, pictures, restored_pictures
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)


@pytest.fixture(scope="module")
def stub(grpc_address):
    with grpc.insecure_channel(grpc_address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def prediction(signature="", **inputs):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "sisnet"
    request.model_spec.signature_name = signature
    for name, value in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
    return request


def restored_files(stub, files):
    """By serving_default, over the wire."""
    answer = stub.Predict(prediction(image_bytes=files), timeout=60)
    return [decoded(x) for x in answer.outputs["restored_bytes"].string_val]


# === Pictures ===


def test_arrays_over_the_wire(stub, small_restorer):
    images = pictures((2, 33, 47))
    values = images / np.float32(255)
    for signature, given, expected in (
        ("predict_uint8", images, restored_pictures(small_restorer, images)),
        ("predict_float", values, small_restorer(values)),
    ):
        answer = stub.Predict(prediction(signature, images=given), timeout=60)
        found = tf.make_ndarray(answer.outputs["restored"])
        np.testing.assert_array_equal(found, expected, strict=True)


def test_files_of_mixed_sizes_over_the_wire(stub, small_restorer):
    images = [pictures(shape)[0] for shape in SHAPES]
    files = [encoded(image) for image in images]
    photograph = Image.fromarray(images[2]).resize((90, 60))
    for subsampling in ("4:4:4", "4:2:0"):
        file = encoded(photograph, "JPEG", subsampling=subsampling)
        files.append(file)
        images.append(np.asarray(Image.open(io.BytesIO(file))))
    found = restored_files(stub, files)
    assert len(found) == len(files) == 6
    for image, answer in zip(images, found, strict=True):
        expected = restored_pictures(small_restorer, image[np.newaxis])[0]
        np.testing.assert_array_equal(answer, expected, strict=True)
    assert restored_files(stub, np.array([], object)) == []


def test_kinds_of_files(stub, small_restorer):
    picture = Image.fromarray(pictures((1, 9, 13))[0])
    clear = picture.copy()
    clear.putalpha(Image.fromarray(pictures((1, 9, 13), 1)[0, ..., 0]))
    deep = np.random.default_rng(0).integers(0, 65536, (9, 13), np.uint16)
    turned = Image.Exif()
    turned[0x0112] = 6
    cmyk = encoded(picture.convert("CMYK"), "JPEG")
    turned = encoded(picture, "JPEG", exif=turned)
    colours = picture.convert("P")
    grey = picture.convert("L")
    kinds = {
        encoded(grey): grey.convert("RGB"),
        encoded(picture.convert("1")): picture.convert("1").convert("RGB"),
        encoded(colours): colours.convert("RGB"),
        encoded(clear): picture,
        encoded(deep): np.repeat(np.rint(deep / 257)[..., None], 3, axis=2),
        cmyk: Image.open(io.BytesIO(cmyk)).convert("RGB"),
        turned: Image.open(io.BytesIO(turned)),  # As it is stored.
    }
    found = restored_files(stub, list(kinds))
    for kind, answer in zip(kinds.values(), found, strict=True):
        images = np.asarray(kind, np.uint8)[np.newaxis]
        expected = restored_pictures(small_restorer, images)[0]
        np.testing.assert_array_equal(answer, expected, strict=True)


def test_the_largest_picture_is_taken(stub):
    (found,) = restored_files(stub, [encoded(pictures((1, 128, 512))[0])])
    assert found.shape == (128, 512, 3)


def test_the_warm_up_is_what_the_server_replays(
    small_saved_model, small_export, stub, small_restorer
):
    path = small_saved_model / "assets.extra" / "tf_serving_warmup_requests"
    signatures = []
    for record in tf.data.TFRecordDataset(str(path)):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        assert log.WhichOneof("log_type") == "predict_log"
        request = log.predict_log.request
        assert request.model_spec.name == "sisnet"
        signature = request.model_spec.signature_name
        signatures.append(signature)
        answer = stub.Predict(request, timeout=60)
        ((_, given),) = request.inputs.items()
        ((_, made),) = answer.outputs.items()
        given, made = tf.make_ndarray(given), tf.make_ndarray(made)
        if signature == "predict_float":
            np.testing.assert_array_equal(
                made, small_restorer(given), strict=True
            )
        else:
            assert made.shape == given.shape
    assert len(signatures) == small_export["warmup_requests"] == 4
    assert set(signatures) == set(small_export["signatures"])


# === Bad files ===


def png_header(width, height):
    """The first 33 bytes of a PNG file, by its specification."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR" + header + b"some"


GOOD = encoded(pictures((1, 20, 30))[0])
JPEG = encoded(pictures((1, 80, 90))[0], "JPEG")
DAMAGED = GOOD[:-40] + bytes(20) + GOOD[-20:]


@pytest.mark.parametrize(
    "bad, words",
    [
        (b"", "which is empty"),
        (b"GIF89a, say", "11 bytes that are neither"),
        (b"\xff\xd8\xff\xe0\0", "5 bytes that are neither"),
        (GOOD[:20], "20 bytes that are neither"),
        (png_header(0, 9), "33 bytes that are neither"),
        (png_header(2**32 - 1, 9), "33 bytes that are neither"),
        (png_header(9, 9), "33 bytes that do not decode"),
        (GOOD[:-100], f"{len(GOOD) - 100} bytes that do not decode"),
        (DAMAGED, f"{len(GOOD)} bytes that do not decode"),
        (JPEG[:-300], f"{len(JPEG) - 300} bytes that do not decode"),
        (png_header(257, 256), "at most 0.065536 megapixels.*257x256"),
        (png_header(2**31 - 1, 2**31 - 1), "2147483647x2147483647"),
        (encoded(np.zeros((250, 300), np.uint8), "JPEG"), "300x250"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_a_bad_file_fails_the_request_and_is_named(stub, bad, words):
    with pytest.raises(grpc.RpcError, match=words) as caught:
        restored_files(stub, [GOOD, JPEG, bad, b"another"])
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert "Received: image_bytes[2], " in caught.value.details()
