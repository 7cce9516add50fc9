"""Each program with the same arguments, forked from one process:

    python tests/support/every_program.py FOLDER ARGUMENT…

Prints JSON of its exit status, standard output and error by its name. What
all import is imported once, so that each starts in a moment; it runs in FOLDER.
"""

import ast
import importlib
import json
import os
import pathlib
import runpy
import sys
import tempfile
import traceback

ROOT = pathlib.Path(__file__).parents[2]
FOLDERS = ("benchmarks", "datasets", "experiments", "sis_keras", "tools")


def programs() -> list[str]:
    """All modules that run as programs, such as tools.recipe."""
    found = [*ROOT.glob("*.py")]
    for folder in FOLDERS:
        found += (ROOT / folder).rglob("*.py")
    names = [path.relative_to(ROOT).with_suffix("") for path in found]
    return sorted(
        ".".join(name.parts).removesuffix(".__main__")
        for name, path in zip(names, found, strict=True)
        if _is_program(path)
    )


def _is_program(path):
    lines = ast.parse(path.read_text(encoding="utf-8")).body
    return any(
        isinstance(line, ast.If) and "__main__" in ast.unparse(line.test)
        for line in lines
    )


def run(program: str, arguments: list[str], folder: str) -> tuple:
    """Status, standard output and standard error of a program."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        child = os.fork()
        if not child:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
            os.chdir(folder)
            os._exit(_status(program, arguments))
        _, status = os.waitpid(child, 0)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read().decode())
    return os.waitstatus_to_exitcode(status), *texts


def _status(program, arguments):
    """Without what Python does at its end, which takes a second here."""
    sys.argv, status = [program, *arguments], 0
    try:
        runpy.run_module(program, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def main():
    folder, *arguments = sys.argv[1:]
    sys.path.insert(0, str(ROOT))
    from sis_keras.quiet import import_tensorflow

    import_tensorflow()
    for name in ("keras", "cv2", "matplotlib.pyplot", "skimage.data"):
        importlib.import_module(name)

    found = {name: run(name, arguments, folder) for name in programs()}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
