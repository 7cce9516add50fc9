"""Pictures or frames a second: python -m benchmarks.deblurring FOLDER_OR_VIDEO

The whole work of `deblur.py`, from files to files, against the network alone on
pictures that are in memory already; of a folder also the network on batches of
same-size pictures against one at a time. TensorFlow's start is not counted.
Each figure is the median of --repeats, taken in turns.
"""

import argparse
import pathlib
import statistics
import tempfile
import time

from benchmarks.reporting import machine, spread, text_table
from sis_keras.commands.program import Parser
from sis_keras.weights.released import DEFAULT_WEIGHTS


def seconds_of(call) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def tasks(folder, deblurrer, batch, output) -> dict:
    """What is timed, and the pictures of a call, by name."""
    import numpy as np

    from sis_keras.files.photographs import read_photograph
    from sis_keras.restoring.jobs import find_jobs
    from sis_keras.restoring.work import Run

    every = find_jobs([folder], output).jobs
    jobs = [job for job in every if not job.is_video]
    pictures = [read_photograph(job.source).pixels for job in jobs]
    same = [p for p in pictures if p.shape == pictures[0].shape]
    batches = [
        np.stack([p / np.float32(255) for p in same[i : i + batch]])
        for i in range(0, len(same) - batch + 1, batch)
    ]

    def files():
        run = Run(lambda: deblurrer, overwrite=True)
        run(jobs)
        if run.failures:
            raise SystemExit(f"Some fail: {run.failures}")

    def network():
        for picture in pictures:
            deblurrer(picture)

    def in_batches():
        for several in batches:
            deblurrer._restorer(several)

    def one_by_one():
        for several in batches:
            for one in several:
                deblurrer._restorer(one[None])

    timed = {
        "files to files": (files, len(jobs)),
        "network alone": (network, len(jobs)),
    }
    if batches:
        count = batch * len(batches)
        timed[f"network, batches of {batch}"] = (in_batches, count)
        timed["network, one by one"] = (one_by_one, count)
    return timed


def tasks_of_video(path, deblurrer, output) -> dict:
    """The same of a video's frames."""
    from sis_keras.files.video.frame_by_frame import deblur_video
    from sis_keras.files.video.source import VideoSource

    with VideoSource(pathlib.Path(path)) as video:
        parts = [part.pixels for part in video.parts()]
    frames = [pixels for pixels in parts if pixels is not None]

    def files():
        target = pathlib.Path(output) / "out.mp4"
        deblur_video(path, target, deblurrer, overwrite=True, progress=False)

    def network():
        for frame in frames:
            deblurrer(frame)

    return {
        "file to file": (files, len(frames)),
        "network alone": (network, len(frames)),
    }


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("path", metavar="FOLDER_OR_VIDEO")
    add("--weights", default=DEFAULT_WEIGHTS)
    add("--precision", choices=("float32", "bfloat16"))
    add("--batch", type=int, default=4)
    add("--repeats", type=int, default=3)
    given = parser.parse_args()
    here = machine()
    from sis_keras.restoring.deblurrer import Deblurrer

    deblurrer = Deblurrer(given.weights, precision=given.precision)
    with tempfile.TemporaryDirectory() as output:
        if pathlib.Path(given.path).is_file():
            timed = tasks_of_video(given.path, deblurrer, output)
        else:
            timed = tasks(given.path, deblurrer, given.batch, output)
        for call, _ in timed.values():
            call()
        rounds = [
            {name: seconds_of(call) for name, (call, _) in timed.items()}
            for _ in range(given.repeats)
        ]
    rows = []
    for name, (_, count) in timed.items():
        speeds = [count / seconds[name] for seconds in rounds]
        median = statistics.median(speeds)
        rows.append([name, str(count), f"{median:.2f}", spread(speeds, 2)])
    print(here)
    header = ["", "pictures", "a second", "min..max"]
    print(f"{deblurrer.precision}\n\n{text_table(header, rows)}")
    whole = next(iter(timed))
    more = statistics.median(
        seconds[whole] / seconds["network alone"] - 1 for seconds in rounds
    )
    print(f"\nreading, writing and the rest add {more:.0%}")


if __name__ == "__main__":
    main()
