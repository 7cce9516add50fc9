"""Lists of sources, whose paths may have commas."""

import pytest

from sis_keras.commands.sources_flag import SourcesParser
from sis_keras.data.source_text import expanded, rejoined
from sis_keras.errors import UserError


@pytest.mark.parametrize(
    "text, sources",
    [
        ("first,second", ["first,second"]),
        ("a,b", ["a", "b"]),
        ("a, b ,half:first,second", ["a", "b", "half:first,second"]),
        ("x, y,a", ["x, y", "a"]),
        ("real=first,second,grey=a", ["real=first,second", "grey=a"]),
        (
            "skimage:test,sample:3:photographs:first,second,flat:2",
            ["skimage:test", "sample:3:photographs:first,second", "flat:2"],
        ),
        ("$PLACE/first,second", ["$PLACE/first,second"]),
        # Both ways are there: the grammar's comes first.
        ("a,c", ["a", "c"]),
        ('"a,c"', ["a,c"]),
        ("first,secnd", ["first", "secnd"]),
    ],
)
def test_commas(tmp_path, monkeypatch, text, sources):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PLACE", str(tmp_path))
    for name in ("a", "b", "c", "a,c", "first,second", "x, y"):
        (tmp_path / name).mkdir()
    assert SourcesParser().parse(text) == sources


def test_what_names_nothing_is_not_joined():
    assert rejoined(["no", " where"]) == ["no", "where"]


@pytest.mark.parametrize("text", ["", "a,,b", "a,"])
def test_an_empty_source(text):
    with pytest.raises(ValueError, match="unset shell variable"):
        SourcesParser().parse(text)


@pytest.mark.parametrize("text", ["photographs:", "half:", "sample:3:flow:"])
def test_a_source_without_a_path(text):
    with pytest.raises(UserError, match=f"{text}'.*unset shell variable"):
        expanded(text)


def test_quotes_that_do_not_match():
    with pytest.raises(ValueError, match="quotes do not match"):
        SourcesParser().parse('a,"b')
