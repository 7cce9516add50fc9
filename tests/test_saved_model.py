"""The contract of a SavedModel with TensorFlow Serving, on a small network."""

import io
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import textwrap

import grpc
import keras
import numpy as np
import pytest
import serving_stand_in
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_log_pb2,
    prediction_service_pb2_grpc,
)

from sis_keras import saved_model, weights
from sis_keras.errors import UserError
from sis_keras.generator import RestoredImage
from sis_keras.inception import TrunkNormalization
from sis_keras.padding import ReflectPad
from sis_keras.saved_model_restorer import SavedModelRestorer
from sis_keras.upsampling import BilinearUpsample, DepthToSpace

ROOT = pathlib.Path(__file__).parents[1]
METADATA = {"arguments": {"width_multiplier": 0.25}, "card": {"step": 7}}
MOST_PIXELS = 256 * 256
SHAPES = ((1, 1, 1), (1, 3, 70), (2, 33, 47), (1, 64, 32))


def small_network():
    """Each kind of layer that a generator has, once."""
    blurry = keras.Input((None, None, 3))
    x = ReflectPad(32)(blurry)
    x = keras.layers.Rescaling(2.0, -1.0)(x)
    x = keras.layers.Conv2D(4, 3, strides=2, padding="same")(x)
    x = keras.layers.Activation("relu")(TrunkNormalization()(x))
    deep = keras.layers.MaxPooling2D(3, strides=2, padding="same")(x)
    deep = keras.layers.AveragePooling2D(3, strides=1, padding="same")(deep)
    x = keras.layers.Add()(
        [
            x,
            BilinearUpsample(2)(deep),
            DepthToSpace(2)(keras.layers.Conv2D(16, 1)(deep)),
        ]
    )
    x = keras.layers.Conv2DTranspose(3, 4, strides=2, padding="same")(x)
    restored = RestoredImage()([blurry, x])
    return keras.Model(blurry, restored, name="small")


@pytest.fixture(scope="module")
def generator():
    model = small_network()
    random = np.random.default_rng(0)
    model.set_weights(
        [
            w + random.normal(0, 0.1, w.shape) * ("gamma" not in v.path)
            if "moving_variance" not in v.path
            else random.uniform(0.5, 2, w.shape)
            for v, w in zip(model.variables, model.get_weights(), strict=True)
        ]
    )
    return model


