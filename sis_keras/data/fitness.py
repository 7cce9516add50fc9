"""Whether pairs can be trained on, by what is known before any is decoded.

Preparing takes minutes to hours. Names, and sizes in the heads of files, tell
of most mistakes in seconds.
"""

from collections.abc import Collection, Iterable, Sequence

from sis_keras.data.source import Item, Size, Source, of_sequence
from sis_keras.errors import UserError


def check_sources(
    sources: Sequence[Source],
    crop_size: int,
    hold_out: Collection[str] = (),
) -> None:
    """Refuses what `Crops` would refuse after the pairs are prepared.

    A source that is one stream of pairs tells no names; then those of
    `hold_out` are not looked for. A copy elsewhere of a picture that is held
    out, which only its pixels tell, is measured as any other.

    Args:
        sources: What is trained on.
        crop_size: Height and width of a crop.
        hold_out: Sequences that are never cut from.

    Raises:
        UserError: A picture is smaller than a crop, the halves of a pair are
            of two sizes, `hold_out` names a sequence that is not there, or
            nothing is left.
    """
    items = items_of(sources)
    if items is not None:
        check_held_out([item.name for item in items], hold_out)
    for source in sources:
        if source.items is None and not hold_out:
            refuse_small(source.name, source.size(), crop_size)
    used = [
        item
        for source in sources
        for item in source.items or ()
        if not is_held_out(item, hold_out)
    ]
    if items and not used:
        raise all_held_out(len(items))
    for item in used:
        refuse_small(item.name, item.size(), crop_size)


def items_of(sources: Iterable[Source]) -> list[Item] | None:
    """The single pairs of all sources; None where one is a stream."""
    items: list[Item] = []
    for source in sources:
        if source.items is None:
            return None
        items += source.items
    return items


def is_held_out(item: Item, sequences: Collection[str]) -> bool:
    """Whether its name or the folders of its files say so."""
    return of_sequence(item.name, sequences) or not folders_of(
        item.files
    ).isdisjoint(sequences)


def folders_of(files) -> set[str]:
    """Names of all folders that the files lie in."""
    return {part for file in files for part in file.parent.parts}


def check_held_out(names: Iterable[str], hold_out: Collection[str]) -> None:
    """Refuses sequences that none of the pairs' names is of."""
    names = list(names)
    for sequence in hold_out:
        if not any(of_sequence(name, [sequence]) for name in names):
            there = sorted({name.rpartition("/")[0] for name in names})
            raise UserError(
                "Expected `hold_out` to name sequences of `train_data`, such "
                f"as {there[0]}. Received: {sequence}, which is not there."
            )


def refuse_small(name: str, size: Size | None, crop_size: int) -> None:
    """Refuses a picture that is known to be smaller than a crop."""
    if size and min(size) < crop_size:
        height, width = size
        raise UserError(
            f"Expected pictures of at least {crop_size}x{crop_size} "
            f"(`crop_size`). Received: {name}, {width}x{height}."
        )


def all_held_out(count: int) -> UserError:
    """The error where nothing is left to cut from."""
    return UserError(
        "Expected pictures to train on beside those of `hold_out`. "
        f"Received: {count} pairs, all of them held out."
    )
