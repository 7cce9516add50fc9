"""III-A-3-b, semantic dilution made visible: python -m experiments.dilution

How much of info_0 is left at each fusion. info_0, the deepest map, is held at
its mean over the picture, so that it says nothing of places any more, and the
change of each fusion's sum is measured:

    left_k = sum (merged_k - held_k)² / sum (merged_k - mean merged_k)²

over positions, channels and pictures, the mean over positions: the share of
what varies in the sum that hangs on info_0. 0 % is nothing, and 100 % as much
as there is; a network is not linear, so it can be more. The same is done with
the maps of the info-box held at their means before and after, which leaves the
way through the sums alone, and with Nosis-net, trained without the box.
"""

import itertools
from typing import NamedTuple

import keras
import numpy as np

from experiments import command, pictures, plots, runs
from experiments.command import Settings
from experiments.tables import write_table
from sis_keras.networks.passes import inputs_of_passes, network_of
from sis_keras.training.run import LAST
from tools.activations import Mean

FUSIONS = tuple(f"merged_{k}" for k in (1, 2, 3, 4))
PICTURES = 3
BOX = tuple(f"info_{k}" for k in (1, 2, 3, 4))
HEADER = (
    "network",
    *(f"fusion {k}" for k in (1, 2, 3, 4)),
    "picture, levels of 255",
    "info_0 varies",
)


class Left(NamedTuple):
    """What is left of info_0 in a network.

    Attributes:
        shares: At each fusion, of 1; NaN where the sum does not vary.
        levels: Root mean square change of the restored picture, of 255.
        varies: Standard deviation of info_0 over positions; 0 is a dead one.
        maps: Of the last picture, `(height, width)` for each fusion: the
            change's root mean square over channels, of the sum's.
    """

    shares: list[float]
    levels: float
    varies: float
    maps: list[np.ndarray]


def held(generator: keras.Model, names: tuple[str, ...]) -> keras.Model:
    """info_0 and the four sums of the last pass, and the restored picture.

    Args:
        generator: What `build_generator` gives, with one sum at least.
        names: Layers whose outputs are held at their means over the picture;
            those that it lacks are passed over.
    """
    made = {}

    def called(layer, *inputs, **options):
        output = layer(*inputs, **options)
        if layer.name in names:
            output = Mean()(output)
        made[layer.name] = output
        return output

    network = network_of(generator)
    clone = keras.models.clone_model(
        network, call_function=called, clone_function=lambda layer: layer
    )
    outputs = [made[name] for name in ("info_0", *FUSIONS)]
    if network is generator:
        return keras.Model(clone.input, [*outputs, clone.output])
    maps = keras.Model(clone.input, outputs)
    whole = keras.models.clone_model(
        generator,
        clone_function=lambda layer: clone if layer is network else layer,
    )
    last = inputs_of_passes(whole)[-1]
    return keras.Model(whole.input, [*maps(last), whole.output])


def left_of(
    generator: keras.Model, blurry: list[np.ndarray], box: bool = True
) -> Left:
    """Measures; see the head of this module.

    Args:
        generator: What `build_generator` gives.
        blurry: Pictures, uint8 `(height, width, 3)`.
        box: False holds the maps of the info-box at their means, too.
    """
    whole = held(generator, () if box else BOX)
    without = held(generator, ("info_0", *(() if box else BOX)))
    changes, totals = np.zeros(len(FUSIONS)), np.zeros(len(FUSIONS))
    levels, spreads, maps = [], [], []
    for picture in blurry:
        batch = picture[None] / np.float32(255)
        info, *sums, restored = _arrays(whole(batch))
        _, *changed, other = _arrays(without(batch))
        spreads.append(info.std((1, 2)).mean())
        levels.append(np.square(255 * (restored - other)).mean())
        maps = []
        for k, (x, y) in enumerate(zip(sums, changed, strict=True)):
            changes[k] += np.square(x - y).sum()
            totals[k] += varying(x)
            maps.append(_map(x, y))
    shares = [
        float(change / total) if total else float("nan")
        for change, total in zip(changes, totals, strict=True)
    ]
    level = float(np.sqrt(np.mean(levels)))
    return Left(shares, level, float(np.mean(spreads)), maps)


def varying(x: np.ndarray) -> float:
    """Sum of squares about the mean over positions of `(n, h, w, c)`."""
    return float(np.square(x - x.mean((1, 2), keepdims=True)).sum())


