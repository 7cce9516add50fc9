"""What a run over many files says at its end."""

import collections
import os
import re
from collections.abc import Iterator

from sis_keras.commands.foundations import STOPPED

# Of each kind that is passed over, so many names.
NAMED = 3


def summary_lines(plan, jobs: list, run) -> Iterator[str]:
    """How many of each outcome, where the outputs are, what is passed over.

    Args:
        plan: All that was found.
        jobs: Those of its jobs that were to be done.
        run: The `Run` that did them.
    """
    if plan.share:
        yield f"{plan.share}."
    yield f"{', '.join(_counts(plan, jobs, run))}."
    if plan.jobs and (run.done or len(jobs) < len(plan.jobs)):
        compares = plan.jobs[0].compare
        beside = ", NAME_compare beside each" if compares else ""
        yield f"Outputs are in {_common_folder(plan.jobs)}{beside}."
    kinds = collections.defaultdict(list)
    for path, why in plan.passed.items():
        kinds[why].append(str(path))
    for why, names in kinds.items():
        more = len(names) - NAMED
        named = ", ".join(names[:NAMED]) + (f", {more} more" * (more > 0))
        yield f"Passed over {len(names)}, {why}: {named}."


def _counts(plan, jobs, run):
    words = f"{len(run.done)} deblurred"
    noted = [job for job in run.done if job in run.notes]
    if noted:
        words += f" ({len(noted)} with notes, see above)"
    yield words
    there = len(plan.jobs) - len(jobs)
    if there:
        yield (
            f"{there} passed over, as their outputs are there (--overwrite "
            "replaces them)"
        )
    failed = len(run.failures) + len(plan.unreadable)
    if failed:
        yield f"{failed} failed"
    left = len(jobs) - len(run.done) - len(run.failures)
    if left:
        yield f"{left} not begun or not finished"


def _common_folder(jobs):
    folders = {os.path.abspath(job.target.parent) for job in jobs}
    try:
        return os.path.commonpath(folders)
    except ValueError:  # On two disks of Windows.
        return ", ".join(sorted(folders))


def naming(path, reason: str) -> str:
    """What is wrong with a file, in words that name it once."""
    named = rf"(?<!\S){re.escape(str(path))}(?![\w/])"
    return reason if re.search(named, reason) else f"{path}: {reason}"


def how_to_go_on(stop: BaseException, overwrite: bool, one_file: bool) -> str:
    """What to do after a signal."""
    words = str(stop) or STOPPED
    if one_file:
        return f"{words} The same command begins it again."
    if overwrite:
        return (
            f"{words} The same command without --overwrite makes what is not "
            "there yet; with it, it begins again."
        )
    return f"{words} The same command goes on where it stopped."
