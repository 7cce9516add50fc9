"""Calls deblur.py in the test's own process, on pictures made for it."""

import os
import pathlib

import cv2
import numpy as np

from sis_keras.commands import deblur as deblur_command
from sis_keras.commands.program import guarded

RANDOM = np.random.default_rng(0)


def write(path, height=6, width=8):
    """A picture file; its pixels, RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = RANDOM.integers(256, size=(height, width, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), picture[..., ::-1])
    return picture


def read(path):
    return cv2.imread(str(path))[..., ::-1]


def run(capsys, *arguments):
    """Exit status, standard output, standard error."""
    status = 0
    try:
        guarded(lambda: deblur_command.main([str(x) for x in arguments]))
    except SystemExit as ended:
        status = ended.code
    return status, *capsys.readouterr()


def names(folder):
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
    )


def assert_one_line(result, *words):
    status, out, err = result
    assert status == 2 and not out
    assert err.count("\n") == 1, err
    for word in words:
        assert str(word) in err, err


def refuse(monkeypatch, name):
    """A folder of this name cannot be listed, as without the rights to."""
    listdir = os.listdir

    def refusing(folder="."):
        if pathlib.Path(folder).name == name:
            raise PermissionError(13, "Permission denied")
        return listdir(folder)

    monkeypatch.setattr(os, "listdir", refusing)