def run(settings: Settings) -> str:
    """Markdown; the table and two plots in the output."""
    names, reasons = networks(settings)
    some = itertools.islice(pictures.examples(settings), PICTURES)
    blurry = [x for _, x, _ in some]
    from sis_keras.weights.generators import load_generator

    found = {}
    for name, weights in names.items():
        generator, metadata = load_generator(weights)
        if not metadata["arguments"].get("intermediate_path", True):
            reasons[name] = "there are no fusions without details"
            continue
        found[name] = left_of(generator, blurry)
        if metadata["arguments"].get("info_box", True):
            found[f"{name}, box held"] = left_of(generator, blurry, box=False)
    rows = [[name, *cells(x)] for name, x in found.items()]
    blank = [""] * (len(HEADER) - 2)
    rows += [[k, f"not run: {x}", *blank] for k, x in reasons.items()]
    table = write_table(settings.output, "dilution", HEADER, rows)
    shown = plots.save(lines(found), settings.output, "dilution")
    maps = pictures.pixels(grid(found))
    shown += pictures.save(maps, settings.output, "dilution_maps")
    return (
        f"{table}\n{shown}\nShare of what varies in each fusion's sum that "
        'changes when info_0 is held at its mean over the picture; "box '
        'held" has info_1 to info_4 at their means before and after. The '
        "last column but one is the change of the restored picture, the last "
        "the standard deviation of info_0 over the picture (0: dead). "
        f"Pictures: {len(blurry)} of {settings.test_data}. The paper states "
        "the dilution and measures nothing, so there is no value to stand "
        f"beside. {command.ran(settings)}\n"
    )


def networks(settings: Settings) -> tuple[dict[str, str], dict[str, str]]:
    """Weights by name, and reasons of what was not trained."""
    wanted = {"complete": runs.Run(), "Nosis-net": runs.Run("nosis")}
    found = runs.outcomes(settings, list(wanted.values()))
    names, reasons = {settings.weights: settings.weights}, {}
    for name, outcome in zip(wanted, found, strict=True):
        if outcome.reason:
            reasons[name] = outcome.reason
        else:
            names[name] = str(outcome.folder / LAST)
    return names, reasons


def cells(left: Left) -> list[str]:
    """Of a network's row."""
    return [
        *(f"{x:.2%}" for x in left.shares),
        f"{left.levels:.3f}",
        f"{left.varies:.3g}",
    ]


def lines(found: dict[str, Left]):
    """Shares over the fusions, a line for each network."""
    figure, [axes] = plots.new_figure()
    for number, (name, left) in enumerate(found.items()):
        style = plots.STYLES[number % len(plots.STYLES)]
        fill = "white" if "held" in name else style["color"]
        axes.plot(
            range(1, 5),
            [100 * x for x in left.shares],
            label=name,
            markerfacecolor=fill,
            **style,
        )
    axes.set_xticks(range(1, 5), ["1/16", "1/8", "1/4", "1/2"])
    axes.set_xlabel("fusion 1 to 4, by scale")
    axes.set_ylabel("left of info_0, % of what varies")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend()
    return figure


def grid(found: dict[str, Left]):
    """Where info_0 still changes each sum: dark is nothing, white all."""
    from sis_keras.optional import optional_package

    figures = optional_package("matplotlib.figure", "experiments")
    height, width = next(iter(found.values())).maps[-1].shape
    figure = figures.Figure(
        (9, len(found) * (2.1 * height / width + 0.35)), layout="constrained"
    )
    axes = figure.subplots(len(found), 4, squeeze=False)
    for row, (name, left) in zip(axes, found.items(), strict=True):
        for k, (one, map_) in enumerate(zip(row, left.maps, strict=True)):
            one.imshow(map_, cmap="gray", vmin=0, vmax=1)
            one.set_xticks([])
            one.set_yticks([])
            one.set_title(f"fusion {k + 1}: {left.shares[k]:.2%}", fontsize=8)
        row[0].set_ylabel(name, fontsize=8)
    return figure


def _map(x, y):
    change = np.square(x - y).mean((0, 3))
    mean = varying(x) / x[..., 0].size / x.shape[-1]
    ratio = np.sqrt(change / mean) if mean else np.zeros_like(change)
    return np.minimum(ratio, 1)


def _arrays(tensors):
    return [np.asarray(x, np.float64) for x in tensors]


if __name__ == "__main__":
    command.run_one(__doc__, run)
