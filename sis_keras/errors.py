"""The one exception for mistakes that a user can mend."""


class UserError(ValueError):
    """A mistake of the user's: what was expected, what came, what to do.

    The command-line programs print its message as one line and exit with
    status 2. Programming errors raise other exceptions and keep their trace.
    """


class CommandError(UserError):
    """A mistake in the command, which every file of a run would meet."""


class StoppedError(UserError):
    """A signal ended the work; the message says what of it is kept."""
