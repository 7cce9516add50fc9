"""Synthetic blur against line kernels, sinusoids and its own promises."""

import os
import pathlib

import cv2
import numpy as np
import pytest
from scipy import ndimage

from sis_keras.data.blur import synthetic
from sis_keras.data.blur.averaging import mean_of_frames
from sis_keras.data.blur.damages import damaged, disc, match_brightness
from sis_keras.data.blur.synthetic import (
    blurred_photograph,
    flat_pair,
    render_frames,
    synthetic_blur,
)
from sis_keras.errors import UserError
from sis_keras.evaluation.metrics import psnr
from sis_keras.files.pictures import list_pictures, read_rgb, write_rgb

CLEAN = {
    "object_probability": 0.0,
    "defocus_probability": 0.0,
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
        for gamma in (None, 2.2):
            blurry, sharp = synthetic_blur(
                picture, seed, gamma=gamma, object_probability=1.0
            )
            assert blurry.shape == sharp.shape == picture.shape
            assert blurry.dtype == sharp.dtype == np.uint8


def test_a_photograph_of_a_file(tmp_path):
    picture = scene((40, 50))
    write_rgb(tmp_path / "cat.png", picture)
    for half, expected in ((False, picture), (True, halved(picture))):
        pair = blurred_photograph(tmp_path / "cat.png", (7, 1, 1), half)
        np.testing.assert_array_equal(pair, synthetic_blur(expected, (7, 1, 1)))
    blurry, _ = blurred_photograph(
        tmp_path / "cat.png", 0, extent=(0.0, 0.0), **CLEAN
    )
    np.testing.assert_array_equal(blurry, picture)
    with pytest.raises(UserError, match="dog.png"):
        blurred_photograph(tmp_path / "dog.png", 0)


def halved(picture):
    """Means of 2x2 pixels, halves rounded up."""
    height, width, _ = picture.shape
    parts = picture.reshape(height // 2, 2, width // 2, 2, 3)
    return ((parts.sum((1, 3), dtype=int) + 2) // 4).astype(np.uint8)


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
        psnr(*synthetic_blur(read_rgb(path), (0, place, 0)))
        for place, path in enumerate(paths)
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
        **CLEAN,
    }
    for picture, change in ((stripes, True), (level, False)):
        blurry, sharp = synthetic_blur(picture, 3, **plain)
        np.testing.assert_array_equal(sharp, picture)
        inside = np.s_[16:-16, 24:-24]
        error = np.abs(blurry[inside].astype(int) - picture[inside]).mean()
        assert (error > 40) == change
        if not change:
            assert error < 8


# === Defocus ===


@pytest.mark.parametrize("radius", [0.6, 1.0, 2.5, 4.0])
def test_a_disc_covers_its_pixels(radius):
    kernel = disc(radius)
    reach = len(kernel) // 2
    # Each pixel's share inside the circle, by 20x20 points in it.
    points = (np.arange(20 * len(kernel)) + 0.5) / 20 - reach - 0.5
    inside = np.hypot(points[:, None], points) <= radius
    side = len(kernel)
    expected = inside.reshape(side, 20, side, 20).mean((1, 3))
    expected /= np.pi * radius**2
    assert kernel.sum() == pytest.approx(1, abs=1e-6)
    atol = 0.2 / (np.pi * radius**2)
    np.testing.assert_allclose(kernel, expected, atol=atol)


def test_a_disc_without_a_radius_changes_nothing():
    expected = np.zeros((3, 3))
    expected[1, 1] = 1
    np.testing.assert_array_equal(disc(0.0), expected)


def test_defocus_is_convolution_with_the_disc():
    picture = scene((180, 320))
    # At a quarter of 720p's pixels the square root of lengths counts: half.
    settings = {"defocus_probability": 1.0, "defocus": (4.0, 4.0)}
    settings |= {"noise_probability": 0.0, "jpeg_probability": 0.0}
    rng = np.random.default_rng(0)
    found = damaged(picture.astype(np.float32) / 255, rng, **settings)
    expected = ndimage.convolve(
        picture.astype(float),
        disc(4 * np.sqrt(0.25))[..., None],
        mode="reflect",
    )
    assert np.abs(found - expected).max() <= 0.51


# === Brightness ===


def test_a_shift_of_all_values_is_taken_off():
    sharp = scene()
    brighter = sharp.astype(np.float32) / 255 * 0.5 + 0.25
    found = match_brightness(brighter - 0.1, (brighter * 255).astype(np.uint8))
    assert np.abs(found - brighter).max() < 1.1 / 255


def test_what_is_taken_off_is_a_gaussian_of_the_difference():
    sharp = scene((240, 320), 3)
    blurry = ndimage.uniform_filter1d(sharp / 255, 9, axis=1) * 0.7 + 0.1
    blurry = blurry.astype(np.float32)
    sigma = 320 / 24
    smooth = ndimage.gaussian_filter(
        sharp / 255 - blurry, (sigma, sigma, 0), mode="reflect"
    )
    expected = np.clip(blurry + smooth, 0, 1)
    found = match_brightness(blurry, sharp)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=0.01)
    # It is no sharper for that.
    changed = np.abs(np.diff(found - blurry, axis=1)).max()
    assert changed < 0.1 * np.abs(np.diff(blurry, axis=1)).max()


def test_linear_light_is_as_bright_as_the_sharp_picture(monkeypatch):
    # Of two values; nothing is clipped.
    picture = ((scene((120, 160)) > 128) * np.uint8(140)) + np.uint8(60)
    settings = {**CLEAN, "gamma": 2.2, "extent": (30.0, 30.0)}

    def shifts():
        for seed in range(3):
            blurry, sharp = synthetic_blur(picture, seed, **settings)
            yield blurry.mean() - sharp.mean()

    assert np.abs(list(shifts())).max() < 0.3
    monkeypatch.setattr(synthetic, "match_brightness", lambda blurry, _: blurry)
    assert min(shifts()) > 3


# === Plain colours ===


def test_plain_colours_and_gradients():
    kinds = {"constant": 0, "gradient": 0, "grey": 0, "noisy": 0}
    for seed in range(60):
        noisy, plain = flat_pair((seed, 1))
        assert noisy.shape == plain.shape == (256, 256, 3)
        assert noisy.dtype == plain.dtype == np.uint8
        inner = plain[70:-70, 70:-70].astype(int)
        for axis in (0, 1):
            assert np.abs(np.diff(inner, 2, axis=axis)).max() <= 1
        constant = (plain == plain[:1, :1]).all()
        kinds["constant" if constant else "gradient"] += 1
        kinds["grey"] += (np.ptp(plain, axis=-1) == 0).all()
        difference = noisy.astype(float) - plain
        kinds["noisy"] += difference.any()
        # Of at most 3 sqrt(1.5), and clipped at black and white.
        assert difference.std() < 3.8
        assert abs(difference.mean()) < 3.8
    assert min(kinds.values()) >= 6 and kinds["noisy"] <= 48
    for part, same in zip(flat_pair(3), flat_pair(3), strict=True):
        np.testing.assert_array_equal(part, same)
    assert (flat_pair(3)[1] != flat_pair(4)[1]).any()
