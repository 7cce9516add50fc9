"""Figure 4, the games that were screened: python -m experiments.figure4

Trains with RaLSGAN, RSGAN, LSGAN (CycleGAN's game), WGAN-GP and without a
game at tau = 0.5, 0.006, 0.01, and draws their losses. --size=finetuned begins
from the released weights.
"""

import csv
import math
import pathlib

from experiments import command, plots
from experiments.command import Settings
from experiments.runs import Outcome, Run, outcomes
from experiments.tables import write_table
from sis_keras.optional import optional_package

GAMES = {
    "RaLSGAN": "ralsgan",
    "RSGAN": "rsgan",
    "LSGAN": "lsgan",
    "WGAN-GP": "wgan-gp",
    "no game": "none",
}
PANELS = {
    "content": "content, 0.5 * Eq. 4",
    "adversarial": "adversarial, 0.01 * game",
    "discriminator_loss": "discriminators' loss",
}
LINEAR = 0.01  # Losses nearer to 0 than this are drawn linearly.
HEADER = (
    "game",
    "content, first rows",
    "content, last rows",
    "largest gradient norm",
    "steps skipped",
    "PSNR",
    "over the blurred input, dB",
)


def run(settings: Settings) -> str:
    """Markdown; the table and `figure4` in the output."""
    found = outcomes(settings, [Run(adversarial=x) for x in GAMES.values()])
    by_game = dict(zip(GAMES, found, strict=True))
    curves = {
        game: curve(x.folder / "training.csv") for game, x in by_game.items()
    }
    rows = [[game, *cells(x, curves[game])] for game, x in by_game.items()]
    table = write_table(settings.output, "figure4", HEADER, rows)
    drawn = {game: x for game, x in curves.items() if x}
    shown = ""
    if drawn:
        shown = plots.save(figure(drawn), settings.output, "figure4")
    scores = next((x.scores for x in found if x.scores), None)
    return (
        f"{table}\n{shown}\nFirst and last rows are means over a fifth of the "
        "logged rows. The paper prints curves and no number, and calls the "
        "three others unstable; its WGAN has no penalty, ours has. "
        f"{command.ran(settings, scores)}\n"
    )


def curve(path: pathlib.Path) -> dict[str, list[float]]:
    """The columns of a run's training.csv; none where there is no file."""
    if not path.exists():
        return {}
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    if not rows:
        return {}
    return {name: [float(row[name]) for row in rows] for name in rows[0]}


def cells(outcome: Outcome, columns: dict[str, list[float]]) -> list[str]:
    """Of a game's row: what its curve says, then its scores."""
    if not columns:
        return [outcome.words, *[""] * (len(HEADER) - 2)]
    content = columns["content"]
    fifth = max(1, len(content) // 5)
    said = [
        f"{_mean(content[:fifth]):.4f}",
        f"{_mean(content[-fifth:]):.4f}",
        f"{max(columns['generator_gradient_norm']):.3g}",
        f"{sum(columns['skipped']):.0f}",
    ]
    if outcome.scores is None:
        return [*said, outcome.words, ""]
    return [
        *said,
        f"{outcome.mean('psnr'):.3f}",
        f"{outcome.mean('psnr', 'gain'):+.3f}",
    ]


def figure(curves: dict[str, dict[str, list[float]]]):
    """A panel for each loss, a line for each game."""
    ticker = optional_package("matplotlib.ticker", "experiments")
    figure_, axes = plots.new_figure(len(PANELS), width=12, height=3.8)
    for one, (column, title) in zip(axes, PANELS.items(), strict=True):
        for style, (game, columns) in zip(
            plots.STYLES, curves.items(), strict=False
        ):
            if column not in columns:
                continue
            every = max(1, len(columns["step"]) // 8)
            one.plot(
                columns["step"],
                columns[column],
                label=game,
                markevery=every,
                markersize=4,
                **style,
            )
        one.set_title(title)
        one.set_xlabel("steps")
        one.set_yscale("symlog", linthresh=LINEAR)
        one.yaxis.set_major_locator(
            ticker.SymmetricalLogLocator(
                base=10, linthresh=LINEAR, subs=(1, 2, 5)
            )
        )
        one.yaxis.set_major_formatter("{x:g}")
    axes[0].legend()
    return figure_


def _mean(values):
    return math.fsum(values) / len(values)


if __name__ == "__main__":
    command.run_one(__doc__, run)
