"""What a source of pairs is, whichever kind."""

import hashlib
import pathlib
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.contents import contents_of

Size = tuple[int, int]  # Height and width.


def unknown_size() -> Size | None:
    """Of pictures whose size only reading tells."""
    return None


class Item(NamedTuple):
    """One pair of a source: its name, its files, and how it is made.

    `size` gives height and width, or these exchanged where a photo is shown
    turned, from the heads of the files; None where they do not tell. It
    raises a UserError where they show that the pair cannot be made.
    """

    name: str
    files: tuple[pathlib.Path, ...]
    make: Callable[[], tuple[np.ndarray, np.ndarray]]
    size: Callable[[], Size | None] = unknown_size


class Source(NamedTuple):
    """A finite, repeatable stream of pairs.

    Attributes:
        name: As given on the command line.
        fingerprint: Equal for the same pictures.
        count: Number of pairs; 0 where only reading tells.
        synthetic: Whether the blur is synthetic.
        input: What the blurred half is, in a report's words.
        files: What it reads, where it reads picture files.
        examples: Gives `(name, blurry, sharp)`, uint8 RGB
            `(height, width, 3)`, in the same order each time it is called.
        items: The same, each pair apart, where that is possible.
        note: What was left out of it, in words.
        size: As an item's, of all pairs, where these are one stream.
    """

    name: str
    fingerprint: str
    count: int  # type: ignore[assignment]  # Hides tuple.count.
    synthetic: bool
    input: str
    examples: Callable[[], Iterator[tuple[str, np.ndarray, np.ndarray]]]
    files: frozenset[str] = frozenset()
    items: tuple[Item, ...] | None = None
    note: str = ""
    size: Callable[[], Size | None] = unknown_size

    def only(self, sequences: Collection[str]) -> "Source":
        """The pairs of these sequences alone."""
        return self._replace(
            name=f"{self.name} (only {', '.join(sequences)})",
            count=0,
            items=None,
            examples=lambda: (
                example
                for example in self.examples()
                if of_sequence(example[0], sequences)
            ),
        )


def of_sequence(name: str, sequences: Collection[str]) -> bool:
    """Whether `name`, `…/sequence/frame`, is of one of the sequences."""
    return not set(name.split("/")[:-1]).isdisjoint(sequences)


def of_items(
    text: str, items, *settings, synthetic: bool, input: str
) -> Source:
    """The source of single files `items`; `settings` made what they hold."""
    items = tuple(items)
    files = sorted({path for item in items for path in item.files})
    names = [item.name for item in items]
    return Source(
        name=text,
        fingerprint=fingerprint_of(files, names, *settings),
        count=len(items),
        synthetic=synthetic,
        input=input,
        files=resolved(files),
        examples=lambda: ((x.name, *x.make()) for x in items),
        items=items,
    )


def resolved(paths):
    """Whole paths, by which sources that share a file are found."""
    return frozenset(str(pathlib.Path(path).resolve()) for path in paths)


def fingerprint_of(paths, *settings):
    """Of the files' names and contents, wherever and whenever they lie."""
    digest = hashlib.sha256(repr(settings).encode())
    for path in map(pathlib.Path, paths):
        line = f"{path.name} {contents_of(path)}\n"
        digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def refuse_overlap(
    trained_on: Sequence[Source], validated_on: Sequence[Source]
) -> None:
    """Makes sure that nothing is validated on that is trained on.

    Raises:
        UserError: A file is in both, or a copy of it.
    """
    trained = {
        contents_of(path): path
        for source in trained_on
        for path in sorted(source.files, reverse=True)
    }
    for source in validated_on:
        both = [
            (path, trained[contents_of(path)])
            for path in sorted(source.files)
            if contents_of(path) in trained
        ]
        if both:
            path, same = both[0]
            copied = "" if path == same else f", which is a copy of {same}"
            raise UserError(
                "Expected `validation_data` that is not trained on. Received: "
                f"{source.name}, of which {len(both)} files are in "
                f"`train_data` too, such as {path}{copied}."
            )
