"""Whether the game between generator and discriminators is still one.

What is logged of it: the mean scores of sharp and restored pictures by both
discriminators, which share of pairs each tells apart, in which share of steps
one side wins, the gradients' norms, and the PSNR beside that of the blurred
pictures.
"""

import numpy as np

SIDES = ("global", "local")
# A run is over when so many rows in a row say so.
MOST_ROWS = 5
MOST_LOST = 3.0  # dB below the blurred pictures.
LEAST_APART = 1e-4  # Between the mean scores of sharp and restored pictures.
LEAST_GRADIENT = 1e-6  # Norm of the discriminators' gradient.


def wins(logs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Who wins each step.

    Args:
        logs: Values by name, a step each.

    Returns:
        `discriminators_win`, 1 where both tell all pairs of the step apart,
        and `generator_wins`, 1 where they are right no more often than by
        chance, else 0; nothing without a game.
    """
    shares = [logs[f"{side}_told_apart"] for side in SIDES if is_game(logs)]
    if not shares:
        return {}
    mean = np.mean(shares, axis=0)
    return {
        "discriminators_win": (mean >= 1.0).astype(float),
        "generator_wins": (mean <= 0.5).astype(float),
    }


def is_game(logs: dict) -> bool:
    """Whether there is a game in what was logged."""
    return f"{SIDES[0]}_told_apart" in logs


class Collapse:
    """Looks at each row of the log for a game that is over."""

    def __init__(self) -> None:
        self._rows: dict[str, int] = {}

    def seen(self, means: dict[str, float]) -> str | None:
        """What has collapsed, if it has for `MOST_ROWS` rows.

        Args:
            means: A row of the log: means over its steps.

        Returns:
            A clause that says what is wrong, or None.
        """
        if not is_game(means):
            return None
        lost = means["blurred_psnr"] - means["psnr"]
        if self._lasts("lost", lost > MOST_LOST):
            return f"restored pictures are {lost:.1f} dB below the blurred ones"
        apart = max(
            abs(means[f"{side}_real_score"] - means[f"{side}_fake_score"])
            for side in SIDES
        )
        gradient = means["discriminator_gradient_norm"]
        dead = apart < LEAST_APART and gradient < LEAST_GRADIENT
        if self._lasts("dead", dead):
            return "the discriminators give every picture the same score"
        return None

    def _lasts(self, kind, bad):
        """Whether this has been bad for so many rows."""
        self._rows[kind] = self._rows.get(kind, 0) + 1 if bad else 0
        return self._rows[kind] >= MOST_ROWS
