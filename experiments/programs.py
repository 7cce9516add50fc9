"""Calls of the project's own programs, within a budget of minutes."""

import os
import pathlib
import subprocess
import sys

from experiments.command import Settings

ROOT = pathlib.Path(__file__).parents[1]
OUT_OF_BUDGET = -1
_RUNNING: set[subprocess.Popen] = set()


def call(
    command: list[str],
    log: pathlib.Path,
    settings: Settings,
    minutes: float | None = None,
) -> int:
    """Runs a program of the project, what it says going into `log`.

    Args:
        command: The program and its flags.
        log: Written anew.
        settings: Its `jobs` share the cores.
        minutes: After so many SIGTERM ends it, and train.py saves all.

    Returns:
        Its status, or OUT_OF_BUDGET.
    """
    environment = dict(os.environ)
    if settings.jobs > 1:
        threads = max(1, (os.cpu_count() or 1) // settings.jobs)
        environment |= {
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "TF_NUM_INTEROP_THREADS": "1",
        }
    with open(log, "wb") as file:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=environment,
        )
    _RUNNING.add(process)
    try:
        return process.wait(None if minutes is None else 60 * minutes)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.wait()
        return OUT_OF_BUDGET
    finally:
        _RUNNING.discard(process)


def last_line(log: pathlib.Path) -> str:
    """What a program said last, without its name."""
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [x for x in text.replace("\r", "\n").splitlines() if x.strip()]
    return lines[-1].partition(".py: ")[2] or lines[-1] if lines else "no words"


def end_all() -> None:
    """SIGTERM to those that run; train.py saves all."""
    for process in list(_RUNNING):
        process.terminate()
