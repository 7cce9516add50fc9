"""What leaves the machine with a weight file."""

import pytest

from sis_keras.weights.card import without_places


@pytest.mark.parametrize(
    "value, expected",
    [
        ("/home/me/data/gopro/train", "…/gopro/train"),
        ("photographs:/home/me/pictures", "photographs:…/me/pictures"),
        ("half:sample:8:sharp:/a/b/c", "half:sample:8:sharp:…/b/c"),
        ("real=/a/b/c", "real=…/b/c"),
        ("$SIS_DATA/gopro", "$SIS_DATA/gopro"),
        ("/data/sets/gopro/train", "$SIS_DATA/gopro/train"),
        ("tfds:gopro/blur:train", "tfds:gopro/blur:train"),
        ("runs/mobile", "runs/mobile"),
        ("/", "/"),
        (
            ["/a/b/c", {"x": ("/a/b/c", 3, None)}],
            ["…/b/c", {"x": ["…/b/c", 3, None]}],
        ),
    ],
)
def test_places_are_left_out(value, expected, monkeypatch):
    monkeypatch.setenv("SIS_DATA", "/data/sets/")
    assert without_places({"key": value}) == {"key": expected}
