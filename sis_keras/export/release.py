"""Puts trained weights among the released ones."""

import json
import re
from collections.abc import Callable, Iterable

import numpy as np

from sis_keras.errors import UserError
from sis_keras.evaluation.evaluate import Example, evaluate
from sis_keras.evaluation.report import jsonable
from sis_keras.files.atomic import atomic_path
from sis_keras.networks.passes import network_of
from sis_keras.networks.presets import preset_arguments
from sis_keras.restoring.precision import policy_of
from sis_keras.restoring.restorer import KerasRestorer
from sis_keras.weights import released
from sis_keras.weights.card import without_places
from sis_keras.weights.generators import (
    GENERATOR,
    check_arguments,
    load_generator,
    model_tensors,
    set_model_tensors,
)
from sis_keras.weights.tensors import encode_tensors, halved

MOST_BYTES = 30 * 2**20  # of all released files together: they are in git
MOST_SHIFT = 0.1  # of 255, in a channel's mean
MOST_COST = 0.01  # dB that float16 may take
# What of a training's card goes on; the recipe holds the other settings.
KEPT = (
    "step",
    "batch_size",
    "crop_size",
    "seed",
    "precision",
    "train_data",
    "validation_data",
    "interpolated",
    "strength",  # Of an interpolation.
    "validation",
)


def release(
    source,
    name: str,
    preset: str,
    facts: dict,
    examples: Callable[[], Iterable[Example]] | None = None,
    most_cost: float = MOST_COST,
    level: bool = False,
) -> dict:
    """Writes a weight file's product and its entry of the manifest.

    Args:
        source: A weight file or checkpoint; the product alone is taken.
        name: Of the release: small letters, digits, underscores.
        preset: Whose arguments the weights must have.
        facts: For the card, beside what the file knows (`KEPT`).
        examples: Gives pairs anew at each call. With it the values become
            float16, and the cost on these pairs is measured.
        most_cost: Mean PSNR in dB that float16 may cost.
        level: Takes the mean shift of each channel on these pairs out of the
            output's bias; the card's `leveled` is the shift before and after.

    Returns:
        The entry.

    Raises:
        UserError: The weights are damaged, of another preset, not finite,
            too large for float16 or for the folder, lose too much, or shift
            brightness.
    """
    with policy_of("float32"):
        generator, metadata = load_generator(source)
    arguments = metadata["arguments"]
    check_arguments(arguments, preset_arguments(preset), source)
    leveled = leveling(generator, examples) if level and examples else None
    tensors = model_tensors(generator, GENERATOR)
    _refuse_not_finite(tensors, source)
    # A checkpoint has its settings in a part of their own.
    known = metadata["card"].get("settings", {}) | metadata["card"]
    card = {key: known[key] for key in KEPT if key in known} | facts
    if leveled:
        card["leveled"] = leveled
    if examples is not None:
        tensors = halved(
            tensors, source, "Release it as float32, or an earlier checkpoint."
        )
        card["float16_cost"] = float16_cost(generator, tensors, examples)
        if card["float16_cost"] > most_cost:
            raise UserError(
                f"Expected float16 to cost {most_cost} dB at most. Received: "
                f"{source}, which loses {card['float16_cost']:.4f} dB. Release "
                "it as float32, or allow more by `most_cost`."
            )
    card = jsonable(without_places(card))
    _refuse_shift(card, source)
    data = b"".join(
        encode_tensors(tensors, {"arguments": arguments, "card": card})
    )
    return add(name, data, {"preset": preset, "card": card})


def leveling(generator, examples) -> dict[str, list[float]]:
    """Sets the output's bias so that pictures stay as bright as they are.

    Returns:
        Mean shift of red, green and blue, restored minus blurred, of 255:
        `before` and `after`.
    """
    output = network_of(generator).get_layer("to_rgb")
    before = _shifts(generator, examples)
    # tanh(x) / 2 is added to the picture, and x is small: 1 is 127.5 of 255.
    output.bias.assign_sub(np.array(before, np.float32) / 127.5)
    return {"before": before, "after": _shifts(generator, examples)}


def _shifts(generator, examples):
    names = ["shift_red", "shift_green", "shift_blue"]
    results = evaluate(KerasRestorer(generator), examples(), metrics=names)
    return [results["all"]["gain"][name] for name in names]


def float16_cost(generator, half: dict, examples) -> float:
    """Mean PSNR in dB that `half` loses against the generator's weights.

    The generator keeps `half`.
    """

    def psnr():
        results = evaluate(restorer, examples(), metrics=["psnr"])
        return results["all"]["restored"]["psnr"]

    restorer = KerasRestorer(generator)
    before = psnr()
    set_model_tensors(generator, GENERATOR, half)
    return before - psnr()


def add(name: str, data: bytes, entry: dict) -> dict:
    """Writes a file of the released folder and its entry.

    The file's name has its hash in it: old file and old manifest stay
    together until the new manifest stands, which is when the old file goes,
    and with it the file for LiteRT that was made from it.

    Args:
        name: Of the release.
        data: The file's bytes.
        entry: `preset` and `card`; the rest is added.

    Returns:
        The whole entry.

    Raises:
        UserError: The name has other characters than small letters, digits
            and underscores; or the files would be too large together.
    """
    if not re.fullmatch("[a-z0-9_]+", name):
        raise UserError(
            "Expected a name of small letters, digits and underscores, such "
            f"as sisnet_mobile. Received: {name!r}."
        )
    found = released.fingerprint(data)
    entry = {"file": f"{name}-{found['sha256'][:8]}.safetensors"} | entry
    entry |= found
    put(name, entry, entry["file"], data)
    return entry


def put(name: str, entry: dict, file: str, data: bytes) -> None:
    """Writes a file, then the entry that names it; what none names goes.

    Raises:
        UserError: The files would be too large together.
    """
    before = released.manifest()
    after = before | {name: entry}
    total = sum(x["bytes"] for x in released.listed(after))
    if total > MOST_BYTES:
        raise UserError(
            f"Expected released files of {MOST_BYTES >> 20} MiB together. "
            f"Received: {total / 2**20:.1f} MiB with {name}. Release it as "
            "float16, or remove another."
        )
    with atomic_path(released.FOLDER / file) as temporary:
        temporary.write_bytes(data)
    with atomic_path(released.FOLDER / released.MANIFEST) as temporary:
        text = json.dumps(dict(sorted(after.items())), indent=2)
        temporary.write_text(text + "\n", encoding="utf-8")
    kept = {x["file"] for x in released.listed(after)}
    for old in released.listed(before):
        if old["file"] not in kept:
            (released.FOLDER / old["file"]).unlink(missing_ok=True)


def _refuse_shift(card, source):
    shift = card.get("validation", {}).get("shift", 0.0)
    if "leveled" in card:
        shift = max(card["leveled"]["after"], key=abs)
    if abs(shift) > MOST_SHIFT:
        raise UserError(
            f"Expected pictures to stay as bright within {MOST_SHIFT} of 255. "
            f"Received: {source}, which shifted a channel by {shift:+.2f} when "
            "it was validated. See what its sources' halves differ by; "
            "matched:SOURCE brings them together."
        )


def _refuse_not_finite(tensors, source):
    odd = [n for n, array in tensors.items() if not np.isfinite(array).all()]
    if odd:
        raise UserError(
            f"Expected finite weights. Received: {source}, in which "
            f"{len(odd)} tensors are not, such as {odd[0]}. Take an earlier "
            "checkpoint."
        )
