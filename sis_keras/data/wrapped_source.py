"""Sources made of others: `half:`, `matched:`, `sample:N:`, …

Each function takes the whole text, what follows the wrapper's own part, and
`open_source` for that; it gives a `Source`.
"""

import functools

import cv2
import numpy as np

from sis_keras.data.blur.damages import match_brightness
from sis_keras.data.source import Item, resolved
from sis_keras.errors import UserError
from sis_keras.files.pictures import halved, halved_size, to_uint8

# Kinds of sources that are blurred here.
PHOTOGRAPHS = ("photographs", "skimage")


def _changed(source, change, mark, words, sized=None):
    """A source whose pairs are changed one by one; their sizes by `sized`."""

    def make(item):
        return tuple(change(*item.make()))

    def examples():
        for name, *pair in source.examples():
            yield f"{mark}/{name}", *change(*pair)

    def size(before):
        found = before.size()
        return sized(found) if found and sized else found

    items = source.items and tuple(
        Item(
            f"{mark}/{x.name}",
            x.files,
            functools.partial(make, x),
            functools.partial(size, x),
        )
        for x in source.items
    )
    return source._replace(
        name=f"{mark}:{source.name}",
        fingerprint=f"{mark}:{source.fingerprint}",
        input=f"{source.input}, {words}",
        examples=examples,
        items=items,
        size=functools.partial(size, source),
    )


def _half(text, rest, open_source):
    if rest.partition(":")[0] in PHOTOGRAPHS:
        # Halved before they are blurred, lest noise is halved too.
        return open_source(rest, half=True)._replace(name=text)
    return _changed(
        open_source(rest),
        lambda *pair: map(halved, pair),
        "half",
        "at half size",
        halved_size,
    )


def _matched(text, rest, open_source):
    def change(blurry, sharp):
        values = blurry.astype(np.float32) / 255.0
        return to_uint8(match_brightness(values, sharp)), sharp

    source = open_source(rest)
    return _changed(source, change, "matched", "matched in brightness")


def _grey(text, rest, open_source):
    def change(*pair):
        for picture in pair:
            grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
            yield cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)

    source = open_source(rest)
    return _changed(source, change, "grey", "in black and white")


def _itemized(text, rest, open_source):
    source = open_source(rest)
    if source.items is None:
        raise UserError(
            f"{text}: expected a source of single files. Received: "
            f"{source.name}, which is read as one stream."
        )
    return source


def _chosen(text, source, chosen, words):
    items = tuple(chosen(source.items))
    if not items:
        raise UserError(f"{text} leaves no pairs of {source.name}.")
    files = [path for item in items for path in item.files]
    return source._replace(
        name=text,
        fingerprint=f"{words}:{source.fingerprint}",
        count=len(items),
        files=resolved(files),
        examples=lambda: ((x.name, *x.make()) for x in items),
        items=items,
    )


def _without(text, rest, open_source):
    names, _, rest = rest.partition(":")
    names = frozenset(names.split("+"))
    source = _itemized(text, rest, open_source)

    def parts(item):
        whole = {part for path in item.files for part in path.parts}
        return whole | {path.stem for path in item.files}

    def chosen(items):
        return [item for item in items if names.isdisjoint(parts(item))]

    missing = names.difference(*map(parts, source.items))
    if missing:
        raise UserError(
            f"{text}: expected sequences or files of {source.name}. "
            f"Received: {sorted(missing)[0]}, which is not there."
        )
    return _chosen(text, source, chosen, f"without:{'+'.join(sorted(names))}")


def _sample(text, rest, open_source):
    number, _, rest = rest.partition(":")
    if not number.isdecimal() or int(number) < 1:
        raise UserError(
            f"Expected sample:N:SOURCE with N from 1 up. Received: {text}."
        )
    source = _itemized(text, rest, open_source)

    def chosen(items):
        count = min(int(number), len(items))
        return [items[n * len(items) // count] for n in range(count)]

    return _chosen(text, source, chosen, f"sample:{number}")


WRAPPERS = {
    "grey": _grey,
    "half": _half,
    "matched": _matched,
    "sample": _sample,
    "without": _without,
}
