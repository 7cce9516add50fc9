"""Multiply-adds against a count by hand."""

import small_network

from sis_keras.training.throughput import multiply_adds


def test_multiply_adds_of_a_small_network_by_hand():
    """33x40 is padded to 64x64; layers see a half and a quarter of it."""
    model = small_network.small_network()
    first = 32 * 32 * (3 * 3 * 3 * 4)
    before_shuffle = 16 * 16 * (4 * 16)
    # Each input pixel adds its 4x4 footprint.
    transposed = 32 * 32 * (4 * 4 * 4 * 3)
    expected = first + before_shuffle + transposed
    assert multiply_adds(model, 33, 40) == expected
    # 32x96 is three quarters of 64x64.
    assert multiply_adds(model, 32, 96) == expected * 3 // 4
    # The counted network stays as it was.
    assert model.input.shape == (None, None, None, 3)
