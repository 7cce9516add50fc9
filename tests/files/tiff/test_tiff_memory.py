"""Large TIFF files take little more memory than their pixels."""

import tracemalloc

import numpy as np
import pytest
import tifffile

from sis_keras.files.photographs import read_photograph, write_photograph

SIDE = 1600


@pytest.fixture
def peak():
    tracemalloc.start()

    def of_call(function, *arguments):
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        result = function(*arguments)
        return result, tracemalloc.get_traced_memory()[1] - before

    yield of_call
    tracemalloc.stop()


@pytest.mark.parametrize(
    "channels, extra, reading",
    [(3, None, 1.3), (4, "unassalpha", 2.6), (4, "assocalpha", 2.6)],
)
def test_few_copies(tmp_path, peak, channels, extra, reading):
    """In pixels' own sizes: as stored, as RGB and alpha, and some rows."""
    random = np.random.default_rng(0)
    shape = (SIDE, SIDE, channels)
    tifffile.imwrite(
        tmp_path / "a.tif",
        random.integers(0, 999, shape, np.uint16),
        photometric="rgb",
        extrasamples=[extra] if extra else None,
        compression="zlib",
    )
    found, most = peak(read_photograph, tmp_path / "a.tif")
    size = found.pixels.nbytes
    # Beside it, what some rows take as floats.
    assert most < reading * size + 2**25
    _, most = peak(write_photograph, tmp_path / "b.tif", found.pixels, found)
    assert most < 0.3 * size + 2**23
