"""Prints as JSON what each program of its arguments says to --help.

Each in a copy of one process, where the packages that take seconds to import
are there already.
"""

import contextlib
import io
import json
import os
import runpy
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"


def help_of(program: str) -> dict:
    """`status`, `said` and `error` of one program."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), 1)
            os.dup2(said.fileno(), 2)
            os._exit(_run(program))
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        said.seek(0)
        return {"status": status, "said": said.read()}


def _run(program):
    sys.argv = [program, "--help"]
    try:
        if program.endswith(".py"):
            runpy.run_path(program, run_name="__main__")
        else:
            runpy.run_module(program, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException as error:
        print(repr(error))
        status = 1
    sys.stdout.flush()
    return status if isinstance(status, int) else 1


if __name__ == "__main__":
    sys.path.insert(0, os.getcwd())
    with contextlib.redirect_stderr(io.StringIO()):
        import skimage  # noqa: F401
        import tensorflow  # noqa: F401
    print(json.dumps({name: help_of(name) for name in sys.argv[1:]}))
