"""Fingerprints are of bytes, and of nothing else."""

import os
import shutil

import numpy as np
import pytest

from sis_keras.files.contents import PIECE, WHOLE, contents_of


@pytest.mark.parametrize("size", [0, 100, WHOLE, WHOLE + 1, 5 * WHOLE])
def test_copied_and_touched_it_stays(tmp_path, size):
    data = np.random.default_rng(0).bytes(size)
    path, copy = tmp_path / "a.png", tmp_path / "elsewhere.png"
    path.write_bytes(data)
    before = contents_of(path)
    os.utime(path, ns=(1, 1))
    assert contents_of(path) == before
    shutil.copyfile(path, copy)
    assert contents_of(str(copy)) == before
    path.write_bytes(data + b"x")
    assert contents_of(path) != before


@pytest.mark.parametrize("size", [100, WHOLE, 5 * WHOLE])
def test_a_byte_of_the_head_or_the_tail_counts(tmp_path, size):
    data = np.random.default_rng(0).bytes(size)
    found = set()
    for place in (0, min(PIECE, size) - 1, size - min(PIECE, size), size - 1):
        path = tmp_path / f"{place}"
        changed = bytearray(data)
        changed[place] ^= 1
        path.write_bytes(changed)
        found.add(contents_of(path))
    (tmp_path / "whole").write_bytes(data)
    found.add(contents_of(tmp_path / "whole"))
    assert len(found) == (3 if size == 100 else 5)


def test_every_byte_of_what_is_small_counts(tmp_path):
    for place in range(3):
        data = bytearray(WHOLE)
        data[WHOLE // 2 + place] = 1
        (tmp_path / f"{place}").write_bytes(data)
    assert len({contents_of(tmp_path / f"{n}") for n in range(3)}) == 3


def test_an_edit_amid_a_large_uncompressed_picture(tmp_path):
    """A sixteenth of a picture, as a retoucher leaves it: pieces meet it."""
    data = bytearray(8 * WHOLE)
    (tmp_path / "before").write_bytes(data)
    first = 5 * WHOLE // 2
    data[first : first + len(data) // 14] = b"\1" * (len(data) // 14)
    (tmp_path / "after").write_bytes(data)
    assert contents_of(tmp_path / "before") != contents_of(tmp_path / "after")
