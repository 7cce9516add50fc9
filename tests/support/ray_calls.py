"""What Ray's processes do in tests: a `Run` that inverts pictures."""

import functools
import os
import time

from sis_keras.restoring.jobs import find_jobs
from sis_keras.restoring.on_ray import RayRun
from sis_keras.restoring.work import Run

MEMORY = 2**28
# One of this width ends the process that restores it.
DEADLY = 13


def make_run(seconds, overwrite):
    """`seconds` are those of each picture."""

    def invert(image, progress=None):
        if image.shape[1] == DEADLY:
            os._exit(1)
        time.sleep(seconds)
        return 255 - image

    return Run(lambda: invert, overwrite=overwrite)


def run_on(address, folder, output, seconds=0.0, overwrite=False):
    """The jobs of a folder, those that are done excepted, and their run."""
    jobs = find_jobs([str(folder)], str(output)).jobs
    if not overwrite:
        jobs = [job for job in jobs if not job.is_done]
    run = RayRun(
        functools.partial(make_run, seconds, overwrite),
        address,
        MEMORY,
        overwrite,
    )
    return jobs, run
