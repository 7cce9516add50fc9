"""Files that a killed process leaves half written."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from places import ROOT

WRITING = """
import os, sys, time
from sis_keras.files import atomic

os.getpid = lambda: int(sys.argv[3])
with getattr(atomic, sys.argv[1])(sys.argv[2]) as temporary:
    file = temporary / "b.txt" if temporary.is_dir() else temporary
    file.write_text("half")
    print(flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def writing(kind, path):
    """A process that writes `path`; it ends when its input is closed.

    It takes its number for one that is none here: containers have their own.
    """
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    process = subprocess.Popen(
        [sys.executable, "-c", WRITING, kind, str(path), str(ended.pid)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()


def leave(kind, path):
    """What a killed process leaves of `path`."""
    before = set(path.parent.iterdir())
    with writing(kind, path) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
    return set(path.parent.iterdir()) - before


def made_old(folder, seconds):
    for path in folder.iterdir():
        os.utime(path, (time.time() - seconds,) * 2)
