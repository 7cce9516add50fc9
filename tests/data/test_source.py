"""What is trained on and what is validated on, by files that were written."""

import os
import shutil

import numpy as np
import pytest

from sis_keras.data.cache import open_cache
from sis_keras.data.open_source import open_source
from sis_keras.data.source import refuse_overlap
from sis_keras.errors import UserError
from sis_keras.files.pictures import write_rgb


def photographs(folder, *seeds):
    for seed in seeds:
        random = np.random.default_rng(seed)
        picture = random.integers(256, size=(32, 40, 3), dtype=np.uint8)
        write_rgb(folder / f"{seed}.png", picture)
    return folder


def overlap(trained, validated):
    refuse_overlap(
        [open_source(f"photographs:{trained}")],
        [open_source(f"photographs:{validated}")],
    )


def test_a_file_in_both_is_refused(tmp_path):
    both = photographs(tmp_path / "both", 1, 2)
    with pytest.raises(UserError, match=r"2 files .*/both/1.png\.$"):
        overlap(both, both)


def test_a_copy_under_another_name_is_refused(tmp_path):
    trained = photographs(tmp_path / "trained", 1, 2)
    validated = photographs(tmp_path / "validated", 3)
    overlap(trained, validated)
    shutil.copy(trained / "2.png", validated / "other.png")
    with pytest.raises(
        UserError, match=r"1 files .*other.png, which is a copy of .*d/2.png"
    ):
        overlap(trained, validated)


def test_names_that_are_not_utf_8(tmp_path):
    folder = photographs(tmp_path / os.fsdecode(b"caf\xe9"), 1)
    (folder / "1.png").rename(folder / os.fsdecode(b"\xe9t\xe9.png"))
    cache = open_cache([open_source(f"photographs:{folder}")], tmp_path / "c")
    assert len(cache) == 1
