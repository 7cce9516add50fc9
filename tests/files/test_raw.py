"""Camera raw, of a camera that there is not."""

import numpy as np
import pytest
import tifffile
from picture_bytes import gradient

from sis_keras.errors import UserError
from sis_keras.files.photographs import read_photograph, write_photograph


def test_raw(tmp_path):
    pytest.importorskip("rawpy")
    scene = gradient(96, 128, np.uint16)
    sensor = scene[..., 1].copy()
    sensor[::2, ::2], sensor[1::2, 1::2] = (
        scene[::2, ::2, 0],
        scene[1::2, 1::2, 2],
    )
    identity = tuple(x for v in np.eye(3, dtype=int).ravel() for x in (v, 1))
    tags = [
        (271, 2, 0, "Maker", True),
        (33421, 3, 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),  # CFAPattern: RGGB
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),  # DNGVersion
        (50708, 2, 0, "A made up camera", True),
        (50717, 4, 1, 65535, True),  # WhiteLevel
        (50721, 10, 9, tuple(map(int, identity)), True),  # ColorMatrix1
        (50728, 5, 3, (1, 1, 1, 1, 1, 1), True),  # AsShotNeutral
        (50778, 3, 1, 21, True),  # D65
    ]
    path = tmp_path / "a.dng"
    tifffile.imwrite(path, sensor, photometric="cfa", extratags=tags)
    read = read_photograph(path)
    assert read.format == "RAW" and read.pixels.dtype == np.uint16
    assert read.pixels.shape == scene.shape
    assert b"Maker" in read.exif and "developed" in read.notes[0]
    # Brighter, but where it was bright it is.
    for channel in range(3):
        both = scene[..., channel].ravel(), read.pixels[..., channel].ravel()
        assert np.corrcoef(*both)[0, 1] > 0.8
    write_photograph(tmp_path / "a.tif", read.pixels, read)
    with pytest.raises(UserError, match="with one of"):
        write_photograph(tmp_path / "b.dng", read.pixels, read)
