"""Short trials of the recipe: SIS_DATA=FOLDER python -m benchmarks.recipe

Runs train.py with mobile.flags for a few hundred steps (--steps), once for
each named change of its flags, two trials at a time with a thread each, and
prints what each gained on the pictures that it was validated on and on
photographs with synthetic blur that none was trained on. Every trial sees the
same crops in the same order. Leaves the runs in --output; a finished one is
not run again. Takes about four minutes a pair of trials on 2 cores.
"""

import argparse
import concurrent.futures
import csv
import json
import os
import pathlib
import subprocess
import sys

import tqdm

from benchmarks.reporting import machine, text_table

# A trial's name: what it changes in mobile.flags.
TRIALS = {
    "as released": [],
    "Adam, 1e-3": ["--optimizer=adam", "--learning_rate=1e-3"],
    "Adam, 3e-3": ["--optimizer=adam", "--learning_rate=3e-3"],
    "Muon, 4e-3": ["--learning_rate=4e-3"],
    "Muon, 8e-3": ["--learning_rate=8e-3"],
    "no weight decay": ["--weight_decay=0"],
    "weight decay 0.1": ["--weight_decay=0.1"],
    "MSE": ["--content=mse", "--frequency_weight=0"],
    "no frequency term": ["--frequency_weight=0"],
    "batch normalisation": ["--normalization=batch"],
    "the same, frozen after a third": [
        "--normalization=batch",
        "--freeze_batch_norm_at=200",
    ],
    "concatenation": ["--fusion=concat"],
    "crops of 128": ["--crop_size=128"],
    "real pairs alone": ["--synthetic_share=0"],
    "4 of 5 crops synthetic": ["--synthetic_share=0.8"],
    "no average": ["--ema_decay=0"],
}
OTHERS = "photographs:$SIS_DATA/bsds500/train"
HEADER = ["trial", "validation", "other photographs"]


def run_trial(name: str, output: pathlib.Path, steps: int) -> list[str]:
    """One trial's row; its run lies in `output`/name."""
    folder = output / name.replace(" ", "_").replace(",", "")
    environment = os.environ | {
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }

    def run(program, *flags):
        subprocess.run(
            [sys.executable, program, "--flagfile=mobile.flags", *flags],
            env=environment,
            check=True,
            capture_output=True,
        )

    if not (folder / "validation" / "scores.json").exists():
        run(
            "train.py",
            f"--output={folder}",
            f"--cache_dir={output}/cache",
            f"--steps={steps}",
            f"--validate_every={steps}",
            "--ema_decay=0.99",
            *TRIALS[name],
        )
    scored = folder / "evaluation" / "scores.json"
    if not scored.exists():
        run(
            "evaluate.py",
            f"--output={folder}",
            f"--weights={folder}/last.safetensors",
            f"--test_data={OTHERS}",
        )
    with open(folder / "validation.csv") as file:
        validation = float(list(csv.DictReader(file))[-1]["gain"])
    others = json.loads(scored.read_text())["all"]["gain"]["psnr"]
    return [name, f"{validation:+.3f}", f"{others:+.3f}"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("trials", nargs="*", default=list(TRIALS))
    parser.add_argument("--steps", type=int, default=600)
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
    main()
