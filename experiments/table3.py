"""Table 3 and Figure 1, quality and speed: python -m experiments.table3

Scores --weights, and the complete network of Table 2 where it is trained,
beside the rows that the paper prints.
"""

from experiments import command, plots, runs
from experiments.command import Settings
from experiments.tables import published, write_table
from sis_keras.training.run import LAST

HEADER = ("method", "PSNR", "SSIM", "seconds", "what it is")
# Where a name stands beside its point, in points; close ones keep apart.
PLACES = {
    "DeblurGAN": (-60, -4),
    "DeblurGAN-v2": (-70, -4),
    "EG-GAN": (-10, -13),
    "Yuan et al.": (6, 4),
    "Chi et al.": (7, -2),
    "SRN": (6, 4),
    "SIUN": (6, 4),
}
PRINTED = "printed: 1111 test pictures"


def run(settings: Settings) -> str:
    """Markdown; the table and `figure1` in the output."""
    ours, reasons = scored(settings)
    rows = [
        [x["method"], x["psnr"], x["ssim"], x["seconds"], PRINTED]
        for x in published("table3")
    ]
    points = []
    for name, scores in ours.items():
        entry, count = scores["all"], scores["protocol"]["images"]
        if not points:
            before = entry["blurry"]
            rows.append(_row("blurred input", before, "0", count))
        seconds = f"{entry['seconds']:.3f}"
        rows.append(_row(name, entry["restored"], seconds, count))
        points.append((name, entry["restored"]["psnr"], entry["seconds"]))
    rows += [
        [name, "", "", "", f"not run: {reason}"]
        for name, reason in reasons.items()
    ]
    table = write_table(settings.output, "table3", HEADER, rows)
    shown = plots.save(figure(points), settings.output, "figure1")
    scores = next(iter(ours.values()), None)
    return (
        f"{table}\n{shown}\nSeconds are of one 720p picture, batch 1, without "
        "decoding; the paper's are of a platform that it does not name, ours "
        f"of {scores['protocol']['device'] if scores else 'no device'}. "
        f"{command.ran(settings, scores)} {command.not_comparable(settings)}\n"
    )


def scored(settings: Settings) -> tuple[dict[str, dict], dict[str, str]]:
    """Scores by name, and the reasons of what was not run."""
    named = {settings.weights: settings.weights}
    folder = settings.output / "runs" / runs.Run().name
    trained = f"`complete`, {settings.steps} steps"
    [outcome] = runs.outcomes(settings, [runs.Run()])
    scores, reasons = {}, {}
    if outcome.reason:
        reasons[trained] = outcome.reason
    else:
        named[trained] = str(folder / LAST)
    for number, (name, weights) in enumerate(named.items()):
        found, reason = runs.score(
            settings,
            settings.output / f"table3_{number}" / "evaluation",
            weights,
            repeats=settings.of_size.repeats,
        )
        if found:
            scores[name] = found
        else:
            reasons[name] = str(reason)
    return scores, reasons


def figure(points: list[tuple[str, float, float]]):
    """PSNR over seconds: the printed rows hollow, ours filled.

    Args:
        points: Ours: name, PSNR in dB, seconds.
    """
    figure_, [axes] = plots.new_figure(width=8, height=5)
    printed = [
        (x["method"], float(x["psnr"]), float(x["seconds"]))
        for x in published("table3")
    ]
    for found, fill, label in (
        (printed, "none", "printed in the paper"),
        (points, "black", "here: another device, other pictures"),
    ):
        axes.plot(
            [seconds for *_, seconds in found],
            [psnr for _, psnr, _ in found],
            linestyle="none",
            marker="o" if fill == "none" else "s",
            markerfacecolor=fill,
            color="black",
            label=label,
        )
        for name, psnr, seconds in found:
            axes.annotate(
                name.replace("`", ""),
                (seconds, psnr),
                textcoords="offset points",
                xytext=PLACES.get(name, (6, -10 if fill == "none" else 4)),
                fontsize=8,
            )
    axes.set_xscale("log")
    axes.set_xlabel("seconds for one 720p picture")
    axes.set_ylabel("PSNR, dB")
    axes.margins(x=0.2)
    figure_.legend(loc="outside lower center", ncols=2)
    return figure_


def _row(name, scores, seconds, count):
    return [
        name,
        f"{scores['psnr']:.3f}",
        f"{scores['ssim_gaussian']:.4f}",
        seconds,
        f"ours: {count} pictures",
    ]


if __name__ == "__main__":
    command.run_one(__doc__, run)
