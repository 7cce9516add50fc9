import numpy as np
import pytest

from sis_keras.evaluation.grid import grid_peaks, spectrum


def noise(seed=0):
    """Smooth noise: its spectrum falls with frequency, as pictures' does."""
    random = np.random.default_rng(seed)
    white = np.fft.fft2(random.normal(size=(384, 512)))
    down, across = np.meshgrid(
        np.fft.fftfreq(384), np.fft.fftfreq(512), indexing="ij"
    )
    return np.fft.ifft2(white / (0.02 + np.hypot(down, across))).real


def test_noise_has_no_grid():
    peaks = grid_peaks(spectrum([noise(seed) for seed in range(4)]))
    assert len(peaks) == 24
    assert max(x.ratio for x in peaks.values()) < 2


@pytest.mark.parametrize(
    "down, across", [(4, 4), (0, 4), (4, 0), (2, 0), (1, 3)]
)
def test_a_faint_grid_is_found_where_it_is(down, across):
    y, x = np.mgrid[:384, :512]
    grid = np.cos(2 * np.pi * (down * y + across * x) / 8)
    scene = noise()
    # A sixth of the amplitude of what it lies upon.
    peaks = grid_peaks(spectrum([scene + scene.std() / 6 * grid]))
    assert max(peaks, key=peaks.get) == (down, across)
    assert peaks[down, across].ratio > 10
    np.testing.assert_allclose(
        peaks[down, across].amplitude, scene.std() / 6, rtol=0.2
    )


def test_power_is_that_of_a_wave_by_hand():
    _, x = np.mgrid[:128, :128]
    power = spectrum([3 * np.cos(2 * np.pi * 32 * x / 128)])
    # Half the amplitude times the sum of the window, squared: a Hann window
    # of 128 sums up to 64 along each side.
    np.testing.assert_allclose(power[0, 32], (1.5 * 64 * 64) ** 2, rtol=1e-9)
