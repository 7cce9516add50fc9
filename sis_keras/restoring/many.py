"""Files of many pictures: animations, TIFF files of pages, and videos."""

import functools
from collections.abc import Callable

from sis_keras.files.formats import FORMATS
from sis_keras.files.hidden import restored_as_seen
from sis_keras.files.many import animation, pages
from sis_keras.optional import optional_package
from sis_keras.restoring.jobs import Job


def restorer_of(job: Job, **options) -> Callable | None:
    """What restores a file's pictures one by one, or None.

    That is where there is one, and where the target's format holds one: then
    the first is taken, and reading says so.

    Args:
        job: Of a picture.
        options: Those of `restore_animation` alone, such as its quality.
    """
    suffix = job.target.suffix.lower()
    if suffix in animation.SUFFIXES and animation.is_animated(job.source):
        return functools.partial(
            animation.restore_animation, as_seen=restored_as_seen, **options
        )
    if FORMATS.get(suffix) == "TIFF" and pages.page_count(job.source) > 1:
        return pages.restore_pages
    return None


def deblur_video(*arguments, **options):
    """That of `files.video.frame_by_frame`, whose packages are an extra."""
    for package in ("av", "cv2"):
        optional_package(package, "video")
    from sis_keras.files.video import frame_by_frame

    frame_by_frame.deblur_video(*arguments, **options)
