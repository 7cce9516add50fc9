"""What the loops of TensorFlow and JAX have in common."""

import signal

from sis_keras.errors import UserError


def training_lost(step: int, in_a_row: int, last_path) -> UserError:
    """Why a run ends whose last `in_a_row` steps changed nothing."""
    return UserError(
        f"Stopped at step {step}: the last {in_a_row} steps gave a loss or "
        "gradient that is not finite; none of them changed a weight. "
        f"{last_path} holds the last good state. Lower --learning_rate, set "
        "--clip_norm, or look at the data."
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
