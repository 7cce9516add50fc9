"""Figure 6, tau_2 at the best of tau_1: python -m experiments.figure6"""

from experiments.command import Settings, run_one
from experiments.runs import Run
from experiments.sweep import TAUS_2, some, sweep

PRINTED = (
    "The paper prints a plot and no numbers; it chooses tau_1 = 0.5, the "
    "steadiest of three lines, and tau_2 = 0.006."
)


def run(settings: Settings) -> str:
    """Markdown; the table and plot `figure6` in the output."""
    lines = {
        f"tau_1 = {tau_1:g}": [
            Run(tau_1=tau_1, tau_2=x) for x in some(TAUS_2, settings)
        ]
        for tau_1 in settings.of_size.taus_of_figure_6
    }
    return sweep(settings, "figure6", lines, "tau_2", PRINTED)


if __name__ == "__main__":
    run_one(__doc__, run)
