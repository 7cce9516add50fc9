"""No program begins what it could not write."""

import os
import subprocess
import sys

import pytest
from places import ROOT

DATA = "--train_data={pairs} --validation_data={pairs}"
# {file} is a file, where a folder is wanted.
PROGRAMS = {
    "deblur.py": "{pairs}/a/blur/0.png --output={file}/x.png",
    "evaluate.py": "--identity --test_data={pairs} --output={file}",
    "evaluate.py page": "--identity --test_data={pairs} --output={new} "
    "--report={file}/page",
    "export.py": "--format=saved_model --output={file}/1",
    "export.py tflite": "--format=tflite --size=64x64 --output={file}/x.tflite",
    "-m sis_keras.commands.interpolate": "--between=sisnet_mobile "
    "--between=sisnet_mobile_gan --write={file}/w.safetensors",
    "-m sis_keras.commands.release": "--weights=w --keep_trunk={file}/t",
    "-m sis_keras.commands.pack": DATA + " --pack_to={file}/packed",
    "-m sis_keras.commands.crop_records": DATA + " --output={new} "
    "--crop_size=32 --stored_size=32 --crop_records_to={file}/records",
    "train.py": DATA + " --output={file}",
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("place", ["file", "/proc/sis_keras"])
def test_one_line_and_nothing_begun(pairs, tmp_path, program, place):
    if place != "file" and not os.path.isdir("/proc/self"):
        pytest.skip("wants Linux")
    (tmp_path / "file").write_text("mine")
    flags = PROGRAMS[program].format(
        pairs=pairs, file=tmp_path / place, new=tmp_path / "new"
    )
    name = program.partition(" ")[0]
    command = program.split() if name == "-m" else [str(ROOT / name)]
    done = subprocess.run(
        [sys.executable, *command, *flags.split()],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 2 and not done.stdout, done.stderr[-2000:]
    (line,) = done.stderr.splitlines()
    assert ": Expected a folder to write into. Received: " in line
    assert str(tmp_path / place) in line and "Name another by --" in line
    assert [x.name for x in tmp_path.iterdir()] == ["file"]
