"""Which file becomes which: the inputs of deblur.py and their outputs."""

import collections
import hashlib
import os
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

from sis_keras.errors import UserError
from sis_keras.files.formats import (
    RAW_SUFFIXES,
    RAW_TARGET,
    SUFFIXES,
    VIDEO_TARGETS,
)
from sis_keras.files.writable import check_folder
from sis_keras.restoring.inputs import (
    is_folder,
    kind_of,
    known_suffixes,
    refuse_addresses,
    search,
    why_unknown,
)

LONGEST_NAME = 255  # bytes
RESULT = "an earlier run's result"
EMPTY = "a folder without pictures or videos"


class Job(NamedTuple):
    """One file to deblur.

    Attributes:
        source: The picture or video.
        target: Where it goes.
        compare: Where before and after go; None where they are not wanted.
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


class Plan(NamedTuple):
    """What is to be done with the inputs of a command line.

    Attributes:
        jobs: Their files, in the order in which they are done.
        passed: Why each other file is passed over; a few words, the same for
            all of a kind.
        unreadable: What is wrong with an input, or a folder below one, that
            is not there or cannot be read.
        share: Which share of the inputs this is, in words; "" is all.
    """

    jobs: list[Job]
    passed: dict[pathlib.Path, str]
    unreadable: dict[pathlib.Path, str]
    share: str = ""


def find_jobs(
    inputs: list[str], output: str | None = None, compare: bool = False
) -> Plan:
    """The jobs of a command line; nothing is read or written yet.

    Args:
        inputs: Files and folders; a folder stands for every picture and video
            in it and below, hidden ones excepted. Of several, one that is
            neither is passed over, and one that is missing is `unreadable`.
        output: A file, if the only input is one; else a folder. Without it a
            file goes beside its source, as `NAME_deblurred`, and a folder's
            files into the folder `NAME_deblurred` beside it.
        compare: Whether before and after, side by side, are wanted, too.

    Raises:
        UserError: The only input does not exist, is of another kind, or there
            is no picture in any; an output that is an input, or another output.
    """
    refuse_addresses([*inputs, output or ""])
    plan = Plan([], {}, {})
    alone = len(set(inputs)) == 1
    for path in map(pathlib.Path, dict.fromkeys(inputs)):
        try:
            _add_input(path, inputs, output, plan)
        except UserError as error:
            if alone:
                raise
            plan.unreadable[path] = str(error)
    if not plan.jobs:
        raise UserError(
            "Expected pictures or videos, or folders with some in them or "
            f"below. Received: {' '.join(inputs)}, which has none "
            f"({known_suffixes()}){_in_words(plan)}."
        )
    _refuse_kinds(plan.jobs)
    jobs = _each_once(plan.jobs)
    if output is None:
        jobs = _without_results(jobs, plan.passed)
    if not compare:
        jobs = [job._replace(compare=None) for job in jobs]
    _refuse_clashes(jobs)
    return plan._replace(jobs=jobs)


def is_one_file(inputs: list[str]) -> bool:
    """Whether the mistakes of one file are those of the command."""
    return len(set(inputs)) == 1 and not is_folder(pathlib.Path(inputs[0]))


def check_writable(jobs: Iterable[Job]) -> None:
    """Makes sure that files can be written where the outputs go.

    Raises:
        UserError: They cannot.
    """
    for folder in dict.fromkeys(job.target.parent for job in jobs):
        check_folder(folder)


# === Inputs ===


def _add_input(path, inputs, output, plan):
    if is_folder(path):
        _add_folder(path, output, plan)
    elif kind_of(path) is None and not is_one_file(inputs):
        plan.passed[path] = why_unknown(path)
    else:
        into = output is not None and _means_folder(output, inputs)
        plan.jobs.append(_job_of_file(path, output, into))


def _add_folder(folder, output, plan):
    if output is None:
        named = (
            folder if folder.name else pathlib.Path(os.path.realpath(folder))
        )
        if not named.name:
            raise UserError(
                "Expected a folder with a name, to put another beside it. "
                f"Received: {folder}. Name one with `output`."
            )
        target = named.with_name(_fitting(named.name, "_deblurred"))
    else:
        target = pathlib.Path(output)
    found = search(folder, without=target)
    if not found.files:
        plan.passed[folder] = EMPTY
    plan.jobs.extend(
        _job(file, _writable(target / file.relative_to(folder)))
        for file in found.files
    )
    plan.passed.update(found.passed)
    plan.unreadable.update(found.unreadable)


def _in_words(plan):
    """What is there instead."""
    counts = collections.Counter(plan.passed.values())
    counts["missing or not to be read"] = len(plan.unreadable)
    del counts[EMPTY]
    words = [f"; {count} {why}" for why, count in counts.items() if count]
    return "".join(words[:5])


def _each_once(jobs):
    """Without those of a file that is named twice; links are files too."""
    places = {
        (os.path.realpath(job.source), os.path.realpath(job.target)): job
        for job in jobs
    }
    return list(places.values())


# === Outputs ===


def _means_folder(output, inputs):
    return (
        output.endswith(("/", os.sep))
        or not is_one_file(inputs)
        or os.path.isdir(output)
    )


def _job_of_file(path, output, into):
    if output is None:
        name = _fitting(path.stem, f"_deblurred{path.suffix}")
        target = path.with_name(name)
    else:
        target = pathlib.Path(output)
    if into:
        target /= path.name
    if output is None or into:
        return _job(path, _writable(target))
    # Its name alone tells apart what two strengths make of one picture.
    return _job(path, target, target.stem.removesuffix("_deblurred"))


def _writable(target):
    """Of formats that are read alone, raw becomes TIFF, video Matroska."""
    suffix = target.suffix.lower()
    if suffix in RAW_SUFFIXES:
        return target.with_name(_fitting(target.name, RAW_TARGET))
    if kind_of(target) != "video" or suffix in VIDEO_TARGETS:
        return target
    return target.with_name(_fitting(target.name, ".mkv"))


def _fitting(start, end):
    """A name as long as file systems take; what is cut off, a digest tells."""
    name = start + end
    if len(os.fsencode(name)) > LONGEST_NAME:
        digest = hashlib.sha256(os.fsencode(start)).hexdigest()[:8]
        end = f"~{digest}{end}"
        while len(os.fsencode(start + end)) > LONGEST_NAME:
            start = start[:-1]
    return name if len(os.fsencode(name)) <= LONGEST_NAME else start + end


def _job(source, target, stem=None):
    name = _fitting(stem or source.stem, f"_compare{target.suffix}")
    compare = target.with_name(name)
    return Job(source, target, compare, kind_of(source) == "video")


def _refuse_kinds(jobs):
    for job in jobs:
        kind = kind_of(job.source)
        if kind is None:
            raise UserError(
                "Expected a picture or a video, by its suffix "
                f"({known_suffixes()}). Received: {job.source}. If it is "
                "one, rename it, or convert it first."
            )
        writable = VIDEO_TARGETS if kind == "video" else SUFFIXES
        if job.target.suffix.lower() not in writable:
            raise UserError(
                f"Expected an output with the suffix of a {kind} "
                f"({' '.join(sorted(writable))}), as {job.source} is one; or "
                f"a folder, with / at its end. Received: {job.target}."
            )


def _without_results(jobs, passed):
    """Passes over what an earlier run wrote beside its source."""
    results = {os.path.realpath(job.target) for job in jobs}
    # Without its target, NAME_compare is a file of the user's own.
    results |= {
        os.path.realpath(job.compare)
        for job in jobs
        if job.compare and os.path.exists(job.target)
    }
    others = []
    for job in jobs:
        if os.path.realpath(job.source) in results:
            passed[job.source] = RESULT
        else:
            others.append(job)
    return others


def _refuse_clashes(jobs):
    sources = {os.path.realpath(job.source) for job in jobs}
    meanings: dict[str, str] = {}
    for job in jobs:
        for path in job.outputs:
            place = os.path.realpath(path)
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
