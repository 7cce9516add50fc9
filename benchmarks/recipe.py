"""Short trials of the recipe: SIS_DATA=FOLDER python -m benchmarks.recipe

Runs train.py with mobile.flags for some hundred steps (--steps), once for
each named change of its flags, two trials at a time with a thread each, and
prints what each gained on the pictures that it was validated on and on
photographs with synthetic blur that none was trained on. Every trial sees the
same crops in the same order. The trials of the game go on from the released
weights with mobile_game.flags for a quarter of the steps. Leaves the runs in
--output; one that is finished there is not run again, whatever its steps and
flags were. Takes about seven minutes a pair of trials on 2 cores.
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
    "no weight decay": ["--weight_decay=0"],
    "8 crops of 128": ["--crop_size=128"],
    "4 crops of 256": ["--crop_size=256", "--batch_size=4"],
    "real pairs alone": ["--synthetic_share=0"],
    "synthetic share 0.7": ["--synthetic_share=0.7"],
    "rate does not decay": ["--decay=none"],
    "coarse scales": ["--coarse_weight=1"],
    "coarse scales, weight 3": ["--coarse_weight=3"],
}
# The same for mobile_game.flags.
GAMES = {
    "the game": [],
    "the game, Table 1's sigmoid": ["--discriminator_sigmoid"],
}
OTHERS = "photographs:$SIS_DATA/bsds500/train"
HEADER = ["trial", "validation", "other photographs"]


def run_trial(name: str, output: pathlib.Path, steps: int) -> list[str]:
    """One trial's row; its run lies in `output`/name."""
    folder = output / "".join(x if x.isalnum() else "_" for x in name)
    environment = os.environ | {
        "TF_NUM_INTRAOP_THREADS": "1",
        "TF_NUM_INTEROP_THREADS": "1",
    }
    flagfile = "mobile.flags"
    if name in GAMES:
        flagfile, steps = "mobile_game.flags", steps // 4

    values = {"third": steps // 3, "output": output}
    change = [flag.format(**values) for flag in (TRIALS | GAMES)[name]]

    def run(program, *flags):
        subprocess.run(
            [
                sys.executable,
                program,
                f"--flagfile={flagfile}",
                *flags,
                *change,
            ],
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
    parser.add_argument("trials", nargs="*", default=list(TRIALS | GAMES))
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path("runs/recipe")
    )
    arguments = parser.parse_args()
    unknown = set(arguments.trials) - (TRIALS | GAMES).keys()
    if unknown:
        parser.error(f"expected trials in {[*TRIALS, *GAMES]}; got {unknown}")
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
