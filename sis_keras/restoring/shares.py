"""One command on many machines: which share of the files is whose.

A share is a function of the files' names alone: not of what is done already,
nor of the order of the inputs. The shares of one command are all of its files,
without overlap, whenever each begins, as long as nobody adds or takes files.
"""

import pathlib

from sis_keras.errors import UserError
from sis_keras.restoring.inputs import is_folder
from sis_keras.restoring.jobs import Plan, is_one_file


def share_of(plan: Plan, index: int, count: int) -> Plan:
    """Every `count`-th file by the names of the outputs, from `index` on.

    The whole plan's names are settled before, so they are the same in every
    share.

    Raises:
        UserError: A folder cannot be read, whose files would shift the
            shares of who cannot.
    """
    for reason in plan.unreadable.values():
        raise UserError(
            "Expected folders that can all be read, or shares would not be "
            f"those of other machines. Received: {reason} Set its rights, or "
            "leave out `shard`."
        )
    ours = set(sorted(plan.jobs, key=lambda job: job.target)[index::count])
    return plan._replace(
        jobs=[job for job in plan.jobs if job in ours],
        share=f"Shard {index}/{count}: {len(ours)} of {len(plan.jobs)} files",
    )


def check_many(inputs: list[str], argument: str) -> None:
    """Makes sure that there is something to share out.

    Args:
        inputs: Those of `find_jobs`.
        argument: What asks for it, such as "shard".

    Raises:
        UserError: There is one file alone.
    """
    if is_one_file(inputs):
        raise UserError(
            "Expected a folder or several files to share out. Received: "
            f"{inputs[0]} alone. Leave out `{argument}`."
        )


def check_apart(inputs: list[str], output: str | None) -> None:
    """Makes sure that what one share writes is no input of a later one.

    Raises:
        UserError: Outputs go beside files, where they may be listed.
    """
    if output is None and not (
        len(set(inputs)) == 1 and is_folder(pathlib.Path(inputs[0]))
    ):
        raise UserError(
            "Expected one folder, or an output folder, so that shares which "
            "begin later see the same inputs. Received: several inputs, whose "
            "outputs go beside them. Name a folder with `output`."
        )
