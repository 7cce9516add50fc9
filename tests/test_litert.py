"""Every operator of sisnet_mobile runs on phones' accelerators."""

import functools

import numpy as np
import pytest

from benchmarks import litert

# Both sides are padded; small, because the operators are the same.
SIZE = (40, 72)


@functools.cache
def mobile():
    generator = litert.random_generator("sisnet_mobile")
    return litert.at_size(generator, *SIZE), litert.pictures(*SIZE)


@pytest.mark.parametrize("kind", litert.FORMATS)
def test_sisnet_mobile_is_fully_delegated(kind, tmp_path):
    model, samples = mobile()
    path = tmp_path / "mobile.tflite"
    path.write_bytes(litert.converted(model, kind, samples))
    assert litert.delegation(path, runs=1)[0]
    if kind == "float32":
        np.testing.assert_allclose(
            litert.run_file(path, samples[0]),
            model(samples[0]).numpy(),
            atol=1e-5,
        )
