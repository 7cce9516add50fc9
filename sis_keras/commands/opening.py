"""Flags to sources of pairs."""

import importlib

from sis_keras.commands.flags import FLAGS
from sis_keras.errors import UserError

# Of the blur of what is validated on: runs that differ in --seed are compared.
VALIDATION_SEED = 0


def open_sources(
    names: list[str], versions: int, seed: int | None = None
) -> list:
    """The sources that the strings name; photographs in so many versions.

    Args:
        names: As `open_source` takes them.
        versions: How often each photograph is blurred.
        seed: Of the blur; by default --seed.
    """
    from sis_keras.data.open_source import open_source

    arguments = source_arguments()
    if seed is not None:
        arguments["seed"] = seed
    return [
        open_source(
            name,
            versions=versions,
            make_builder=prepared_builder,
            **arguments,
        )
        for name in names
    ]


def validation_groups() -> list[tuple]:
    """`(group, source)` of each of --validation_data."""
    from sis_keras.training.validation import split_group

    named = [split_group(text) for text in FLAGS.validation_data]
    sources = open_sources(
        [text for _, text in named],
        FLAGS.validation_versions,
        VALIDATION_SEED,
    )
    return [
        (group, source)
        for (group, _), source in zip(named, sources, strict=True)
    ]


def scored_sources() -> list:
    """Those of --test_data, or else of --validation_data, whatever group."""
    if FLAGS.test_data:
        return open_sources(FLAGS.test_data, FLAGS.validation_versions)
    return [source for _, source in validation_groups()]


def source_arguments() -> dict:
    """Of `open_source`, by the flags; of a kind that other processes take."""
    return {
        "inputs": FLAGS.inputs,
        "seed": FLAGS.seed,
        "streak": _streak(),
        "kind_of_blur": FLAGS.synthetic_blur,
        "flow_versions": FLAGS.flow_versions,
    }


def parted(sources: list) -> tuple[list, list[dict]]:
    """The sources that no seed changes, and arguments of those that one does.

    Args:
        sources: Those of --train_data.

    Returns:
        The sources; and arguments of `open_source` without the seed.
    """
    from sis_keras.data.open_source import open_source

    arguments = {
        **source_arguments(),
        "versions": FLAGS.synthetic_versions,
    }
    seed = arguments.pop("seed")
    steady, changing = [], []
    for text, source in zip(FLAGS.train_data, sources, strict=True):
        other = None
        if not text.rpartition("tfds:")[1]:
            other = open_source(text, seed=seed + 1, **arguments)
        if other is None or other.fingerprint == source.fingerprint:
            steady.append(source)
        else:
            changing.append({"text": text, **arguments})
    return steady, changing


def _streak():
    try:
        shortest, longest = map(float, FLAGS.synthetic_streak)
    except ValueError:
        shortest = longest = 0.0
    if not 0 < shortest <= longest:
        raise UserError(
            "Expected --synthetic_streak=SHORTEST,LONGEST, both above 0. "
            f"Received: {','.join(FLAGS.synthetic_streak)}."
        )
    return shortest, longest


def prepared_builder(name):
    """The TFDS builder called `name`, its data where the flags say."""
    prepare = of_repository("datasets.prepare")
    return prepare.prepared_builder(name, FLAGS.data_dir, FLAGS.manual_dir)


def of_repository(name: str):
    """A module that is beside the programs and in no wheel.

    Raises:
        UserError: It is not there; another package may have its name.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, name.partition(".")[0]):
            raise
        raise UserError(
            "Expected the folder datasets/ of the repository, for tfds: and "
            f"kohler: sources. Received: {error}. Call the programs of a "
            "checkout there, such as `python train.py`."
        ) from error
