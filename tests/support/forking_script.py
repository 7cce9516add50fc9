"""Runs programs in forks of a process that has imported TensorFlow already.

A line of the standard input is the JSON of a command, such as
`["train.py", "--output=run"]`; its answer is that of the status, the standard
output and the standard error.
"""

import importlib
import json
import os
import pathlib
import sys
import tempfile
import traceback

PROGRAMS = ("train", "evaluate")


def main():
    modules = {
        f"{name}.py": importlib.import_module(f"sis_keras.commands.{name}")
        for name in PROGRAMS
    }
    for name in (
        "sis_keras.evaluation.evaluate",
        "sis_keras.training.checkpoint",
        "sis_keras.training.loop",
    ):
        importlib.import_module(name)
    for line in sys.stdin:
        command = json.loads(line)
        print(json.dumps(answer(modules[command[0]].run, command)), flush=True)


def answer(run, command):
    with tempfile.TemporaryDirectory() as folder:
        paths = [pathlib.Path(folder, name) for name in ("out", "err")]
        child = os.fork()
        if not child:
            fork(run, command, paths)
        _, ended = os.waitpid(child, 0)
        texts = [path.read_text(encoding="utf-8") for path in paths]
    return [os.waitstatus_to_exitcode(ended), *texts]


def fork(run, command, paths):
    """Ends with the program's status, as Python would."""
    status = 0
    try:
        for number, path in enumerate(paths, start=1):
            file = os.open(path, os.O_CREAT | os.O_WRONLY)
            os.dup2(file, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.argv = command
        run()
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
