"""What is measured of networks, by hand."""

import math

import keras
import numpy as np
import pytest

from experiments import dilution, figure7, table1, table2
from experiments.sizes import SIZES
from experiments.tables import published
from sis_keras.networks.discriminator import build_discriminator
from sis_keras.networks.generator import build_generator


def grey_sum(previous, info, detail, restored=0.5):
    """Four sums `previous_k + info_k + detail_k` of multiples of one map.

    info_0 is the red channel; previous_k hangs on it, detail_k does not.
    """
    blurry = keras.Input((None, None, 3))

    def times(x, factor, name):
        layer = keras.layers.Rescaling(factor, name=name)
        return layer(x)

    red = keras.layers.Conv2D(1, 1, use_bias=False, name="info_0")
    info_0 = red(blurry)
    own = keras.layers.Conv2D(1, 1, use_bias=False, name="red_again")
    detail_0 = own(blurry)
    for layer in (red, own):
        layer.set_weights([np.reshape([1.0, 0.0, 0.0], (1, 1, 3, 1))])
    sums = []
    for k in (1, 2, 3, 4):
        merged = keras.layers.Add(name=f"merged_{k}")(
            [
                times(info_0, previous, f"previous_{k}"),
                times(info_0, info, f"info_{k}"),
                times(detail_0, detail, f"detail_{k}"),
            ]
        )
        sums.append(merged)
    mean = keras.layers.Average()(sums)
    return keras.Model(blurry, times(mean, restored, "restored"))


@pytest.fixture
def picture():
    random = np.random.default_rng(0)
    return random.integers(0, 256, (8, 10, 3), np.uint8)


@pytest.mark.parametrize(
    "factors,whole,box_held",
    [
        # (2 of 4)² of what varies; with the box held (1 of 3)².
        ((1, 1, 2), 1 / 4, 1 / 9),
        # Nothing hangs on it but by the box.
        ((0, 1, 1), 1 / 4, 0),
        # All hangs on it.
        ((1, 1, 0), 1, 1),
    ],
)
def test_what_is_left_of_info_0(picture, factors, whole, box_held):
    network = grey_sum(*factors)
    left = dilution.left_of(network, [picture])
    assert left.shares == pytest.approx([whole] * 4, rel=1e-4, abs=1e-9)
    held = dilution.left_of(network, [picture], box=False)
    assert held.shares == pytest.approx([box_held] * 4, rel=1e-4, abs=1e-9)
    red = picture[..., 0] / 255
    assert left.varies == pytest.approx(red.std(), rel=1e-4)
    # Half of the sum, of which previous and info hang on info_0.
    levels = 255 * red.std() * sum(factors[:2]) / 2
    assert left.levels == pytest.approx(levels, rel=1e-4)
    changed = sum(factors[:2]) * abs(red - red.mean())
    ratio = changed / (sum(factors) * red.std())
    np.testing.assert_allclose(left.maps[0], np.minimum(ratio, 1), rtol=1e-3)


def test_a_dead_map_leaves_nothing(picture):
    network = grey_sum(1, 1, 1)
    network.get_layer("info_0").set_weights([np.zeros((1, 1, 3, 1))])
    left = dilution.left_of(network, [picture])
    assert left.shares == [0] * 4 and left.varies == left.levels == 0
    network.get_layer("red_again").set_weights([np.zeros((1, 1, 3, 1))])
    left = dilution.left_of(network, [picture])
    assert all(math.isnan(x) for x in left.shares)


def test_networks_with_and_without_the_box_are_measured(picture):
    """Held maps do not touch the network itself."""
    for box in (True, False):
        network = build_generator(
            width_multiplier=0.125,
            fusion_channels=4,
            normalization="none",
            info_box=box,
        )
        batch = picture[None] / np.float32(255)
        before = np.asarray(network(batch))
        left = dilution.left_of(network, [np.tile(picture, (8, 8, 1))])
        assert len(left.shares) == 4 and min(left.shares) > 0
        np.testing.assert_array_equal(np.asarray(network(batch)), before)


# === Table 1 ===


def test_the_discriminator_as_built():
    rows = table1.built_rows(build_discriminator(), side=64)
    found = {x[0]: x[1:] for x in rows}
    # 3 * 3 * 3 * 64 + 64 and 3 * 3 * 64 * 64 + 64, by hand.
    assert found["conv_1"] == (
        "3x3x3x64, relu",
        "1",
        "same",
        "64x64x64",
        "1792",
    )
    assert found["conv_4"][3:] == ("32x32x64", "36928")
    assert found["pool_7"][:1] + found["pool_7"][3:] == ("2x2", "8x8x64", "0")
    assert found["conv_9"][3:] == ("8x8x1", "577")
    beside = table1.beside(published("table1"), rows)
    assert [(x[0], x[4]) for x in beside[1:]] == [
        ("Conv 1 + relu", "conv_1"),
        ("Conv 2 + relu", "conv_2"),
        ("Max pooling 3", "pool_3"),
        ("Conv 4 + relu", "conv_4"),
        ("Max pooling 5", "pool_5"),
        ("Conv 6 + relu", "conv_6"),
        ("Max pooling 7", "pool_7"),
        ("Conv 8 + relu", "conv_8"),
        ("Conv 9", "conv_9"),
        ("Globe pooling 10", "pool_10"),
        ("Sigmoid 11", "score"),
    ]


# === Table 2, Figure 7 ===


def test_ablations_cost_less():
    costs = table2.cost(SIZES["tiny"])
    whole, *others = (
        [float(x) for x in costs[name]] for name in table2.NETWORKS
    )
    for other in others:
        assert other[0] <= whole[0] and other[1] < whole[1]
    # info-box: 32 to r² * 32 channels, with biases, r = 2, 4, 8, 16.
    box = sum(32 * r**2 * 32 + r**2 * 32 for r in (2, 4, 8, 16)) / 1e6
    assert whole[0] - others[1][0] == pytest.approx(box, abs=2e-3)


def test_boxes_are_drawn_and_enlarged():
    blurry = np.full((60, 80, 3), 90, np.uint8)
    boxes = [
        (slice(10, 20), slice(4, 17)),
        (slice(30, 40), slice(50, 63)),
    ]
    red = blurry.copy()
    red[boxes[0]] = (255, 0, 0)
    sheet = figure7.drawn({"a": blurry, "b": red}, boxes)
    assert sheet.dtype == np.uint8 and sheet.ndim == 3
    # The red place fills most of one panel of six below.
    share = (sheet == (255, 0, 0)).all(2).mean()
    assert 0.1 < share < 1 / 5
    assert (abs(sheet.astype(int) - figure7.BOXES[0]).max(2) < 8).any()
    assert (abs(sheet.astype(int) - figure7.BOXES[1]).max(2) < 8).any()
    assert figure7.box_size(np.zeros((720, 1280, 3))) == (120, 213)
    assert figure7.box_size(np.zeros((6, 30, 3))) == (6, 8)
