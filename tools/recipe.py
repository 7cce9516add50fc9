"""Short trials of the recipe: SIS_DATA=FOLDER python -m tools.recipe

Runs train.py with recipes/mobile.flags and a cosine decay for some hundred
steps (--steps), once for each named change of its flags, two trials at a time
with a thread each, and prints what each gained on the groups that it was
validated on. Every trial sees the same crops in the same order. Leaves the runs
in --output; one that is finished there is not run again, whatever its steps and
flags were. Takes about seven minutes a pair of trials of 1000 steps on 2 cores,
and as many for the pool.
"""

import argparse
import concurrent.futures
import csv
import pathlib
import subprocess
import sys

import tqdm

from benchmarks.reporting import machine, text_table
from sis_keras.commands.program import Parser, guarded
from sis_keras.errors import UserError

# A trial's name: what it changes in recipes/mobile.flags.
TRIALS = {
    "as it is": [],
    "the same, another seed": [
        "--seed=1",  # Other crops, and other blur on the photographs.
        "--cache_dir={output}/cache_of_another_seed",
    ],
    "batch normalisation": ["--normalization=batch"],
    "the same, frozen after a third": [
        "--normalization=batch",
        "--freeze_batch_norm_at={third}",
    ],
    "concatenation": ["--fusion=concat"],
    "MSE": ["--content=mse", "--frequency_weight=0"],
    "no frequency term": ["--frequency_weight=0"],
    "Adam, 1e-3": ["--optimizer=adam", "--learning_rate=1e-3"],
    "Muon, 4e-3": ["--learning_rate=4e-3"],
    "no weight decay": ["--weight_decay=0"],
    "7 crops of 192": ["--crop_size=192", "--batch_size=7"],
    "4 crops of 256": ["--crop_size=256", "--batch_size=4"],
    "real pairs alone": ["--synthetic_share=0"],
    "synthetic share 0.65": ["--synthetic_share=0.65"],
    "crops from one place": ["--crop_candidates=1"],
    "no coarse scales": ["--coarse_weight=0"],
}
GROUPS = ("real", "flow", "photographs")
HEADER = ["trial", *GROUPS, "sharp, worst"]


def run_trial(name: str, output: pathlib.Path, steps: int) -> list[str]:
    """One trial's row; its run lies in `output`/name."""
    folder = output / "".join(x if x.isalnum() else "_" for x in name)
    values = {"third": steps // 3, "output": output}
    change = [flag.format(**values) for flag in TRIALS[name]]

    if not (folder / "validation" / "scores.json").exists():
        done = subprocess.run(
            [
                sys.executable,
                "train.py",
                "--flagfile=recipes/mobile.flags",
                f"--output={folder}",
                f"--cache_dir={output}/cache",
                f"--steps={steps}",
                f"--refresh_steps={steps}",
                f"--validate_every={steps}",
                "--decay=cosine",
                "--ema_decay=0.99",
                "--threads_of_an_operation=1",
                "--operations_at_once=1",
                *change,
            ],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            *_, last = done.stderr.splitlines() or ["no word"]
            raise UserError(
                f"Expected the trial {name!r} to run to its end. Received: "
                f"status {done.returncode}, {last}"
            )
    with open(folder / "validation.csv") as file:
        row = list(csv.DictReader(file))[-1]
    gains = [f"{float(row[f'gain_{group}']):+.3f}" for group in GROUPS]
    return [name, *gains, f"{float(row['sharp_worst']):.1f}"]


def main():
    parser = Parser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trials", nargs="*", default=list(TRIALS))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs/recipe")
    )
    arguments = parser.parse_args()
    unknown = set(arguments.trials) - TRIALS.keys()
    if unknown:
        parser.error(f"expected trials in {list(TRIALS)}; got {unknown}")
    text = machine()

    def trial(name):
        return run_trial(name, arguments.output, arguments.steps)

    first, *others = arguments.trials
    rows = [trial(first)]  # Alone: it makes the cache for all.
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = pool.map(trial, others)
        rows += tqdm.tqdm(found, "further trials", len(others))
    print(f"{text}\n\nPSNR gained after {arguments.steps} steps, dB\n")
    print(text_table(HEADER, rows))


if __name__ == "__main__":
    guarded(main)
