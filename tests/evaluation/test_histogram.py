"""Histograms: every value is in the bin it is drawn in."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from sis_keras.evaluation.histogram import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    WIDTH,
    bins,
    histogram,
)


@pytest.mark.parametrize(
    "values, expected",
    [
        # 14 bins over 1.3 would be of 0.093: the next round width is 0.1.
        ([0.2, 1.5], np.arange(2, 16) / 10),
        ([-0.05, 0.6], np.arange(-1, 13) / 20),
        ([3.0], [3.0, 3.1]),
        # The second is what addition made of the first.
        ([27.3, 27.300000000000004], [27.3, 27.4]),
        ([25.0, 39.0], np.arange(25, 40)),
        ([0.0, 300.0], np.arange(0, 301, 50)),
    ],
)
def test_bins_are_round(values, expected):
    np.testing.assert_allclose(bins(values), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 0.37, 1.0, 23.0, 1e5])
def test_bins_hold_every_value(scale):
    values = scale * np.random.default_rng(1).normal(size=200)
    edges = bins(values)
    assert edges[0] <= values.min() and values.max() <= edges[-1]
    assert 6 <= len(edges) <= 17
    np.testing.assert_allclose(np.diff(edges), edges[1] - edges[0], rtol=1e-6)


def bars(root, fill):
    """Left, width, height of each bar, without the legend's square."""
    return [
        [float(x.get(key)) for key in ("x", "width", "height")]
        for x in root
        if x.get("fill") == fill and x.find("title") is not None
    ]


def test_bars_are_as_high_as_counts():
    """Of 0 to 4 in bins of one: 2 before, 3 after, at equal scale."""
    before, after = [0.1, 0.2, 3.9], [1.5, 1.6, 1.7, 14.0]
    root = ET.fromstring(histogram({"before": before, "after": after}, "<dB>"))
    assert root.get("aria-label") == "Histogram: <dB>"
    bin_width = (WIDTH - LEFT - RIGHT) / 14
    first = bars(root, "url(#hatched)")
    second = bars(root, "#111")
    assert [round(x) for x, _, _ in first] == [
        round(LEFT + n * bin_width + 1) for n in (0, 3)
    ]
    # The second series stands in the right half of its bin.
    assert second[0][0] == pytest.approx(LEFT + 1.5 * bin_width, abs=0.11)
    unit = first[1][2]
    assert unit > 10
    assert first[0][2] == pytest.approx(2 * unit, abs=0.2)
    assert [x[2] / unit for x in second] == pytest.approx([3, 1], abs=0.01)
    words = [x.text for x in root.iter("text")]
    assert {"before", "after", "<dB>"} <= {*words}


def test_a_line_at_zero_where_it_lies_within():
    def lines(values):
        root = ET.fromstring(histogram({"gain": values}, "dB"))
        return [
            x.get("d") for x in root.iter("path") if x.get("stroke-dasharray")
        ]

    (line,) = lines([-1.0, 1.0])
    middle = (LEFT + WIDTH - RIGHT) / 2
    assert line.startswith(f"M{middle:.1f} ")
    assert line.endswith(f"V{HEIGHT - BOTTOM}")
    assert not lines([1.0, 2.0]) and not lines([0.0, 2.0])
