"""Pictures a second on Ray: python -m benchmarks.on_ray FOLDER

`deblur.py --ray` on clusters of one and of --machines machines of --cores
cores each, which are all this machine. Files to files, over the last half of
the outputs: by then every process should have its network, so FOLDER must
take much longer than TensorFlow's start; --copies restores it several times.
Each figure is the median of --repeats, taken in turns.
"""

import argparse
import os
import pathlib
import statistics
import tempfile

from benchmarks.reporting import machine, spread, text_table
from sis_keras.commands.deblur import make_ray_run
from sis_keras.commands.deblur_flags import make_parser
from sis_keras.commands.program import Parser
from sis_keras.restoring.jobs import find_jobs

ROOT = pathlib.Path(__file__).parents[1]
OBJECTS = 80 * 2**20  # bytes; nothing goes through Ray's own memory


def pictures_a_second(given, machines: int) -> float:
    from ray.cluster_utils import Cluster

    cluster = Cluster()
    for _ in range(machines):
        cluster.add_node(
            num_cpus=given.cores,
            memory=given.memory,
            object_store_memory=OBJECTS,
            include_dashboard=False,
        )
    try:
        with tempfile.TemporaryDirectory() as output:
            flags = make_parser().parse_args(
                [given.folder, f"--ray={cluster.address}"]
            )
            jobs = [
                job
                for copy in range(given.copies)
                for job in find_jobs([given.folder], f"{output}/{copy}").jobs
            ]
            run = make_ray_run(flags)
            run(jobs)
            if run.failures:
                raise SystemExit(f"Some fail: {run.failures}")
            # Outputs have the other times of their sources.
            ends = sorted(job.target.stat().st_ctime for job in jobs)
    finally:
        cluster.shutdown()
    half = len(ends) // 2
    return (len(ends) - 1 - half) / (ends[-1] - ends[half])


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("folder", metavar="FOLDER")
    add("--machines", type=int, default=2)
    add("--cores", type=int, default=1)
    add("--copies", type=int, default=1)
    add("--repeats", type=int, default=3)
    given = parser.parse_args()
    given.memory = 2**31  # That of one process.
    os.environ["PYTHONPATH"] = str(ROOT)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    here = machine()
    counts = (1, given.machines)
    rounds = [
        {count: pictures_a_second(given, count) for count in counts}
        for _ in range(given.repeats)
    ]
    rows = []
    for count in counts:
        speeds = [found[count] for found in rounds]
        median = statistics.median(speeds)
        rows.append([str(count), f"{median:.2f}", spread(speeds, 2)])
    print(here)
    print(f"CPU, {given.cores} to a machine\n")
    print(text_table(["machines", "pictures a second", "min..max"], rows))
    ratios = [found[given.machines] / found[1] for found in rounds]
    print(
        f"\n{given.machines} do {statistics.median(ratios):.2f} times as much "
        f"({spread(ratios, 2)})"
    )


if __name__ == "__main__":
    main()
