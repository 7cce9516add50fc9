"""How every program ends."""

import errno
import os
import signal
import subprocess
import sys

import pytest
from places import ROOT

from sis_keras.commands.program import guarded
from sis_keras.evaluation.report import write_json


def test_a_name_that_is_too_long_gets_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        guarded(lambda: write_json(tmp_path / ("x" * 300), {}))
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "xxx: File name too long" in line and "another" in line
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(os.name == "nt", reason="wants POSIX's pipes")
@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_nobody_reads_on(flag):
    """As `train.py --help | head -1`: no word, and the shell's status."""
    reads, writes = os.pipe()
    os.close(reads)
    with open(writes, "wb") as pipe:
        done = subprocess.run(
            [sys.executable, "train.py", flag],
            stdout=pipe,
            stderr=subprocess.PIPE,
            cwd=ROOT,
        )
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


def test_a_pipe_of_the_programs_own_is_no_reader_that_went(capsys):
    def main():
        raise BrokenPipeError(errno.EPIPE, "a worker's")

    with pytest.raises(BrokenPipeError, match="a worker's"):
        guarded(main)
