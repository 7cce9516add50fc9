"""Table 2, what each part of SIS-net brings: python -m experiments.table2

Trains Nolalent-net (without the intermediate layer path), NoPloss-net (without
the perceptual loss), Nosis-net (without the info-box) and the whole, each for
the same steps from three seeds.
"""

import functools
import itertools
import statistics
from collections.abc import Iterable

from experiments import command
from experiments.command import Settings
from experiments.runs import NETWORKS, Outcome, Run, outcomes
from experiments.tables import published, with_spread, write_table

SEEDS = (0, 1, 2)
ABLATIONS = {
    "Nolalent-net": Run("nolatent"),
    "NoPloss-net": Run(tau_2=0.0),
    "Nosis-net": Run("nosis"),
    "SIS-net (complete)": Run(),
}
HEADER = (
    "model",
    "paper PSNR",
    "paper SSIM",
    "PSNR",
    "SSIM",
    "over the blurred input, dB",
    "seeds",
    "parameters, M",
    "multiply-adds at 720p, G",
)


def run(settings: Settings) -> str:
    """Markdown; `table2.csv` and `.md` in the output."""
    by_model = ablations(settings)
    costs = cost(settings.of_size)
    rows = [
        [
            row["model"],
            row["psnr"],
            row["ssim"],
            *measured(by_model[row["model"]]),
            *costs[ABLATIONS[row["model"]].network],
        ]
        for row in published("table2")
    ]
    table = write_table(settings.output, "table2", HEADER, rows)
    done = {
        model: [x.mean("psnr") for x in found if x.scores]
        for model, found in by_model.items()
    }
    scores = next(
        (x.scores for found in by_model.values() for x in found if x.scores),
        None,
    )
    return (
        f"{table}\n{ranking(done, settings.of_size.ranks)} "
        f"{command.ran(settings, scores)} "
        f"{command.not_comparable(settings)}\n"
    )


def ablations(
    settings: Settings, seeds: Iterable[int] = SEEDS
) -> dict[str, list[Outcome]]:
    """The outcomes of each model, one for each seed."""
    seeds = list(seeds)
    runs = [
        run._replace(seed=seed) for seed in seeds for run in ABLATIONS.values()
    ]
    found = dict(zip(runs, outcomes(settings, runs), strict=True))
    return {
        model: [found[run._replace(seed=seed)] for seed in seeds]
        for model, run in ABLATIONS.items()
    }


def measured(found: list[Outcome]) -> list[str]:
    """Cells of PSNR, SSIM, gain and seeds: means over the seeds that ran."""
    done = [x for x in found if x.scores]
    if not done:
        return [found[0].words, "", "", f"0 of {len(found)}"]
    return [
        with_spread([x.mean("psnr") for x in done], 3),
        with_spread([x.mean("ssim_gaussian") for x in done], 4),
        with_spread([x.mean("psnr", "gain") for x in done], 3),
        f"{len(done)} of {len(found)}",
    ]


def ranking(psnr: dict[str, list[float]], enough_steps: bool) -> str:
    """What may be said of the order, or that nothing may.

    A model is above the next where its worst seed is above that one's best.

    Args:
        psnr: Of each model, a value for each seed that ran.
        enough_steps: Whether these steps rank anything at all.
    """
    none = "No ranking is claimed: "
    if any(len(values) < len(SEEDS) for values in psnr.values()):
        return f"{none}not each model ran from {len(SEEDS)} seeds."
    if not enough_steps:
        return f"{none}so few steps show that the commands work, no more."
    order = sorted(psnr, key=lambda x: statistics.fmean(psnr[x]), reverse=True)
    for better, worse in itertools.pairwise(order):
        if min(psnr[better]) <= max(psnr[worse]):
            return f"{none}the seeds of {better} and {worse} overlap."
    return f"By PSNR, no seeds overlapping: {' > '.join(order)}."


@functools.cache
def cost(size) -> dict[str, list[str]]:
    """Millions of parameters and G multiply-adds at 720p of each network."""
    from sis_keras.quiet import import_tensorflow

    import_tensorflow()
    from sis_keras.networks.generator import build_generator
    from sis_keras.networks.presets import preset_arguments
    from sis_keras.training.throughput import multiply_adds

    preset = "sisnet"
    for flag in size.flags:
        if flag.startswith("--preset="):
            preset = flag.partition("=")[2]
    changes: dict[str, dict] = {
        "complete": {},
        "nolatent": {"intermediate_path": False},
        "nosis": {"info_box": False},
    }
    costs = {}
    for network in NETWORKS:
        arguments = preset_arguments(preset) | changes[network]
        generator = build_generator(**arguments)
        adds = multiply_adds(generator, 720, 1280)
        costs[network] = [
            f"{generator.count_params() / 1e6:.3f}",
            f"{adds / 1e9:.2f}",
        ]
    return costs


if __name__ == "__main__":
    command.run_one(__doc__, run)
