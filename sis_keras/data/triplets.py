"""Sharp frames of video with both their neighbours, to blur along the flow."""

import contextlib
import functools
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np

from sis_keras.data.blur import flow
from sis_keras.data.blur.frame_sizes import check_frames
from sis_keras.data.natural_order import natural
from sis_keras.errors import UserError
from sis_keras.files.formats import VIDEO_SUFFIXES
from sis_keras.files.pictures import (
    list_pictures,
    read_rgb,
    stored_size,
)

# The share of the frames with the least detail, many of them blurred already.
LEFT_OUT = 0.2
# Thumbnails of neighbours that differ by more, of 255, are of two scenes.
CUT = 40.0
MOST_OF_A_VIDEO = 200
EXPECTED = (
    "flow:PATH expects a video, a folder of consecutive frames, or a folder "
    "of such folders and videos"
)


class Triplet(NamedTuple):
    """Three consecutive frames; `name` is `sequence/frame`."""

    name: str
    files: tuple[pathlib.Path, ...]
    first: int | None = None  # in a video


def find_triplets(path) -> tuple[list[Triplet], str]:
    """The triplets of a video, a folder of frames, or a folder of these.

    Frames whose names end in numbers are consecutive where the numbers are
    and what stands before them is the same; other names, in their order.
    A triplet over a scene's cut is left out, and so is a fifth of them, those
    with the least detail (variance of the Laplacian): ordinary video is often
    blurred itself.

    Returns:
        The triplets, and how many were left out, in words.

    Raises:
        UserError: There are none.
    """
    path = pathlib.Path(path)
    if not path.exists():
        raise UserError(f"{EXPECTED}. Received: {path}, which does not exist.")
    found = list(_below(path))
    if not found:
        raise UserError(
            f"{EXPECTED}. Received: {path}, in which no three consecutive "
            "frames are."
        )
    measured = [(triplet, *_measured(triplet)) for triplet in found]
    whole = [(x, detail) for x, detail, cut in measured if not cut]
    least = np.quantile([detail for _, detail in whole] or [0.0], LEFT_OUT)
    kept = [x for x, detail in whole if detail >= least]
    if not kept:
        raise UserError(
            f"{EXPECTED}. Received: {path}, whose scene changes with every "
            "frame."
        )
    cuts, blurred = len(found) - len(whole), len(whole) - len(kept)
    return kept, (
        f"{len(kept)} frames with their neighbours; left out: {blurred} with "
        f"the least detail, {cuts} beside a cut"
    )


def read_triplet(triplet: Triplet) -> list[np.ndarray]:
    """The three frames, uint8 RGB `(height, width, 3)`.

    Raises:
        UserError: One cannot be read.
    """
    if triplet.first is None:
        return [read_rgb(path) for path in triplet.files]
    # Where PyAV is not installed, folders of frames are read all the same.
    from sis_keras.files.video.frames_at import read_frames

    return read_frames(triplet.files[0], triplet.first, 3)


def blurred(
    triplet: Triplet, seed: int | Sequence[int], **settings
) -> tuple[np.ndarray, np.ndarray]:
    """The middle frame blurred by `flow.flow_blur`, and as it is.

    Raises:
        UserError: A frame cannot be read, or `flow_blur` cannot use it.
    """
    previous, sharp, following = read_triplet(triplet)
    with _naming(triplet.files[-1]):
        return flow.flow_blur(previous, sharp, following, seed, **settings)


def triplet_size(triplet: Triplet) -> tuple[int, int] | None:
    """Height and width of the frames, as their files' heads say.

    Raises:
        UserError: `flow.flow_blur` cannot use frames of such sizes.
    """
    if triplet.first is None:
        sizes = [stored_size(path) for path in triplet.files]
    else:
        from sis_keras.files.video.frames_at import frame_size

        sizes = [frame_size(triplet.files[0])]
    known = [size for size in sizes if size]
    if not known:
        return None
    with _naming(triplet.files[-1]):
        # Whichever way a frame is shown.
        check_frames(*((min(size), max(size)) for size in known))
    return known[0]


@contextlib.contextmanager
def _naming(path) -> Iterator[None]:
    """Puts the file's name before what a UserError says."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _below(path):
    if path.is_file():
        yield from _of_video(path)
        return
    yield from _of_frames(list_pictures(path))
    for child in sorted(path.iterdir()):
        hidden = child.name.startswith(".")
        if child.is_dir() and not hidden:
            yield from _below(child)
        elif child.suffix.lower() in VIDEO_SUFFIXES and not hidden:
            yield from _of_video(child)


def _of_frames(paths):
    run: list[pathlib.Path] = []
    for path in sorted(paths, key=_place):
        if run and not _follows(run[-1].stem, path.stem):
            run = []
        run.append(path)
        if len(run) == 3:
            middle = run[1]
            yield Triplet(f"{middle.parent.name}/{middle.stem}", tuple(run))
            run = []


def _follows(stem, following):
    """Whether two names are consecutive; where there are no numbers, yes."""
    (start, number), (other, next_number) = map(_numbered, (stem, following))
    if number == next_number == -1:
        return True
    return start == other and next_number == number + 1 > 0


def _place(path):
    start, number = _numbered(path.stem)
    return natural(start), number


def _numbered(stem):
    """A name without the number it ends in, and that number; -1 is none."""
    start = re.sub(r"\d+$", "", stem, flags=re.ASCII)
    number = stem[len(start) :]
    return start, int(number) if number else -1


def _of_video(path):
    from sis_keras.files.video.frames_at import count_frames

    count = count_frames(path)
    number = min(count // 3, MOST_OF_A_VIDEO)
    for n in range(number):
        first = n * (count - 3) // max(number - 1, 1)
        yield Triplet(f"{path.stem}/{first + 1:06d}", (path,), first)


def _measured(triplet):
    times = tuple(path.stat().st_mtime_ns for path in triplet.files)
    return _measured_once(triplet, times)


@functools.cache  # A run opens its sources anew for each pool.
def _measured_once(triplet, times):
    """How much detail the middle frame has, and whether a cut is beside it."""
    if triplet.first is None:
        grey = [_small_grey(path) for path in triplet.files]
    else:
        frames = read_triplet(triplet)
        grey = [cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in frames]
    detail = cv2.Laplacian(grey[1], cv2.CV_32F).var()
    small = [
        cv2.resize(x, (32, 18), interpolation=cv2.INTER_AREA).astype(np.float32)
        for x in grey
    ]
    apart = max(np.abs(small[1] - small[n]).mean() for n in (0, 2))
    return detail, apart > CUT


def _small_grey(path):
    """At half size, which a JPEG gives in a fraction of the time."""
    data = np.fromfile(path, np.uint8)
    grey = None
    if data.size:
        grey = cv2.imdecode(data, cv2.IMREAD_REDUCED_GRAYSCALE_2)
    if grey is None:
        # Says what is wrong with it.
        grey = cv2.cvtColor(read_rgb(path), cv2.COLOR_RGB2GRAY)
    return grey
