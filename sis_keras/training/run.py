"""What the loops of TensorFlow and JAX have in common."""

import pathlib
import signal

from sis_keras.errors import StoppedError, UserError
from sis_keras.files.writable import check_folder

LAST = "last.safetensors"  # The whole state.
BEST = "best.safetensors"  # The product that validated best.


def check_output(output, resume: bool) -> None:
    """Makes sure that a run can begin, or go on, in a folder.

    Raises:
        UserError: A new run would take an old one's place; there is none to
            go on with; or the folder cannot be written into.
    """
    output = pathlib.Path(output)
    there = (output / LAST).exists()
    if resume and not there:
        raise UserError(
            f"Expected a run to go on with. Received: {output}, which holds no "
            f"{LAST}. Leave out `resume` to begin one."
        )
    if there and not resume:
        raise UserError(
            f"Expected a new folder for a new run. Received: {output}, which "
            "holds one. Give `resume` to go on with it, another `output`, or "
            "remove it."
        )
    check_folder(output)


def stopped(name: str, step: int, steps: int, output) -> StoppedError:
    """What to say of a run that a signal ended."""
    return StoppedError(
        f"Stopped by {name} at step {step} of {steps}; all is saved in "
        f"{pathlib.Path(output) / LAST}. To go on, give the same command with "
        "`resume`."
    )


def training_lost(step: int, in_a_row: int, last_path) -> UserError:
    """Why a run ends whose last `in_a_row` steps changed nothing."""
    return UserError(
        f"Stopped at step {step}: the last {in_a_row} steps gave a loss or "
        "gradient that is not finite; none of them changed a weight. "
        f"{last_path} holds the last good state. Lower `learning_rate`, set "
        "`clip_norm`, or look at the data."
    )


def game_over(step: int, what: str, last_path) -> UserError:
    """Why a run ends whose game has collapsed."""
    return UserError(
        f"Stopped at step {step}: the game collapsed: {what}. {last_path} "
        "holds the state as it is, best.safetensors the best before. Lower "
        "`discriminator_learning_rate` or `adversarial_weight`, raise "
        "`discriminator_warmup_steps`, or take `adversarial=ralsgan`."
    )


def host_lost(step: int, last_path, reason: str) -> UserError:
    """Why a run ends on this host when another one is gone."""
    return UserError(
        f"Stopped at step {step}: another host does not answer "
        f"({reason.splitlines()[0]}). {last_path} holds the last good state; "
        "start all hosts again with `resume`."
    )


class first_signal:  # noqa: N801, used like contextlib's functions
    """Turns the first Ctrl-C or SIGTERM into a call; the second acts."""

    def __init__(self, call):
        self._call = call

    def __enter__(self):
        self._before = {
            number: signal.signal(number, self._handle)
            for number in (signal.SIGINT, signal.SIGTERM)
        }

    def _handle(self, number, frame):
        del frame
        self.__exit__()
        name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
        self._call(name)

    def __exit__(self, *error):
        for number, handler in self._before.items():
            signal.signal(number, handler)
