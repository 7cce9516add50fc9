"""Figure 5, tau_1 at tau_2 = 0.005: python -m experiments.figure5"""

from experiments.command import Settings, run_one
from experiments.runs import Run
from experiments.sweep import TAUS_1, some, sweep

TAU_2 = 0.005
PRINTED = (
    "The paper prints a plot and no numbers, and says that 0.4, 0.5 and 0.6 "
    "are best."
)


def run(settings: Settings) -> str:
    """Markdown; the table and plot `figure5` in the output."""
    runs = [Run(tau_1=x, tau_2=TAU_2) for x in some(TAUS_1, settings)]
    lines = {f"tau_2 = {TAU_2}": runs}
    return sweep(settings, "figure5", lines, "tau_1", PRINTED)


if __name__ == "__main__":
    run_one(__doc__, run)
