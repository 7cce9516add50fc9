"""Before/after pictures, pixel by pixel."""

import numpy as np
import pytest

from sis_keras.evaluation import sheet
from sis_keras.files.pictures import read_rgb


def noise(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


def row(height, width, restored=True):
    pictures = {
        "blurry": noise(height, width),
        "sharp": noise(height, width, 1),
    }
    entry = {"name": "straße/1", "blurry": {"psnr": 20.0}}
    if restored:
        pictures["restored"] = noise(height, width, 2)
        entry |= {"restored": {"psnr": 21.0}, "gain": {"psnr": 1.0}}
    return "worst", entry, pictures


def test_before_after_is_side_by_side():
    blurry, restored, sharp = (noise(5, 7, seed) for seed in range(3))
    together = sheet.before_after(
        blurry, restored.astype(np.float32) / 255, sharp, separator=2
    )
    assert together.shape == (5, 7 * 3 + 2 * 2, 3)
    assert together.dtype == np.uint8
    np.testing.assert_array_equal(together[:, :7], blurry)
    np.testing.assert_array_equal(together[:, 9:16], restored)
    np.testing.assert_array_equal(together[:, 18:], sharp)
    assert (together[:, [7, 8, 16, 17]] == 255).all()


def test_before_after_of_different_shapes_is_refused():
    with pytest.raises(ValueError, match=r"\(5, 7, 3\).*\(5, 8, 3\)"):
        sheet.before_after(noise(5, 7), noise(5, 7), noise(5, 8))


def test_most_changed_region():
    before = noise(400, 700)
    after = before.copy()
    after[200:380, 300:620] ^= 128
    after[0, 0] ^= 255
    assert sheet.most_changed(before, after) == (200, 300, 180, 320)


def test_most_changed_of_one_pixel():
    assert sheet.most_changed(noise(1, 1), noise(1, 1, 1)) == (0, 0, 1, 1)


def contains(page, part):
    """Whether `part` stands somewhere in `page`, pixel for pixel."""
    height, width = part.shape[:2]
    corners = (page == part[0, 0]).all(axis=2)
    return any(
        np.array_equal(page[y : y + height, x : x + width], part)
        for y, x in np.argwhere(corners)
    )


def test_regions_are_enlarged_without_resampling(tmp_path):
    example = row(300, 400)
    pictures = example[2]
    pictures["restored"] = pictures["blurry"].copy()
    pictures["restored"][100:250, 150:350] = noise(150, 200, 3)
    sheet.write_sheet(tmp_path / "sheet.png", [example], "A title")
    page = read_rgb(tmp_path / "sheet.png")
    assert page.shape[1] == 3 * (sheet.CELL + sheet.GAP) + sheet.GAP
    for picture in pictures.values():
        crop = picture[100:250, 150:350]
        assert contains(page, np.kron(crop, np.ones((2, 2, 1), np.uint8)))


def test_the_pictures_themselves_stay_as_they_were():
    example = row(20, 30)
    before = {name: p.copy() for name, p in example[2].items()}
    sheet.sheet([example])
    for name, picture in example[2].items():
        np.testing.assert_array_equal(picture, before[name])


@pytest.mark.parametrize("size", [(1, 1), (3, 900), (900, 3), (720, 1280)])
def test_sheets_of_every_size(size):
    page = sheet.sheet([row(*size), row(32, 32)])
    assert page.dtype == np.uint8
    assert page.shape[1] == 3 * (sheet.CELL + sheet.GAP) + sheet.GAP


def test_sheet_of_identity_has_two_columns():
    page = sheet.sheet([row(64, 64, restored=False)])
    assert page.shape[1] == 2 * (sheet.CELL + sheet.GAP) + sheet.GAP
