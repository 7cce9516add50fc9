"""How long deblur.py takes to start: python -m benchmarks.start

Medians of --repeats runs, seconds by the clock and of the processor, each in a
process of its own: --help, and one 1280x720 JPEG from the first import to the
written file. --command=ENVIRONMENT/bin/sis-deblur measures what is installed
elsewhere.
"""

import pathlib
import resource
import shlex
import statistics
import subprocess
import sys
import tempfile
import time

import numpy as np
from PIL import Image

from benchmarks.reporting import machine
from sis_keras.commands.program import Parser

DEBLUR = pathlib.Path(__file__).parents[1] / "deblur.py"


def seconds(command: list[str]) -> tuple[float, float]:
    """By the clock and of the processor, of a process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    clock = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime, after.ru_stime
    return clock, user + system - before.ru_utime - before.ru_stime


def main():
    parser = Parser(description=__doc__)
    parser.add_argument("--command", default=f"{sys.executable} {DEBLUR}")
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    print(f"{machine()}\n")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "a.jpg")
        ramp = np.rint(np.linspace(0, 255, 1280 * 720 * 3)).astype(np.uint8)
        Image.fromarray(ramp.reshape(720, 1280, 3)).save(path)
        for name, words in (
            ("--help", ["--help"]),
            ("one 1280x720 JPEG", ["--overwrite", str(path)]),
        ):
            command = [*shlex.split(given.command), *words]
            runs = [seconds(command) for _ in range(given.repeats)]
            clock, processor = map(statistics.median, zip(*runs, strict=True))
            print(f"{name}: {clock:.2f} s, {processor:.2f} s of the processor")


if __name__ == "__main__":
    main()
