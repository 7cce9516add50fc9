import cv2
import numpy as np
import pytest
import skimage.data

from benchmarks.perceptual import make_lpips, scored
from sis_keras.evaluation.metrics import psnr


@pytest.fixture(scope="module")
def lpips():
    return make_lpips()


@pytest.fixture(scope="module")
def sharp():
    return skimage.data.astronaut()[:160, 130:330]


def test_lpips_minds_blur_more_than_psnr_does(lpips, sharp):
    noise = np.random.default_rng(0).normal(0, 15, sharp.shape)
    noisy = np.clip(sharp + noise, 0, 255).astype(np.uint8)
    blurred = [cv2.GaussianBlur(sharp, (0, 0), s) for s in (1.0, 2.0, 4.0)]
    assert lpips(sharp, sharp) == pytest.approx(0, abs=1e-7)
    distances = [lpips(x, sharp) for x in blurred]
    assert distances == sorted(distances)
    # The two disagree, which is why both are printed.
    assert psnr(noisy, sharp) < psnr(blurred[1], sharp)
    assert lpips(noisy, sharp) < distances[1]


def test_the_row_of_the_blurred_pictures(lpips, sharp):
    blurry = cv2.blur(sharp, (9, 1))
    cells = scored([(blurry, sharp)], lambda x: x, lpips)
    assert cells[0] == f"{psnr(blurry, sharp):.3f}"
    assert cells[2] == f"{lpips(blurry, sharp):.4f}"
    assert cells[-2:] == ["-", "-"]


def test_a_grid_is_named(lpips, sharp):
    grid = np.where(np.arange(200) % 2, 3, -3)[None, :, None]
    blurry = cv2.blur(sharp, (9, 1))

    def restore(picture):
        return np.clip(picture + grid, 0, 255).astype(np.uint8)

    cells = scored([(blurry, sharp)], restore, lpips)
    assert cells[-1] == "0/8 4/8"
    assert float(cells[-3]) > 100
    assert cells[-2] == "3.000"
