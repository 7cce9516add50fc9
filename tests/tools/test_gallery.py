"""The gallery: each picture's row, and the page."""

import numpy as np

from tools.gallery import HEIGHT, WIDTH, Shown, page, sheet


def test_a_row_shows_the_most_blurred_place_at_full_size():
    sharp = np.full((700, 900, 3), 90, np.uint8)
    blurry = sharp.copy()
    # The error is in one corner alone.
    blurry[-HEIGHT:, -WIDTH:, 1] = 140
    row = sheet(Shown("a", [blurry, sharp, sharp], 20.0, 30.0))
    assert len(row) == HEIGHT
    assert (row[:, -WIDTH:] == 90).all()
    gap = row.shape[1] - 3 * WIDTH - 2 * 8
    assert (row[:, gap : gap + WIDTH, 1] == 140).all()
    # The box is drawn into the whole, and not into the picture.
    assert (row[:, :gap] == (255, 0, 0)).all(2).any()
    assert not (blurry == (255, 0, 0)).all(2).any()


def test_what_has_no_truth_comes_last():
    pictures = [np.zeros((9, 9, 3), np.uint8)] * 2
    alone, good = Shown("a", pictures), Shown("b", pictures, 20.0, 30.0)
    bad = Shown("c", pictures, 20.0, 19.0)
    assert sorted([alone, good, bad], key=lambda x: x.gain) == [
        bad,
        good,
        alone,
    ]
    text = page("w", [(bad, "0.jpg"), (alone, "1.jpg")])
    assert "c: 20.00 to 19.00 dB\n\n![c](gallery/0.jpg)" in text
    assert "\na\n\n![a](gallery/1.jpg)" in text
