"""Synthetic blur against line kernels, sinusoids and its own promises."""

import os
import pathlib

import cv2
import numpy as np
import pytest
from scipy import ndimage

from sis_keras.blur import photograph_pairs, render_frames, synthetic_blur
from sis_keras.errors import UserError
from sis_keras.frames import mean_of_frames
from sis_keras.metrics import psnr
from sis_keras.pictures import list_pictures, write_rgb

CLEAN = {
    "object_probability": 0.0,
    "noise_probability": 0.0,
    "jpeg_probability": 0.0,
}


def scene(size=(96, 128), seed=0):
    """Smooth random picture with structure at several scales."""
    rng = np.random.default_rng(seed)
    total = np.zeros((*size, 3))
    for sigma in (1.5, 4, 10):
        noise = ndimage.gaussian_filter(
            rng.standard_normal((*size, 3)), (sigma, sigma, 0)
        )
        total += noise / noise.std()
    return np.clip(128 + 35 * total, 0, 255).astype(np.uint8)


def shifting(right, down):
    """A camera that only shifts the picture, so many pixels each way."""

    def homographies(times):
        matrices = np.tile(np.eye(3), (len(times), 1, 1))
        matrices[:, 0, 2] = right * times
        matrices[:, 1, 2] = down * times
        return matrices

    return homographies


def test_translation_is_convolution_with_a_line():
    picture = scene()
    times = np.linspace(-1, 1, 7)
    frames = render_frames(picture, shifting(3, 0), [], times)
    blurry = mean_of_frames(frames) * 255
    expected = ndimage.uniform_filter1d(picture.astype(float), 7, axis=1)
    np.testing.assert_allclose(blurry[:, 4:-4], expected[:, 4:-4], atol=1e-3)

    frames = render_frames(picture, shifting(3, 3), [], times)
    blurry = mean_of_frames(frames) * 255
    kernel = np.eye(7)[..., None] / 7
    expected = ndimage.convolve(picture.astype(float), kernel)
    inside = (slice(4, -4), slice(4, -4))
    np.testing.assert_allclose(blurry[inside], expected[inside], atol=1e-3)


def test_fractions_of_a_pixel_are_rendered():
    # A cosine along x, averaged over shifts s, keeps the share mean cos(w s).
    wave = 2 * np.pi / 8
    row = 128 + 100 * np.cos(wave * np.arange(160))
    picture = np.rint(np.tile(row[None, :, None], (9, 1, 3))).astype(np.uint8)
    times = np.linspace(-1, 1, 11)
    frames = render_frames(picture, shifting(1.7, 0), [], times)
    blurry = mean_of_frames(frames) * 255
    share = np.cos(wave * 1.7 * times).mean()
    expected = 128 + share * (row - 128)
    np.testing.assert_allclose(blurry[4, 8:-8, 0], expected[8:-8], atol=2.5)


def test_borders_are_reflected():
    picture = scene()
    frames = list(render_frames(picture, shifting(2, 0), [], np.ones(1)))
    np.testing.assert_array_equal(frames[0][:, 2:], picture[:, :-2])
    np.testing.assert_array_equal(frames[0][:, :2], picture[:, 1::-1])


@pytest.mark.parametrize("gamma", [None, 2.2])
def test_a_constant_picture_stays_constant(gamma):
    picture = np.full((50, 70, 3), (13, 117, 255), np.uint8)
    for seed in range(5):
        blurry, sharp = synthetic_blur(
            picture,
            seed,
            gamma=gamma,
            object_probability=1.0,
            noise_probability=0.0,
            jpeg_probability=0.0,
        )
        # Objects are parts of the picture: as constant as itself.
        np.testing.assert_array_equal(blurry, picture)
        np.testing.assert_array_equal(sharp, picture)


def test_without_motion_nothing_changes():
    picture = scene()
    blurry, sharp = synthetic_blur(picture, 0, extent=(0.0, 0.0), **CLEAN)
    np.testing.assert_array_equal(blurry, picture)
    np.testing.assert_array_equal(sharp, picture)


def test_without_objects_sharp_is_the_photograph():
    picture = scene()
    before = picture.copy()
    for seed in range(5):
        _, sharp = synthetic_blur(picture, seed, object_probability=0.0)
        np.testing.assert_array_equal(sharp, picture)
    synthetic_blur(picture, 0, object_probability=1.0)
    np.testing.assert_array_equal(picture, before)


def test_the_seed_determines_everything():
    picture = scene()
    first = synthetic_blur(picture, (1, 2, 3))
    again = synthetic_blur(picture, (1, 2, 3))
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        alone = synthetic_blur(picture, (1, 2, 3))
    finally:
        cv2.setNumThreads(threads)
    for other in (again, alone):
        np.testing.assert_array_equal(first[0], other[0])
        np.testing.assert_array_equal(first[1], other[1])
    assert (first[0] != synthetic_blur(picture, (1, 2, 4))[0]).any()