@pytest.fixture(scope="module")
def weight_file(generator, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "small.safetensors"
    weights.save_weights(path, generator, *METADATA.values())
    return path


@pytest.fixture(scope="module")
def report(generator, weight_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("export") / "sisnet" / "7"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            weights,
            "build_generator",
            lambda **_: keras.models.clone_model(generator),
        )
        return saved_model.write_saved_model(
            weight_file, folder, most_pixels=MOST_PIXELS
        )


@pytest.fixture(scope="module")
def folder(report):
    return pathlib.Path(report["path"])


@pytest.fixture(scope="module")
def restore(generator):
    """Keras, float32 in [0, 1]."""
    return weights.Restorer(generator)


@pytest.fixture(scope="module")
def model(folder):
    return serving_stand_in.Model(folder)


@pytest.fixture(scope="module")
def address(model):
    with serving_stand_in.serve_grpc(model) as address:
        yield address


@pytest.fixture(scope="module")
def stub(address):
    with grpc.insecure_channel(address) as channel:
        yield prediction_service_pb2_grpc.PredictionServiceStub(channel)


def pictures(shape, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 256, (*shape, 3), dtype=np.uint8)


def restored_pictures(restore, images):
    """What Keras makes of uint8, by NumPy."""
    restored = restore(images / np.float32(255))
    return np.rint(restored * np.float32(255)).astype(np.uint8)


def encoded(image, form="PNG", **options):
    file = io.BytesIO()
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    image.save(file, form, **options)
    return file.getvalue()


def decoded(file):
    image = Image.open(io.BytesIO(file))
    assert image.format == "PNG" and image.mode == "RGB"
    return np.asarray(image)


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


# === Loaders ===


def test_signatures(model, report):
    def of(infos):
        return {
            name: (
                tf.as_dtype(info.dtype),
                [dimension.size for dimension in info.tensor_shape.dim],
            )
            for name, info in infos.items()
        }

    strings, any_size = (tf.string, [-1]), [-1, -1, -1, 3]
    expected = {
        "serving_default": ("image_bytes", "restored_bytes", strings),
        "predict_uint8": ("images", "restored", (tf.uint8, any_size)),
        "predict_float": ("images", "restored", (tf.float32, any_size)),
    }
    assert sorted(report["signatures"]) == sorted(expected)
    for name, (given, made, kind) in expected.items():
        signature = model.signatures[name]
        assert of(signature.inputs) == {given: kind}
        assert of(signature.outputs) == {made: kind}
        assert signature.method_name == "tensorflow/serving/predict"


def test_a_fresh_process_without_our_code(folder, restore, tmp_path):
    requests, expected = {}, {}
    for number, shape in enumerate(SHAPES):
        images = pictures(shape)
        values = images / np.float32(255)
        requests[f"predict_uint8-{number}"] = images
        requests[f"predict_float-{number}"] = values
        expected[f"predict_uint8-{number}"] = restored_pictures(restore, images)
        expected[f"predict_float-{number}"] = restore(values)
    files = [encoded(pictures(shape)[0]) for shape in SHAPES]
    requests["serving_default-0"] = np.array(files, object)
    np.savez(tmp_path / "requests.npz", **requests)
    answers = tmp_path / "answers.npz"
    script = ROOT / "tests" / "serving_script.py"
    done = subprocess.run(
        [sys.executable, script, folder, tmp_path / "requests.npz", answers],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    found = np.load(answers, allow_pickle=True)
    for loader in ("v1", "v2"):
        for name, images in expected.items():
            (answer,) = found[f"{name}-{loader}"].item().values()
            np.testing.assert_array_equal(answer, images, strict=True)
        (answer,) = found[f"serving_default-0-{loader}"].item().values()
        for number, file in enumerate(answer):
            whole = expected[f"predict_uint8-{number}"][0]
            np.testing.assert_array_equal(decoded(file), whole, strict=True)
    # The network does something, and rounding is not cutting off.
    some = expected["predict_uint8-2"]
    assert np.abs(some.astype(int) - pictures(SHAPES[2])).mean() > 3
    assert (some != (expected["predict_float-2"] * 255).astype(np.uint8)).any()


# === Requests ===


def test_arrays_over_the_wire(stub, restore):
    images = pictures((2, 33, 47))
    values = images / np.float32(255)
    for signature, given, expected in (
        ("predict_uint8", images, restored_pictures(restore, images)),
        ("predict_float", values, restore(values)),
    ):
        answer = stub.Predict(prediction(signature, images=given), timeout=60)
        found = tf.make_ndarray(answer.outputs["restored"])
        np.testing.assert_array_equal(found, expected, strict=True)


def test_files_of_mixed_sizes_over_the_wire(stub, restore):
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
        expected = restored_pictures(restore, image[np.newaxis])[0]
        np.testing.assert_array_equal(answer, expected, strict=True)
    assert restored_files(stub, np.array([], object)) == []


def test_kinds_of_files(stub, restore):
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
        expected = restored_pictures(restore, images)[0]
        np.testing.assert_array_equal(answer, expected, strict=True)


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


def test_the_largest_picture_is_taken(stub):
    (found,) = restored_files(stub, [encoded(pictures((1, 128, 512))[0])])
    assert found.shape == (128, 512, 3)


# === What lies beside the graph ===


def test_the_warm_up_is_what_the_server_replays(folder, report, stub, restore):
    path = folder / "assets.extra" / "tf_serving_warmup_requests"
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
            np.testing.assert_array_equal(made, restore(given), strict=True)
        else:
            assert made.shape == given.shape
    assert len(signatures) == report["warmup_requests"] == 4
    assert set(signatures) == set(report["signatures"])


def test_the_folder(folder, report, generator):
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert report["bytes"] == sum(len(path.read_bytes()) for path in files)
    # Nothing of the machine that exported, and nothing beside the version.
    for path in files:
        assert str(folder.parent).encode() not in path.read_bytes()
    assert list(folder.parent.iterdir()) == [folder]
    shapes = tf.train.list_variables(str(folder / "variables" / "variables"))
    numbers = sum(int(np.prod(shape)) for _, shape in shapes if shape)
    assert numbers == generator.count_params()  # Each of them once.


def test_the_restorer(folder, restore):
    restorer = SavedModelRestorer(folder)
    assert restorer.name == "sisnet/7"
    assert restorer.metadata == METADATA
    for shape in SHAPES:
        values = pictures(shape) / np.float32(255)
        found = restorer(values)
        np.testing.assert_array_equal(found, restore(values), strict=True)


def test_folders_that_are_no_saved_model(folder, tmp_path):
    for wrong in (folder.parent, folder / "saved_model.pb", tmp_path / "none"):
        with pytest.raises(UserError, match=f"{wrong}, which holds no"):
            SavedModelRestorer(wrong)
    names = ("saved_model.pb", "variables/variables.index")
    for name in (*names, "assets.extra/card.json"):
        copy = shutil.copytree(folder, tmp_path / name.partition("/")[0] / "1")
        path = copy / name
        path.write_bytes(path.read_bytes()[:-100])
        with pytest.raises(UserError, match=f"{copy}, which does not load"):
            SavedModelRestorer(copy)


# === What docs/serving.md says ===


def commands_of_the_docs():
    """Its indented blocks that hold code or commands."""
    text = (ROOT / "docs" / "serving.md").read_text(encoding="utf-8")
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.MULTILINE)
    return [textwrap.dedent(block).strip() for block in blocks]


@pytest.fixture
def blurry(folder, tmp_path, monkeypatch):
    """A picture in the working folder, where the SavedModel is, too."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "export" / "sisnet").mkdir(parents=True)
    (tmp_path / "export" / "sisnet" / "1").symlink_to(folder)
    file = encoded(pictures((1, 40, 50))[0], "JPEG")
    pathlib.Path("blurry.jpg").write_bytes(file)
    return np.asarray(Image.open(io.BytesIO(file)))[np.newaxis]


def test_python_clients(blurry, restore, model, address):
    clients = [x for x in commands_of_the_docs() if x.startswith("import")]
    assert len(clients) == 4
    names = {}
    with serving_stand_in.serve_rest(model, "sisnet") as rest:
        for client in clients:
            client = client.replace("localhost:8500", address)
            exec(client.replace("localhost:8501", rest), names)
            if "restored.png" not in client:
                continue
            path = pathlib.Path("restored.png")
            (expected,) = restored_pictures(restore, blurry)
            np.testing.assert_array_equal(decoded(path.read_bytes()), expected)
            path.unlink()
    expected = restored_pictures(restore, names["frames"])
    np.testing.assert_array_equal(names["restored"], expected, strict=True)


@pytest.mark.parametrize("words", ["curl -s", "saved_model_cli run"])
def test_shell_clients(blurry, restore, model, words):
    folder = pathlib.Path(sys.executable).parent
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    program = words.partition(" ")[0]
    if not shutil.which(program, path=path):
        pytest.skip(f"{program} is not installed")
    np.save("images.npy", blurry)
    (command,) = [x for x in commands_of_the_docs() if words in x]
    with serving_stand_in.serve_rest(model, "sisnet") as rest:
        subprocess.run(
            command.replace("localhost:8501", rest),
            shell=True,
            check=True,
            capture_output=True,
            env={**os.environ, "PATH": path},
        )
    if program == "curl":
        found = decoded(pathlib.Path("restored.png").read_bytes())[np.newaxis]
    else:
        found = np.load("restored.npy")
    expected = restored_pictures(restore, blurry)
    np.testing.assert_array_equal(found, expected, strict=True)
