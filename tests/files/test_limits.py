"""How large a picture may be is one number, which all texts say."""

import re

import pytest
from places import ROOT

from sis_keras.commands.deblur_flags import DESCRIPTION
from sis_keras.errors import UserError
from sis_keras.files import limits
from sis_keras.files.many import animation_frames
from sis_keras.files.video import source


@pytest.mark.parametrize(
    "text",
    [
        (ROOT / "README.md").read_text(encoding="utf-8"),
        DESCRIPTION,
        str(limits.too_large("a.png", limits.MOST_PIXELS)),
    ],
)
def test_texts_say_the_limit(text):
    found = re.findall(r"(?:up to|at most)\s(\d+)\smegapixels", text)
    assert found == [str(limits.MOST_PIXELS // 10**6)]


def test_the_limit_itself_is_accepted(tmp_path):
    width, height = 10_000, limits.MOST_PIXELS // 10_000
    path = tmp_path / "a"
    path.write_bytes(bytes(width * height // limits.PIXELS_PER_BYTE))
    with path.open("rb") as file:
        limits.check_size(path, file, (width, height), limits.MOST_PIXELS)
        with pytest.raises(UserError, match="claims to have more"):
            limits.check_size(
                path, file, (width, height + 1), limits.MOST_PIXELS
            )


def test_videos_and_animations_have_no_other():
    assert source.MOST_PIXELS is limits.MOST_PIXELS
    assert animation_frames.limits is limits
