"""Pictures out of focus in part."""

import numpy as np
import pytest
from scipy import ndimage
from skimage import data

from sis_keras.data.blur.focus import (
    LARGEST_DISC,
    LAYERS,
    draw_radii,
    out_of_focus,
)


def blurred_by_scipy(picture, radius):
    """A disc by SciPy; its edge falls off within a pixel."""
    reach = int(np.ceil(radius + 0.5))
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    kernel = np.clip(radius + 0.5 - np.sqrt(x * x + y * y), 0, 1)
    kernel /= kernel.sum()
    # SciPy calls OpenCV's border, edges twice, "reflect".
    return np.stack(
        [
            ndimage.correlate(picture[..., c].astype(float), kernel)
            for c in range(3)
        ],
        axis=-1,
    )


def test_each_radius_is_the_disc_of_it():
    picture = data.astronaut()[100:160, 150:230]
    radii = np.zeros(picture.shape[:2])
    radii[:, 20:40] = 5.0 * 2 / (LAYERS - 1)
    radii[:, 40:60] = 5.0 * 2.5 / (LAYERS - 1)
    radii[:, 60:] = 5.0
    found = out_of_focus(picture, radii)
    np.testing.assert_array_equal(found[:, :20], picture[:, :20])
    layers = [
        blurred_by_scipy(picture, 5.0 * n / (LAYERS - 1)) for n in range(LAYERS)
    ]
    for place, expected in (
        (np.s_[:, 20:40], layers[2]),
        (np.s_[:, 40:60], (layers[2] + layers[3]) / 2),
        (np.s_[:, 60:], layers[-1]),
    ):
        assert np.abs(found[place] - expected[place]).max() <= 0.51


def test_in_focus_everywhere_is_the_picture():
    picture = data.astronaut()[:40, :50]
    found = out_of_focus(picture, np.zeros((40, 50)))
    np.testing.assert_array_equal(found, picture)
    assert found is not picture


@pytest.mark.parametrize("size", [(720, 1280), (321, 481), (1, 1), (2, 40)])
def test_radii_are_within_bounds(size):
    for seed in range(30):
        radii = draw_radii(np.random.default_rng(seed), size)
        assert radii.shape == size
        assert np.isfinite(radii).all()
        assert 0.0 <= radii.min() <= radii.max() <= LARGEST_DISC[1]
        assert radii.max() > 0.0 or max(size) < 100


def test_of_most_photographs_some_is_in_focus_and_some_is_not():
    drawn = [
        draw_radii(np.random.default_rng(seed), (720, 1280))
        for seed in range(60)
    ]
    both = [(x == 0).mean() > 0.02 and (x >= 0.8).mean() > 0.02 for x in drawn]
    assert np.mean(both) > 0.8
