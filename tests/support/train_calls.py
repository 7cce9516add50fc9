"""train.py and evaluate.py as a user runs them, in processes."""

import subprocess
import sys

from places import ROOT

SMALL = [
    "--adversarial=none",
    "--perceptual_weight=0",
    "--batch_size=1",
    "--crop_size=32",
    "--log_every=1",
    "--validate_every=100",
]


def command(program, *flags, **options):
    return subprocess.Popen(
        [sys.executable, str(ROOT / program), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def run(program, *flags):
    process = command(program, *flags)
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err


def assert_one_line(result, *words, program="train.py", status=2):
    """The exit status, and one line that says all of `words`."""
    returned, _, err = result
    lines = [line for line in err.splitlines() if "it/s" not in line]
    said = [line for line in lines if line.startswith(f"{program}: ")]
    assert returned == status, err[-2000:]
    assert "Traceback" not in err
    assert len(said) == 1 and lines[-1] == said[0], err[-2000:]
    for word in words:
        assert word in said[0], said[0]


def train_flags(pairs, output, *flags):
    return [
        f"--train_data={pairs}",
        "--hold_out=b",
        f"--output={output}",
        *SMALL,
        *flags,
    ]
