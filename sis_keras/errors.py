"""The one exception for mistakes that a user can mend."""


class UserError(ValueError):
    """A mistake of the user's: what was expected, what came, what to do.

    The command-line programs print its message as one line and exit with
    status 2. Programming errors raise other exceptions and keep their trace.
    """


class StoppedError(UserError):
    """A signal ended the work; the message says what of it is kept."""


def training_lost(step: int, in_a_row: int, last_path) -> UserError:
    """Why a run ends whose last `in_a_row` steps changed nothing."""
    return UserError(
        f"Stopped at step {step}: the last {in_a_row} steps gave a loss or "
        "gradient that is not finite; none of them changed a weight. "
        f"{last_path} holds the last good state. Lower --learning_rate, set "
        "--clip_norm, or look at the data."
    )
