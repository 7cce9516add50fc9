"""The command line of deblur.py, which is also installed as sis-deblur."""

import argparse
import functools
import os
import sys

from sis_keras.commands.deblur_flags import make_parser
from sis_keras.commands.program import guarded, line_of
from sis_keras.commands.summary import how_to_go_on, naming, summary_lines
from sis_keras.errors import StoppedError, UserError
from sis_keras.weights.released import usable_weights


def main(arguments: list[str] | None = None) -> None:
    """Deblurs what the command line names.

    Raises:
        UserError: A mistake of the user's.
        StoppedError: By a signal; what is done, is kept.
        SystemExit: A flag is wrong (2), or some files failed (1).
    """
    given = make_parser().parse_args(arguments)
    set_environment()
    from sis_keras.restoring import jobs as deblur_jobs
    from sis_keras.restoring import shares

    plan = deblur_jobs.find_jobs(given.inputs, given.output, given.compare)
    for argument in ("shard", "ray"):
        if getattr(given, argument):
            shares.check_many(given.inputs, argument)
    if given.shard:
        shares.check_apart(given.inputs, given.output)
        plan = shares.share_of(plan, *given.shard)
    usable_weights(given.weights)
    jobs = plan.jobs
    if not given.overwrite:
        jobs = [job for job in jobs if not job.is_done]
    one_file = deblur_jobs.is_one_file(given.inputs)
    if one_file and not jobs:
        raise UserError(
            "Expected an output that is not there yet. Received: "
            f"{plan.jobs[0].target}. Name another with --output, or replace it "
            "with --overwrite."
        )
    deblur_jobs.check_writable(jobs)
    run = make_ray_run(given) if given.ray else make_run(given, not one_file)
    try:
        run(jobs)
    except (KeyboardInterrupt, StoppedError) as stop:
        if not one_file:
            say(plan, jobs, run)
        raise StoppedError(
            how_to_go_on(stop, given.overwrite, one_file)
        ) from stop
    if one_file:
        print(jobs[0].target)
        if jobs[0].compare:
            print(f"Before and after: {jobs[0].compare}.", file=sys.stderr)
        return
    say(plan, jobs, run)
    failures = {job.source: reason for job, reason in run.failures.items()}
    failures |= plan.unreadable
    for path, reason in failures.items():
        print(naming(path, line_of(reason)), file=sys.stderr)
    if failures:
        sys.exit(1)


def say(plan, jobs: list, run) -> None:
    """The paths of the outputs for programs, the summary for people."""
    for job in run.done:
        print(job.target)
    print(*summary_lines(plan, jobs, run), sep="\n", file=sys.stderr)


def set_environment() -> None:
    """Before libraries are imported that look at it."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # Whatever keras.json says.


def make_run(given: argparse.Namespace, keep_going: bool = True):
    """The `Run` of the flags; in Ray's processes, too."""
    set_environment()
    from sis_keras.restoring.work import Run

    return Run(
        lambda: make_deblurrer(given),
        given.quality,
        given.overwrite,
        keep_going=keep_going,
        strict=given.strict,
        interlaced=given.interlaced,
    )


def make_ray_run(given: argparse.Namespace):
    """The same on a cluster, where all pictures are cut into equal tiles."""
    from sis_keras.restoring.memory import MOST_BYTES
    from sis_keras.restoring.on_ray import RayRun

    given.max_memory = given.max_memory or MOST_BYTES
    return RayRun(
        functools.partial(make_run, given),
        given.ray,
        given.max_memory,
        given.overwrite,
    )


def make_deblurrer(given: argparse.Namespace):
    """The network of the flags."""
    from sis_keras.restoring.deblurrer import Deblurrer

    return Deblurrer(
        given.weights,
        given.max_memory,
        given.strength,
        given.self_ensemble,
        given.precision,
        given.strong_blur,
    )


def run() -> None:
    """The whole program."""
    guarded(main)


if __name__ == "__main__":
    run()
