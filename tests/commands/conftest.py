"""Pairs, and a run that trained on them."""

import pytest
from pair_folders import write_two_sequences
from train_calls import run, train_flags


@pytest.fixture(scope="session")
def pairs(tmp_path_factory):
    return write_two_sequences(tmp_path_factory.mktemp("pairs"))


@pytest.fixture(scope="session")
def trained(pairs, tmp_path_factory):
    """The folder of an uninterrupted run of six steps."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    flags = train_flags(pairs, output, "--steps=6", "--checkpoint_every=2")
    status, _, err = run("train.py", *flags)
    assert status == 0, err[-3000:]
    return output
