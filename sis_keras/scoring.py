"""Scores a restorer and leaves everything to look at in one folder."""

import pathlib
from collections.abc import Callable, Iterable

from sis_keras import metrics as metrics_by_name
from sis_keras.evaluation import Example, Restorer, evaluate, extremes
from sis_keras.report import text_table, write_csv, write_json
from sis_keras.sheet import write_sheet


def score_into(
    folder,
    restorer: Restorer | None,
    examples: Callable[[], Iterable[Example]],
    known: dict,
    metrics: Iterable[str] = metrics_by_name.DEFAULT_METRICS,
    repeats: int = 1,
    total: int | None = None,
) -> dict:
    """Prints the table; writes scores.json, scores.csv, before_after.png.

    Args:
        folder: Made if absent; files of these names in it are replaced.
        restorer: As for `evaluate`; None scores the blurred input alone.
        examples: Gives the pairs anew at each call.
        known: What the caller knows of the protocol.
        metrics, repeats, total: As for `evaluate`.

    Returns:
        What `evaluate` returns.
    """
    folder = pathlib.Path(folder)
    results = evaluate(
        restorer,
        examples(),
        metrics=metrics,
        protocol=known,
        repeats=repeats,
        total=total,
    )
    print(text_table(results))
    write_json(folder / "scores.json", results)
    write_csv(folder / "scores.csv", results)
    picture = folder / "before_after.png"
    write_sheet(picture, extremes(restorer, examples(), results))
    print(f"\nLook at {picture}; every figure is in {folder / 'scores.json'}.")
    return results
