"""How the programs that take a run's flags start and end."""

import sys
from collections.abc import Callable, Collection

from absl import app, flags

from sis_keras.commands import flags as shared
from sis_keras.commands import help
from sis_keras.commands.empty import refuse_empty_flags
from sis_keras.commands.program import VERSION, end, guarded
from sis_keras.errors import UserError

FLAGS = flags.FLAGS


def start(
    main: Callable[[], None],
    head: str,
    taken: Collection[str] | None = None,
) -> None:
    """Runs a program; a user's mistake ends in one line and status 2.

    Args:
        main: The program.
        head: What it does, for --help.
        taken: Flags of `commands.flags` that mean something to it; None is all.
    """

    def parse(argv):
        if {"--help", "-help", "-h", "--helpfull"} & set(argv[1:]):
            own = [
                flag
                for module, found in FLAGS.flags_by_module_dict().items()
                for flag in found
                if module != shared.__name__ and not module.startswith("absl")
            ]
            print(help.text(head, shared.GROUPS, shared.of_a_run(), own, taken))
            sys.exit(0)
        if {"--version", "-version"} & set(argv[1:]):
            print(VERSION)
            sys.exit(0)
        return _parse(argv)

    guarded(lambda: app.run(lambda _: main(), flags_parser=parse))


def _parse(argv):
    try:
        rest = FLAGS(argv)
        refuse_empty_flags(FLAGS, argv)
        if len(rest) > 1:
            raise flags.Error(
                f"Expected flags only. Received: {rest[1]!r}; did you mean "
                f"--{rest[1].lstrip('-')}?"
            )
        return rest
    except flags.Error as error:
        end(f"{error} (--help lists the flags.)")
    except UserError as error:
        end(error)
