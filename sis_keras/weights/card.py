"""What a weight file tells of its making, fit to be given away."""

import json
import os
import pathlib
import re

# The card of an export, in a SavedModel's folder.
CARD = "assets.extra/card.json"
# What of a flag's text stands between paths: `photographs:FOLDER,FOLDER`.
BETWEEN = re.compile(r"([,:=])")


def without_places(card: dict) -> dict:
    """The card without this machine's folders.

    $SIS_DATA stands for the folder that it names; of any other absolute path
    the last two parts are left, as `…/train/GOPR0372_07_00`.

    Args:
        card: JSON.
    """
    return _changed(json.loads(json.dumps(card)))


def without_scores(card: dict) -> dict:
    """The card for weights that were made from those that it is of.

    Args:
        card: JSON.
    """
    return {key: value for key, value in card.items() if key != "validation"}


def _changed(value):
    if isinstance(value, dict):
        return {key: _changed(x) for key, x in value.items()}
    if isinstance(value, list):
        return [_changed(x) for x in value]
    if not isinstance(value, str):
        return value
    folder = os.environ.get("SIS_DATA", "").rstrip("/")
    if folder:
        value = value.replace(folder, "$SIS_DATA")
    return "".join(map(_short, BETWEEN.split(value)))


def _short(text):
    path = pathlib.PurePath(text)
    if not (path.is_absolute() and len(path.parts) > 1):
        return text
    return "…/" + "/".join(path.parts[1:][-2:])
