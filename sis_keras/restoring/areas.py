"""How many pixels files hold, by their heads alone."""

import os
import pathlib

from PIL import Image

from sis_keras.restoring.jobs import Job


def picture_pixels(path: pathlib.Path) -> int:
    """Pixels of a picture file, of the first frame of several.

    Where Pillow does not read the head, they are taken to be as many as the
    file's bytes; none where it is missing.
    """
    return _pixels(path, every=False)


def job_pixels(job: Job) -> int:
    """Pixels that a job restores, of all frames or pages.

    A file that does not say is taken to have as many as it has bytes.
    """
    if not job.is_video:
        return _pixels(job.source, every=True)
    try:
        from sis_keras.files.video.source import header_pixels

        return header_pixels(job.source)
    except Exception:  # Who restores it says what is wrong.
        return _bytes(job.source)


def _pixels(path, every):
    try:
        with Image.open(path) as image:
            # An MPO's other pictures are depth, gain maps or the other eye.
            many = every and image.format != "MPO"
            frames = getattr(image, "n_frames", 1) if many else 1
            return image.width * image.height * frames
    except Exception:  # Whatever decoders raise; who reads it says so.
        return _bytes(path)


def _bytes(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
