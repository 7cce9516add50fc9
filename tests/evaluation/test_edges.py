"""Edges of made pictures, whose places and widths are known."""

import math

import numpy as np
import pytest
from scipy import ndimage
from skimage import data, feature

from sis_keras.evaluation.edges import (
    HIGH,
    LOW,
    PROTOCOL,
    edge_widths,
    find_edges,
    match_edges,
    score_edges,
)


def picture(plane):
    return np.repeat(np.rint(plane).astype(np.uint8)[..., None], 3, 2)


def ramp(width, angle=0.0, low=20, high=220, side=96):
    """From low to high over `width` pixels, across a line at an angle."""
    rows, columns = np.mgrid[:side, :side] - side / 2
    across = columns * math.cos(angle) + rows * math.sin(angle)
    return picture(low + (high - low) * np.clip(across / width + 0.5, 0, 1))


def lines(*columns, side=24):
    edges = np.zeros((side, side), bool)
    edges[:, list(columns)] = True
    return edges


# === Precision, recall ===


def test_matches_by_hand():
    assert match_edges(lines(5), lines(5)) == (1.0, 1.0, 1.0)
    assert match_edges(lines(6), lines(5)) == (1.0, 1.0, 1.0)
    assert match_edges(lines(7), lines(5)) == (0.0, 0.0, 0.0)
    assert match_edges(lines(7), lines(5), tolerance=2) == (1.0, 1.0, 1.0)
    # One of two lines is right, and one of three is found.
    precision, recall, f1 = match_edges(lines(5, 20), lines(5, 10, 15))
    assert (precision, recall) == (1 / 2, 1 / 3)
    assert f1 == pytest.approx(2 / (2 + 3))


def test_no_edges_at_all():
    assert match_edges(lines(), lines()) == (1.0, 1.0, 1.0)
    assert match_edges(lines(), lines(5)) == (1.0, 0.0, 0.0)
    assert match_edges(lines(5), lines()) == (0.0, 1.0, 0.0)


def test_matches_agree_with_distances():
    rng = np.random.default_rng(0)
    edges, sharp = rng.random((2, 60, 70)) < 0.03
    precision, recall, _ = match_edges(edges, sharp)
    for share, of, others in (
        (precision, edges, sharp),
        (recall, sharp, edges),
    ):
        far = ndimage.distance_transform_cdt(~others, metric="chessboard")
        assert share == np.mean(far[of] <= 1)


# === Where edges are ===


def test_a_step_has_one_edge():
    step = picture(np.repeat([[20.0] * 48 + [220.0] * 48], 96, 0))
    rows, columns = np.nonzero(find_edges(step))
    assert set(rows) == set(range(96))
    assert len(set(columns)) == 1 and set(columns) <= {47, 48}


def test_edges_agree_with_skimage():
    """Another Canny, with unrounded smoothing and interpolated maxima."""
    photograph = data.camera()
    ours = find_edges(np.repeat(photograph[..., None], 3, 2))
    smooth = ndimage.gaussian_filter(photograph.astype(float), 1.0)
    theirs = feature.canny(
        smooth, sigma=0, low_threshold=LOW, high_threshold=HIGH
    )
    assert 0.02 < ours.mean() < 0.2
    _, _, f1 = match_edges(ours, theirs)
    assert f1 > 0.97


def test_a_flat_picture_has_none():
    flat = picture(np.full((40, 40), 128.0))
    assert not find_edges(flat).any()
    scores = score_edges(flat, flat)
    assert scores[:3] == (1.0, 1.0, 1.0) and math.isnan(scores.width)


# === How wide they are ===


def test_a_step_is_one_wide():
    step = picture(np.repeat([[20.0] * 48 + [220.0] * 48], 96, 0))
    assert set(edge_widths(step, find_edges(step))) == {1.0}


@pytest.mark.parametrize("width", [2, 4, 8, 10])
@pytest.mark.parametrize("angle", [0.0, math.pi / 2, math.pi, math.pi / 4, 0.4])
def test_a_ramp_is_as_wide_as_it_is(width, angle):
    """And up to 2 wider where it is slanted: a look between four pixels
    sees a part of the ramp beyond its ends."""
    made = ramp(width, angle)
    widths = edge_widths(made, find_edges(made))
    assert len(widths) >= 90
    slanted = angle in (math.pi / 4, 0.4)
    assert 0 <= np.median(widths) - width <= (2 if slanted else 1)


def test_a_box_of_n_makes_a_step_n_wide():
    step = np.repeat([[20.0] * 48 + [220.0] * 48], 96, 0)
    for length in (3, 5, 9):
        blurred = picture(ndimage.uniform_filter(step, (1, length)))
        widths = edge_widths(blurred, find_edges(blurred))
        assert set(widths) == {float(length)}


def test_a_blurred_photograph_has_fewer_and_wider_edges():
    sharp = data.astronaut()
    blurred = ndimage.uniform_filter(sharp, (1, 7, 1))
    same, worse = score_edges(sharp, sharp), score_edges(blurred, sharp)
    assert same[:3] == (1.0, 1.0, 1.0)
    assert worse.recall < 0.8 and worse.f1 < same.f1
    assert worse.width > same.width + 1


def test_the_protocol_says_its_numbers():
    for number in (LOW, HIGH):
        assert str(number) in PROTOCOL
