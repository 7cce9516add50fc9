"""What FFmpeg says of a video stream, and PyAV has no name for."""

import re
import threading
from typing import NamedTuple

import av
import av.logging

_SITINGS = "left|center|topleft|top|bottomleft|bottom"
_ONE_AT_A_TIME = threading.Lock()


class Stated(NamedTuple):
    """How a stream's pictures are to be shown.

    Attributes:
        siting: Where chroma lies between the pixels, by FFmpeg's name;
            "left" where nothing is said, which is what players take.
        crop: Pixels cut off at the left, right, top and bottom.
    """

    siting: str = "left"
    crop: tuple[int, int, int, int] = (0, 0, 0, 0)


def stated(container: av.container.InputContainer, stream) -> Stated:
    """Reads both from FFmpeg's description of the open file."""
    text = _described(container)
    start = re.search(rf"^  Stream #\d+:{stream.index}\b.*$", text, re.M)
    if not start:
        return Stated()
    after = text[start.end() :]
    following = re.search(r"^  Stream #|^Output|^Input", after, re.M)
    after = after[: following.start()] if following else after
    siting = re.search(rf"\([^)]*\b({_SITINGS})\)", start.group())
    crop = re.search(r"Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)", after)
    return Stated(
        siting.group(1) if siting else "left",
        tuple(map(int, crop.groups())) if crop else (0, 0, 0, 0),  # type: ignore[arg-type]
    )


def _described(container):
    """It has the place of chroma only for those who want to know more."""
    with _ONE_AT_A_TIME:
        before = av.logging.get_level()
        av.logging.set_level(av.logging.VERBOSE)
        av.logging.set_libav_level(av.logging.VERBOSE)
        try:
            return container.dumps_format()
        finally:
            av.logging.set_libav_level(av.logging.INFO)
            av.logging.set_level(before)
