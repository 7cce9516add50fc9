"""Animated pictures in and out, each frame restored: WebP, APNG, GIF, AVIF."""

import pathlib
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.files.channels import joined, to_srgb
from sis_keras.files.formats import FORMATS, HEAD, format_of, name_of, require
from sis_keras.files.keeping import words_of_lost
from sis_keras.files.many import animation_frames, animation_writing

SUFFIXES = frozenset(
    suffix
    for suffix, form in FORMATS.items()
    if form in animation_writing.WRITERS
)


def is_animated(path) -> bool:
    """Whether a file is a picture of more than one frame that is shown.

    Files that do not read are none, nor are pages of a TIFF file.
    """
    try:
        with open(path, "rb") as file:
            form = format_of(file.read(HEAD))
            file.seek(0)
            return animation_frames.count(file, form) > 1
    except Exception:  # Damaged files make decoders raise whatever there is.
        return False


def restore_animation(
    source,
    target,
    deblur: Callable[[np.ndarray], np.ndarray],
    *,
    overwrite: bool = False,
    quality: int | None = None,
    progress: bool = True,
    as_seen: Callable[..., np.ndarray] | None = None,
    say: Callable[[str], None] | None = None,
) -> int:
    """Restores each frame; times, loops, alpha and metadata are kept.

    Frames are read, restored and encoded one after another. A frame that is
    the same as the last is not restored again.

    Args:
        source: A file that `is_animated`.
        target: Ends with one of `SUFFIXES`.
        deblur: From uint8 RGB `(height, width, 3)` to the same.
        overwrite: Replace what is there.
        quality: Of WebP and AVIF, 1 to 100. None keeps what is lossless so.
        progress: Show a bar.
        as_seen: Called with a frame's RGB, its alpha and `deblur` where
            frames have alpha: restores so that hidden colours do not show.
        say: Called with each thing that could not be kept.

    Returns:
        How many frames were written.

    Raises:
        UserError: The source does not read, or the target cannot be written.
    """
    source, target = pathlib.Path(source), pathlib.Path(target)
    form = FORMATS.get(target.suffix.lower(), "")
    if form not in animation_writing.WRITERS:
        raise UserError(
            f"Expected a target that holds animations ({' '.join(SUFFIXES)}). "
            f"Received: {target}, for {source}."
        )
    require(form, target)
    if target.exists() and not overwrite:
        raise UserError(
            f"Expected a new file. Received: {target}, which exists. "
            "`overwrite` replaces it."
        )
    frames = _opened(source)
    with (
        tqdm(
            total=frames.count,
            unit="frame",
            leave=False,
            disable=None if progress else True,
        ) as bar,
        atomic_path(target) as temporary,
        temporary.open("w+b") as file,
    ):
        restored = _restored(frames, source, deblur, as_seen, bar)
        if form == "GIF" and frames.like.icc:
            restored = _in_srgb(restored, frames.like.icc)
        writer = animation_writing.WRITERS[form]
        writer(file, restored, frames, quality)
    for words in (*frames.like.notes, *words_of_lost(frames.like, form)):
        if say:
            say(words)
    if say and form == "AVIF" and frames.plays:
        say("how often it plays is left out")
    if say and form == "GIF" and frames.form != "GIF":
        say("its colours are the 256 a frame that GIF holds")
    return frames.count


def _opened(source):
    try:
        return animation_frames.Frames(source)
    except UserError:
        raise
    except Exception as error:
        raise _does_not_read(source) from error


def _does_not_read(source):
    with source.open("rb") as file:
        form = format_of(file.read(HEAD))
    return UserError(
        f"Expected a whole animation. Received: {source}, which does not "
        f"decode as {name_of(form or 'a picture')}. Replace or remove it."
    )


def _restored(frames, source, deblur, as_seen, bar):
    """uint8 `(height, width, 3 or 4)` of each frame, restored."""
    last = after = None
    reading = iter(frames)
    while (rgba := _next(reading, source)) is not None:
        if last is None or not np.array_equal(rgba, last):
            after = _restored_frame(rgba, frames.has_alpha, deblur, as_seen)
        last = rgba
        yield after
        bar.update()


def _in_srgb(frames, icc):
    """Where the format holds no profile."""
    for frame in frames:
        colors = to_srgb(np.ascontiguousarray(frame[..., :3]), icc)
        yield np.concatenate([colors, frame[..., 3:]], axis=2)


def _next(reading, source):
    try:
        return next(reading, None)
    except Exception as error:
        raise _does_not_read(source) from error


def _restored_frame(rgba, has_alpha, deblur, as_seen):
    colors = np.ascontiguousarray(rgba[..., :3])
    if not has_alpha:
        return deblur(colors)
    alpha = np.ascontiguousarray(rgba[..., 3])
    after = as_seen(colors, alpha, deblur) if as_seen else deblur(colors)
    return joined(after, alpha, False)