def test_blurry_and_sharp_are_aligned():
    # A single path may lean to one side, as GOPRO's do; none is preferred.
    # Phase correlation sees much of the blur as a shift of single pictures.
    shifts = []
    for seed in range(60):
        picture = scene((128, 128), seed)
        blurry, sharp = synthetic_blur(picture, seed, **CLEAN)
        pair = [np.float32(part.mean(2)) for part in (sharp, blurry)]
        window = cv2.createHanningWindow((128, 128), cv2.CV_32F)
        shifts.append(cv2.phaseCorrelate(*pair, window)[0])
    assert np.abs(np.mean(shifts, 0)).max() < 0.3
    assert np.abs(shifts).mean() < 1.0


def test_wider_extent_blurs_more():
    picture = scene((160, 240))
    scores = [
        np.mean(
            [
                psnr(*synthetic_blur(picture, s, extent=(e, e), **CLEAN))
                for s in range(6)
            ]
        )
        for e in (2.0, 8.0, 30.0)
    ]
    assert scores[0] > scores[1] + 2 > scores[2] + 4


def test_noise_has_its_deviation():
    picture = np.full((200, 200, 3), 128, np.uint8)
    settings = {**CLEAN, "noise_probability": 1.0, "noise": (3.0, 3.0)}
    blurry, sharp = synthetic_blur(picture, 0, **settings)
    np.testing.assert_array_equal(sharp, picture)
    # Rounding adds a variance of 1/12.
    assert blurry.std() == pytest.approx(np.sqrt(9 + 1 / 12), rel=0.03)
    assert blurry.mean() == pytest.approx(128, abs=0.1)
    bright, _ = synthetic_blur(np.full_like(picture, 220), 0, **settings)
    assert bright.std() > 1.1 * blurry.std()


def test_jpeg_is_that_of_opencv():
    picture = scene()
    settings = {**CLEAN, "jpeg_probability": 1.0, "jpeg_quality": (60, 60)}
    blurry, _ = synthetic_blur(picture, 0, extent=(0.0, 0.0), **settings)
    flag = [cv2.IMWRITE_JPEG_QUALITY, 60]
    _, data = cv2.imencode(".jpg", picture[..., ::-1].copy(), flag)
    expected = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    np.testing.assert_array_equal(blurry, expected)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 7), (2, 90)])
def test_tiny_pictures(size):
    for seed in range(4):
        picture = np.random.default_rng(seed).integers(
            0, 256, (*size, 3), np.uint8
        )
        blurry, sharp = synthetic_blur(picture, seed, object_probability=1.0)
        assert blurry.shape == sharp.shape == picture.shape
        assert blurry.dtype == sharp.dtype == np.uint8


def test_photograph_pairs(tmp_path):
    pictures = [scene((40, 50), seed) for seed in range(2)]
    paths = [tmp_path / "cat.png", tmp_path / "dog.png"]
    for path, picture in zip(paths, pictures, strict=True):
        write_rgb(path, picture)
    pairs = list(photograph_pairs(paths, versions=2, seed=7))
    names = [name for name, _, _ in pairs]
    assert names == ["cat/0", "cat/1", "dog/0", "dog/1"]
    arrays = list(photograph_pairs(pictures, versions=2, seed=7))
    assert [name for name, _, _ in arrays][2:] == ["0001/0", "0001/1"]
    for pair, same in zip(pairs, arrays, strict=True):
        np.testing.assert_array_equal(pair[1], same[1])
        np.testing.assert_array_equal(pair[2], same[2])
    # The seed of a pair is that of its place and version alone.
    expected = synthetic_blur(pictures[1], (7, 1, 1))
    np.testing.assert_array_equal(pairs[3][1], expected[0])
    assert (pairs[0][1] != pairs[1][1]).any()
    settled = photograph_pairs(pictures, 1, extent=(0.0, 0.0), **CLEAN)
    np.testing.assert_array_equal(next(settled)[1], pictures[0])


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((5, 5), np.uint8),
        np.zeros((5, 5, 4), np.uint8),
        np.zeros((5, 5, 3), np.float32),
        np.zeros((0, 5, 3), np.uint8),
    ],
)
def test_other_arrays_are_user_errors(picture):
    with pytest.raises(UserError, match="uint8 RGB"):
        synthetic_blur(picture, 0)


@pytest.mark.skipif("SIS_DATA" not in os.environ, reason="needs SIS_DATA")
def test_real_photographs_are_as_blurry_as_gopro():
    folder = pathlib.Path(os.environ["SIS_DATA"]) / "bsds500" / "train"
    paths = list_pictures(folder)[:16]
    scores = [
        psnr(blurry, sharp)
        for _, blurry, sharp in photograph_pairs(paths, versions=1)
    ]
    assert 22 < np.median(scores) < 30


def test_a_pan_blurs_along_rows_alone():
    stripes = np.zeros((96, 128, 3), np.uint8)
    stripes[:, ::8] = 255
    level = np.zeros((96, 128, 3), np.uint8)
    level[::8] = 255
    plain = {
        "pan": True,
        "extent": (40.0, 40.0),
        "object_probability": 0.0,
        "noise_probability": 0.0,
        "jpeg_probability": 0.0,
    }
    for picture, change in ((stripes, True), (level, False)):
        blurry, sharp = synthetic_blur(picture, 3, **plain)
        np.testing.assert_array_equal(sharp, picture)
        inside = np.s_[16:-16, 24:-24]
        error = np.abs(blurry[inside].astype(int) - picture[inside]).mean()
        assert (error > 40) == change
        if not change:
            assert error < 8
