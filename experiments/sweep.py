"""Sweeps of a weight of Eq. 7: a run and a row for each value."""

import statistics

from experiments import command, plots
from experiments.command import Settings
from experiments.figure4 import curve
from experiments.runs import TAU_3, Outcome, Run, outcomes
from experiments.tables import write_table

HEADER = ("tau_1", "tau_2", "tau_3", "PSNR", "SSIM", "over the blurred, dB")
TAUS_1 = tuple(round(0.1 * x, 1) for x in range(1, 10))
TAUS_2 = tuple(round(0.001 * x, 3) for x in range(1, 10))


def some(taus: tuple[float, ...], settings: Settings) -> tuple[float, ...]:
    """All of them; of the tiny size the first, the middle and the last."""
    if settings.size == "tiny":
        return taus[0], taus[len(taus) // 2], taus[-1]
    return taus


def sweep(
    settings: Settings,
    name: str,
    lines: dict[str, list[Run]],
    varied: str,
    printed: str,
) -> str:
    """Runs, tabulates and draws.

    Args:
        settings: Of the call.
        name: Of table and plot.
        lines: The runs of each line of the plot.
        varied: "tau_1" or "tau_2", the plot's abscissa.
        printed: What the paper says.

    Returns:
        Markdown.
    """
    found = outcomes(settings, [run for line in lines.values() for run in line])
    rows = [_row(x) for x in found]
    table = write_table(settings.output, name, HEADER, rows)
    by_run = {x.run: x for x in found}
    shown = plots.save(
        figure({k: [by_run[r] for r in v] for k, v in lines.items()}, varied),
        settings.output,
        name,
    )
    scores = next((x.scores for x in found if x.scores), None)
    best = best_of(found, varied)
    return (
        f"{table}\n{shown}\n{printed} {best} {terms(found)}One seed a row, so "
        "differences below those between seeds (Table 2) say nothing. "
        f"{command.ran(settings, scores)} {command.not_comparable(settings)}\n"
    )


def best_of(found: list[Outcome], varied: str) -> str:
    """Where PSNR was largest here, and how far the values lie apart."""
    done = [x for x in found if x.scores]
    if len(done) < 2:
        return "Ours: not run."
    best = max(done, key=lambda x: x.mean("psnr"))
    values = [x.mean("psnr") for x in done]
    return (
        f"Ours is largest at {varied} = {getattr(best.run, varied):g}; all "
        f"{len(done)} lie within {max(values) - min(values):.3f} dB."
    )


def terms(found: list[Outcome]) -> str:
    """How much each term of Eq. 7 weighs, means over the last run's log."""
    columns = curve(found[-1].folder / "training.csv")
    if "perceptual" not in columns:
        return ""
    said = ", ".join(
        f"{name} {statistics.fmean(columns[name]):.2g}"
        for name in ("content", "perceptual", "adversarial")
    )
    return f"The terms as they entered the last row's loss: {said}. "


def figure(lines: dict[str, list[Outcome]], varied: str):
    """PSNR over the weight, a line for each name."""
    figure_, [axes] = plots.new_figure()
    for style, (label, found) in zip(plots.STYLES, lines.items(), strict=False):
        done = [x for x in found if x.scores]
        axes.plot(
            [getattr(x.run, varied) for x in done],
            [x.mean("psnr") for x in done],
            label=label,
            **style,
        )
    axes.set_xlabel(varied)
    axes.set_ylabel("PSNR, dB")
    axes.legend()
    return figure_


def _row(outcome):
    taus = [f"{outcome.run.tau_1:g}", f"{outcome.run.tau_2:g}", TAU_3]
    if outcome.scores is None:
        return [*taus, outcome.words, "", ""]
    return [
        *taus,
        f"{outcome.mean('psnr'):.3f}",
        f"{outcome.mean('ssim_gaussian'):.4f}",
        f"{outcome.mean('psnr', 'gain'):+.3f}",
    ]
