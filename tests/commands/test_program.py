"""How every program ends."""

import pytest

from sis_keras.commands.program import guarded
from sis_keras.evaluation.report import write_json


def test_a_name_that_is_too_long_gets_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        guarded(lambda: write_json(tmp_path / ("x" * 300), {}))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "xxx: File name too long" in line and "another" in line
    assert not any(tmp_path.iterdir())
