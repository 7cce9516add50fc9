"""A trial that cannot run says why, in the words of train.py."""

import pytest
from places import ROOT

from sis_keras.errors import UserError
from tools import recipe


def test_a_trial_that_fails_says_why(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SIS_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(
        UserError, match="trial 'as it is'.*status 2, train.py: .*nowhere"
    ):
        recipe.run_trial("as it is", tmp_path / "trials", steps=2)
