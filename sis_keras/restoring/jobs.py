"""Which file becomes which: the inputs of deblur.py and their outputs."""

import os
import pathlib
import tempfile
from collections.abc import Iterable
from typing import NamedTuple

from sis_keras.errors import UserError
from sis_keras.files.photographs import SUFFIXES
from sis_keras.files.pictures import VIDEO_SUFFIXES
from sis_keras.files.video.frame_by_frame import TARGET_FORMATS


class Job(NamedTuple):
    """One file to deblur.

    Attributes:
        source: The picture or video.
        target: Where it goes.
        compare: Where before and after go; None where they are not wanted,
            and for videos.
        is_video: Or else a picture.
    """

    source: pathlib.Path
    target: pathlib.Path
    compare: pathlib.Path | None
    is_video: bool

    @property
    def outputs(self) -> list[pathlib.Path]:
        """All that it writes, in the order in which it appears."""
        return [self.compare, self.target] if self.compare else [self.target]

    @property
    def is_done(self) -> bool:
        """Whether all outputs are there."""
        return all(os.path.exists(path) for path in self.outputs)


def find_jobs(
    inputs: list[str], output: str | None = None, compare: bool = False
) -> list[Job]:
    """The jobs of a command line; nothing is read or written yet.

    Args:
        inputs: Files and folders; a folder stands for every picture and video
            in it and below, hidden ones excepted.
        output: A file, if the only input is one; else a folder. Without it a
            file goes beside its source, as `NAME_deblurred`, and a folder's
            files into the folder `NAME_deblurred` beside it.
        compare: Whether a picture's before and after are wanted, too.

    Raises:
        UserError: A path that does not exist, is of another kind, or holds no
            picture; an output that is an input, or another output.
    """
    jobs = []
    for text in dict.fromkeys(inputs):
        path = pathlib.Path(text)
        if _is_folder(path):
            jobs += _jobs_of_folder(path, output)
        else:
            into = output is not None and _means_folder(output, inputs)
            jobs.append(_job_of_file(path, output, into))
    _refuse_kinds(jobs)
    jobs = list({job.source.resolve(): job for job in jobs}.values())
    if output is None:
        jobs = _without_results(jobs)
    if not compare:
        jobs = [job._replace(compare=None) for job in jobs]
    _refuse_clashes(jobs)
    return jobs


def is_one_file(inputs: list[str]) -> bool:
    """Whether the mistakes of one file are those of the command."""
    return len(set(inputs)) == 1 and not _is_folder(pathlib.Path(inputs[0]))


def check_writable(jobs: Iterable[Job]) -> None:
    """Makes sure that files can be written where the outputs go.

    Raises:
        UserError: They cannot.
    """
    for folder in dict.fromkeys(job.target.parent for job in jobs):
        # Missing folders are made with their first file.
        there = (path for path in (folder, *folder.parents) if path.exists())
        try:
            with tempfile.TemporaryFile(dir=next(there)):
                pass
        except OSError as error:
            raise UserError(
                "Expected an output folder that can be written. Received: "
                f"{folder}: {error.strerror}. Name another with `output`."
            ) from error


# === Inputs ===


def _is_folder(path):
    try:
        if path.is_dir():
            return True
        if path.exists():
            return False
        reason = "which does not exist"
    except OSError as error:
        reason = str(error.strerror)
    raise UserError(
        f"Expected a picture, a video or a folder. Received: {path}, {reason}."
    )


def _jobs_of_folder(folder, output):
    if output is None:
        named = folder if folder.name else folder.resolve()
        target = named.with_name(f"{named.name}_deblurred")
    else:
        target = pathlib.Path(output)
    files = _files_below(folder, target)
    if not files:
        raise UserError(
            "Expected a folder with pictures or videos in it or below. "
            f"Received: {folder}, which has none ({_suffixes()})."
        )
    return [
        _job(file, _writable(target / file.relative_to(folder)))
        for file in files
    ]


def _files_below(folder, without):
    """Pictures and videos by name; not those in the folder `without`."""

    def refuse(error):
        raise UserError(
            "Expected a folder that can be read. Received: "
            f"{error.filename}: {error.strerror}."
        ) from error

    files, without = [], without.resolve()
    for root, folders, names in os.walk(folder, onerror=refuse):
        root = pathlib.Path(root)
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and (root / name).resolve() != without
        )
        files += [
            root / name
            for name in sorted(names)
            if not name.startswith(".") and _kind(root / name)
        ]
    return files


def _kind(path):
    suffix = path.suffix.lower()
    if suffix in VIDEO_SUFFIXES:
        return "video"
    return "picture" if suffix in SUFFIXES else None


def _suffixes():
    return " ".join(sorted({*SUFFIXES, *VIDEO_SUFFIXES}))


# === Outputs ===


def _means_folder(output, inputs):
    return (
        output.endswith(("/", os.sep))
        or not is_one_file(inputs)
        or os.path.isdir(output)
    )


def _job_of_file(path, output, into):
    if output is None:
        target = path.with_stem(f"{path.stem}_deblurred")
    else:
        target = pathlib.Path(output)
    if into:
        target /= path.name
    return _job(path, target if output and not into else _writable(target))


def _writable(target):
    """Videos of a format that is read alone become Matroska."""
    if _kind(target) != "video" or target.suffix.lower() in TARGET_FORMATS:
        return target
    return target.with_name(f"{target.name}.mkv")


def _job(source, target):
    if _kind(source) == "video":
        return Job(source, target, None, True)
    compare = target.with_stem(f"{source.stem}_compare")
    return Job(source, target, compare, False)


def _refuse_kinds(jobs):
    for job in jobs:
        kind = _kind(job.source)
        if kind is None:
            raise UserError(
                "Expected a picture or a video, by its suffix "
                f"({_suffixes()}). Received: {job.source}."
            )
        writable = TARGET_FORMATS if kind == "video" else SUFFIXES
        if job.target.suffix.lower() not in writable:
            raise UserError(
                f"Expected an output with the suffix of a {kind} "
                f"({' '.join(sorted(writable))}), as {job.source} is one; or "
                f"a folder, with / at its end. Received: {job.target}."
            )


def _without_results(jobs):
    """Leaves out what an earlier run wrote beside its source."""
    results = {job.target.resolve() for job in jobs}
    # Without its target, NAME_compare is a file of the user's own.
    results |= {
        job.compare.resolve()
        for job in jobs
        if job.compare and os.path.exists(job.target)
    }
    return [job for job in jobs if job.source.resolve() not in results]


def _refuse_clashes(jobs):
    sources = {job.source.resolve() for job in jobs}
    meanings: dict[pathlib.Path, str] = {}
    for job in jobs:
        for path in job.outputs:
            place = path.resolve()
            without = ", or leave out `compare`" if job.compare else ""
            if place in sources:
                raise UserError(
                    "Expected an output that is no input. Received: "
                    f"{path}, which would be replaced. Name another with "
                    f"`output`{without}."
                )
            after = "before and after" if path is job.compare else "deblurred"
            meaning = f"{job.source} {after}"
            if place in meanings:
                raise UserError(
                    "Expected outputs with names of their own. Received: "
                    f"{path}, which would be {meanings[place]} and {meaning}. "
                    f"Name another `output` for one of them{without}."
                )
            meanings[place] = meaning
