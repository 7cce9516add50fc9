"""Does what a Dockerfile says without Docker, as far as that goes:

    python tests/support/dockerfile.py FOLDER [EXTRAS=… PACKAGES=…]

Each stage is a folder of FOLDER and a fresh virtual environment of this
Python. COPY copies, RUN runs in WORKDIR; making users and changing to them is
left out. The last stage's environment stays in FOLDER.
"""

import argparse
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import venv

ROOT = pathlib.Path(__file__).parents[2]
LEFT_OUT = ("useradd",)


def steps(text: str) -> list[tuple[str, str]]:
    """`(instruction, rest)` of each; comments and line ends are gone."""
    lines = [x for x in text.splitlines() if not x.lstrip().startswith("#")]
    whole = re.sub(r"\\\n\s*", "", "\n".join(lines))
    parted = [x.split(maxsplit=1) for x in whole.splitlines() if x.strip()]
    return [(name, rest) for name, rest in parted]


class Stage:
    """A folder for a file system, and an environment for its Python."""

    def __init__(self, root: pathlib.Path):
        self.root, self.work = root, root
        venv.create(root / "venv", with_pip=True, clear=True)

    def place(self, path: str) -> pathlib.Path:
        if path.startswith("/"):
            return self.root / path.lstrip("/")
        return self.work / path

    def copy(self, sources: list[pathlib.Path], target: str) -> None:
        place = self.place(target)
        for source in sources:
            if source.is_dir():
                hidden = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, place, ignore=hidden)
            else:
                place.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, place)

    def run(self, command: str, arguments: dict[str, str]) -> None:
        path = f"{self.root / 'venv' / 'bin'}{os.pathsep}{os.environ['PATH']}"
        print("RUN", command, flush=True)
        subprocess.run(
            ["sh", "-ec", command],
            cwd=self.work,
            env={**os.environ, **arguments, "PATH": path},
            check=True,
        )


def build(folder: pathlib.Path, given: dict[str, str]) -> Stage:
    """All stages; the last one."""
    stages: dict[str, Stage] = {}
    arguments: dict[str, str] = {}
    stage = None
    for name, rest in steps((ROOT / "Dockerfile").read_text()):
        words = shlex.split(rest)
        if name == "ARG":
            key, _, value = words[0].partition("=")
            arguments[key] = given.get(key, value)
        elif name == "FROM":
            label = words[2] if "AS" in words else "last"
            stage = stages[label] = Stage(folder / label)
        elif name == "WORKDIR":
            stage.work = stage.place(rest)
            stage.work.mkdir(parents=True, exist_ok=True)
        elif name == "COPY":
            *sources, target = words
            stage.copy([ROOT / source for source in sources], target)
        elif name == "RUN" and not rest.startswith(LEFT_OUT):
            while rest.startswith("--mount="):
                mount, rest = rest.split(maxsplit=1)
                facts = dict(x.split("=") for x in mount[8:].split(","))
                source = stages[facts["from"]].place(facts["source"])
                stage.copy([source], facts["target"])
            stage.run(rest, arguments)
    return stage


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("arguments", nargs="*", metavar="NAME=VALUE")
    given = parser.parse_args()
    build(
        given.folder.resolve(),
        dict(x.split("=", 1) for x in given.arguments),
    )
