"""All of the paper's experiments: python -m experiments.all --size=tiny

Trains what is not there yet, scores it, and writes the tables and plots into
--output and into docs/reproduction.md. Called again it goes on where --budget
or Ctrl-C stopped it.
"""

import importlib
import pathlib
import time

from experiments.command import Settings, parser, settings_of
from experiments.document import write_into
from sis_keras.commands.program import guarded, line_of
from sis_keras.errors import UserError

ROWS = (
    "table1",
    "table2",
    "table3",
    "table4",
    "figure4",
    "figure5",
    "figure6",
    "figure7",
    "figure8",
    "dilution",
)
# Those that train nothing and take the places of their data.
DATA_OF = {
    "table4": lambda settings: settings.kohler,
    "figure8": lambda settings: settings.test_data,
}
FLAG_OF = {"table4": "--kohler", "figure8": "--test_data"}


def row(name: str, settings: Settings) -> str:
    """The Markdown of a table or figure, or "not run: " and why."""
    try:
        module = importlib.import_module(f"experiments.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"experiments.{name}":
            raise
        return f"not run: there is no experiments/{name}.py\n"
    try:
        if name not in DATA_OF:
            return module.run(settings)
        data = DATA_OF[name](settings)
        if not data:
            raise UserError(f"needs {FLAG_OF[name]}")
        return module.run(
            settings.output, settings.weights, data, settings.limit
        )
    except UserError as error:
        return f"not run: {line_of(error)}\n"


def head(settings: Settings, minutes: float) -> str:
    """Of the tables: what was run, on what, for how long."""
    from benchmarks.reporting import machine

    where = " ".join(machine().replace("\nload", "; load").split("\n"))
    return (
        f"`--size={settings.size}`, on {where}; this call took {minutes:.0f} "
        "minutes (runs that were there are not run again).\n"
    )


def main():
    made = parser(__doc__.partition("\n")[0])
    made.add_argument(
        "--only", default=",".join(ROWS), help="some of the tables, by comma"
    )
    made.add_argument(
        "--document",
        type=pathlib.Path,
        default=pathlib.Path("docs/reproduction.md"),
        help="whose tables are replaced",
    )
    given = made.parse_args()
    names = given.only.split(",")
    if unknown := sorted(set(names) - set(ROWS)):
        made.error(f"Expected some of {','.join(ROWS)}. Received: {unknown[0]}")
    settings = settings_of(given)
    settings.output.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    for number, name in enumerate(names, 1):
        print(f"[{number}/{len(names)}] {name}", flush=True)
        part = row(name, settings)
        print(part, flush=True)
        minutes = (time.monotonic() - start) / 60
        parts = {name: part, "head": head(settings, minutes)}
        write_into(given.document, parts, settings.output)


if __name__ == "__main__":
    guarded(main)
