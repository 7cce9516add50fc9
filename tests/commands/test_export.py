"""export.py: LiteRT files, their gate, and mistakes in one line."""

import subprocess
import sys

import numpy as np
import pytest
from places import ROOT
from tiny import random_generator

from sis_keras.commands import export as export_command
from sis_keras.data.open_source import open_source
from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.export.litert import parity as litert_parity
from sis_keras.export.litert import write as litert_export
from sis_keras.files.pictures import read_rgb, to_uint8, write_rgb
from sis_keras.restoring.litert import read_metadata
from sis_keras.restoring.restorer import load_restorer

FACTS = {"arguments": {"width_multiplier": 0.25}, "card": {"steps": 3}}


@pytest.fixture
def tiny_weights(tmp_path, monkeypatch):
    """A weight file's path that stands for a tiny network."""
    generator = random_generator(1)
    monkeypatch.setattr(
        litert_export, "load_generator", lambda weights: (generator, FACTS)
    )
    path = tmp_path / "tiny.safetensors"
    path.write_bytes(b"its bytes")
    return path, generator


@pytest.fixture
def pairs(tmp_path):
    random = np.random.default_rng(0)
    for number, size in enumerate(((64, 80), (200, 300))):
        for half in ("blur", "sharp"):
            picture = random.integers(0, 256, (*size, 3), np.uint8)
            write_rgb(tmp_path / "a" / half / f"{number}.png", picture)
    return tmp_path / "a"


def arguments(tiny_weights, pairs, *more):
    return [
        "--format=tflite",
        f"--weights={tiny_weights[0]}",
        "--size=64x96",
        f"--representative_data={pairs}",
        f"--parity_data={pairs}",
        f"--output={tiny_weights[0].with_name('out.tflite')}",
        *more,
    ]


@pytest.mark.parametrize("keras_psnr, said", [(20.5, False), (19.9, True)])
def test_a_loss_on_the_parity_pictures_is_commented(tmp_path, keras_psnr, said):
    path = tmp_path / "some.tflite"
    path.write_bytes(b"")
    parity = {"share_of_gain": None, "source": "s", "pictures": 2, "psnr": 90}
    parity |= {"relative_error": 0.0, "blurry": 20.0, "file_psnr": 20.0}
    facts = {
        "parity": {**parity, "keras_psnr": keras_psnr},
        "operators": {"delegated": {}, "left": {}},
    }
    text = export_command.report(path, facts)
    assert ("not what they were trained for" in text) == said


@pytest.mark.parametrize("name", ["sisnet_mobile", "sisnet_small"])
def test_released_weights_gain_on_the_parity_pictures(name):
    restorer = load_restorer(name)
    source = open_source("skimage:test", **export_command.PARITY_BLUR)
    gains = []
    for blurry, sharp in litert_export.pairs(source, 256, 256):
        restored = restorer(blurry[None] / np.float32(255))[0]
        gains.append(psnr(to_uint8(restored), sharp) - psnr(blurry, sharp))
    assert np.mean(gains) > 0.5


@pytest.mark.parametrize("more", [[], ["--io=uint8"], ["--quantize=dynamic"]])
def test_what_is_written_is_what_is_scored(tiny_weights, pairs, more, capsys):
    weights, generator = tiny_weights
    export_command.main(arguments(tiny_weights, pairs, *more))
    assert "on the accelerator" in capsys.readouterr().out
    path = weights.with_name("out.tflite")
    restorer = load_restorer(path)
    facts = restorer.metadata
    assert facts["weights"]["name"] == "tiny.safetensors"
    assert facts["weights"]["bytes"] == len(b"its bytes")
    assert facts["card"] == {"steps": 3}
    assert facts["size"] == [64, 96]
    # One part of the small pair, four of the large one.
    assert facts["parity"]["pictures"] == 5
    assert facts["parity"]["psnr"] > 50
    blurry = read_rgb(pairs / "blur" / "1.png")[None, :64, :96]
    blurry = blurry / np.float32(255)
    np.testing.assert_allclose(
        restorer(blurry), generator(blurry).numpy(), atol=3e-3
    )


def test_a_file_that_differs_gets_no_name(tiny_weights, pairs, monkeypatch):
    weights, _ = tiny_weights
    monkeypatch.setitem(litert_parity.LEAST_PSNR, "none", 1000.0)
    with pytest.raises(UserError, match="within 1000 dB of Keras"):
        export_command.main(arguments(tiny_weights, pairs))
    assert not list(weights.parent.glob("*out*")), "nothing is left over"


def test_a_file_that_ends_the_runtime_gets_no_name(
    tiny_weights, pairs, monkeypatch
):
    """XNNPACK aborts on scales that differ by more than 2^40 or so."""
    monkeypatch.setattr(litert_export, "OPEN", "import os; os.abort()")
    with pytest.raises(UserError, match="a file that LiteRT opens"):
        export_command.main(arguments(tiny_weights, pairs))
    assert not list(tiny_weights[0].parent.glob("*out*"))


def test_never_replaced_unless_told(tiny_weights, pairs):
    output = tiny_weights[0].with_name("out.tflite")
    output.write_bytes(b"precious")
    with pytest.raises(UserError, match="overwrite"):
        export_command.main(arguments(tiny_weights, pairs))
    assert output.read_bytes() == b"precious"
    export_command.main(arguments(tiny_weights, pairs, "--overwrite"))
    assert read_metadata(output.read_bytes())["size"] == [64, 96]


def test_parts_of_a_pair_are_from_its_middle(pairs):
    from sis_keras.data.open_source import open_source

    source = open_source(str(pairs))
    parts = list(litert_export.pairs(source, 64, 96))
    large = read_rgb(pairs / "sharp" / "1.png")
    assert [sharp.shape for _, sharp in parts] == [(64, 96, 3)] * 5
    # 128 of 200 rows and 192 of 300 columns, from 36 and 54.
    np.testing.assert_array_equal(parts[4][1], large[100:164, 150:246])
    small = read_rgb(pairs / "blur" / "0.png")
    np.testing.assert_array_equal(parts[0][0][:, :80], small)
    np.testing.assert_array_equal(
        parts[0][0][:, 80:], small[:, 78 : 78 - 16 : -1]
    )


def run(*arguments, cwd):
    script = ROOT / "export.py"
    return subprocess.run(
        [sys.executable, str(script), *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], ["--format"]),
        (["--format=onnx"], ["onnx", "tflite"]),
        (["--format=tflite", "--size=720"], ["HEIGHTxWIDTH", "720"]),
        (["--format=tflite", "--size=8x8"], ["from 32 to 4096", "8x8"]),
        (["--format=tflite", "--weights=none.x"], ["none.x", "not exist"]),
        (["--format=tflite", "--output=x.lite"], ["NAME.tflite", "x.lite"]),
        (["--format=tflite", "--quantise=int8"], ["--quantise"]),
        (["--format=saved_model", "--size=9x9"], ["--size", "tflite alone"]),
        (["--format=saved_model", "--batch=0"], ["1, 2, 4", "0"]),
        (["--format=tflite", "--batch=8"], ["--batch", "saved_model alone"]),
        (["--format=tflite", "--weights=."], ["an export already"]),
    ],
)
def test_mistakes_get_one_line(arguments, words, tmp_path):
    done = run(*arguments, cwd=tmp_path)
    assert done.returncode == 2 and not done.stdout
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert not list(tmp_path.iterdir())
