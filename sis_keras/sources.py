"""Where pictures come from, named by one string on the command line.

| string | pictures |
|---|---|
| `FOLDER` | pairs: `blur/` and `sharp/`, or `input/` and `target/`, below it |
| `photographs:FOLDER` | sharp pictures in it, blurred by `sis_keras.blur` |
| `sharp:FOLDER` | the same as they are: input and target are equal |
| `flat:N` | N plain colours and gradients, which stay as they are |
| `skimage:train`, `skimage:test` | the same, of scikit-image's photographs |
| `frames:PATH` | a video or folder of frames; 7 to 13 of them averaged |
| `tfds:gopro/blur:train` | a split of a TFDS builder of `datasets/` |
| `flow:PATH` | frames of a video or folder, blurred along their optical flow |
| `half:SOURCE` | any of these at half size, so that a pixel is sharp |
| `grey:SOURCE` | any of these in black and white |
| `matched:SOURCE` | any of these, blurred halves as bright as the sharp ones |
| `without:A+B:SOURCE` | any of these but the sequences or files A and B |
| `sample:N:SOURCE` | N pairs of any of these, evenly spaced |
"""

import functools
import hashlib
import os
import pathlib
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import cv2
import numpy as np

from sis_keras import blur, triplets
from sis_keras.errors import UserError
from sis_keras.pairs import find_pairs, read_pair
from sis_keras.pictures import halved, list_pictures, read_rgb, to_uint8

# Changes whenever the same seed gives other synthetic blur.
BLUR_VERSION = 2
SHARP = "sharp pictures, no blur"
# Settings of `blur.synthetic_blur` by name.
BLURS = {
    "dynamic": {},
    # The easy case, which a few minutes can learn: level streaks, no more.
    "pan": {
        "pan": True,
        "object_probability": 0.0,
        "defocus_probability": 0.0,
        "noise_probability": 0.0,
        "jpeg_probability": 0.0,
    },
}
SKIMAGE_PHOTOGRAPHS = {
    "train": (
        "chelsea",
        "rocket",
        "coffee",
        "hubble_deep_field",
        "brick",
        "grass",
        "gravel",
        "camera",
    ),
    # motorcycle_right, the same scene, is in neither.
    "test": ("astronaut", "motorcycle_left"),
}


class Item(NamedTuple):
    """One pair of a source: its name, its files, and how it is made."""

    name: str
    files: tuple[pathlib.Path, ...]
    make: Callable[[], tuple[np.ndarray, np.ndarray]]


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
    """

    name: str
    fingerprint: str
    count: int
    synthetic: bool
    input: str
    examples: Callable[[], Iterator[tuple[str, np.ndarray, np.ndarray]]]
    files: frozenset[str] = frozenset()
    items: tuple[Item, ...] | None = None
    note: str = ""

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


def open_source(
    text: str,
    inputs: str = "blur",
    versions: int = 1,
    seed: int = 0,
    streak: tuple[float, float] = blur.CAMERA_STREAK,
    kind_of_blur: str = "dynamic",
    flow_versions: int | None = None,
    make_builder: Callable | None = None,
) -> Source:
    """The source that a string names; see this module's table.

    Args:
        text: `~` and `$VARIABLE` are expanded in it.
        inputs: Which half of a folder's pairs is the input: "blur" or
            "blur_gamma".
        versions: How often each photograph is blurred, each time differently.
        seed: Of the synthetic blur.
        streak: Its `extent`; see `blur.synthetic_blur`.
        kind_of_blur: A key of `BLURS`.
        flow_versions: How often each frame is blurred along its flow; None is
            as often as a photograph.
        make_builder: Takes `gopro/blur`, gives a prepared TFDS builder.

    Raises:
        UserError: The string names nothing that exists.
    """
    text = os.path.expanduser(os.path.expandvars(text))
    kind, _, rest = text.partition(":")
    rest = os.path.expanduser(rest)
    arguments = {
        "inputs": inputs,
        "versions": versions,
        "seed": seed,
        "streak": streak,
        "kind_of_blur": kind_of_blur,
        "flow_versions": flow_versions,
        "make_builder": make_builder,
    }
    if kind in WRAPPERS:
        return WRAPPERS[kind](text, rest, arguments)
    if kind in ("photographs", "skimage"):
        return _blurred(text, kind, rest, arguments)
    if kind == "flow":
        return _flow(text, rest, arguments)
    if kind == "flat":
        return _flat(text, rest, seed)
    if kind == "sharp":
        return _already_sharp(text, _photographs_in(kind, rest))
    if kind == "frames":
        return _frames(text, rest, inputs, seed)
    if kind == "tfds":
        if make_builder is None:
            raise UserError(f"No TFDS builders are to be had for {text}.")
        return _tfds(text, rest, make_builder)
    return _folder(text, inputs)


def _of_items(
    text: str, items, *settings, synthetic: bool, input: str
) -> Source:
    items = tuple(items)
    files = sorted({path for item in items for path in item.files})
    names = [item.name for item in items]
    return Source(
        name=text,
        fingerprint=_fingerprint(files, names, *settings),
        count=len(items),
        synthetic=synthetic,
        input=input,
        files=_resolved(files),
        examples=lambda: ((x.name, *x.make()) for x in items),
        items=items,
    )


def _folder(text, inputs):
    items = [
        Item(
            pair.name,
            (pair.blurry, pair.sharp),
            functools.partial(read_pair, pair),
        )
        for pair in find_pairs(text, inputs)
    ]
    return _of_items(text, items, synthetic=False, input=inputs)


# === Sources made of others ===


def _changed(source, change, mark, words):
    """A source whose pairs are changed one by one."""

    def make(item):
        return tuple(change(*item.make()))

    def examples():
        for name, *pair in source.examples():
            yield f"{mark}/{name}", *change(*pair)

    items = source.items and tuple(
        Item(f"{mark}/{x.name}", x.files, functools.partial(make, x))
        for x in source.items
    )
    return source._replace(
        name=f"{mark}:{source.name}",
        fingerprint=f"{mark}:{source.fingerprint}",
        input=f"{source.input}, {words}",
        examples=examples,
        items=items,
    )


def _half(text, rest, arguments):
    kind, _, folder = rest.partition(":")
    if kind in ("photographs", "skimage"):
        # Halved before they are blurred, lest noise is halved too.
        return _blurred(text, kind, folder, arguments, half=True)
    source = open_source(rest, **arguments)
    return _changed(
        source, lambda *pair: map(halved, pair), "half", "at half size"
    )


def _matched(text, rest, arguments):
    def change(blurry, sharp):
        values = blurry.astype(np.float32) / 255.0
        return to_uint8(blur.match_brightness(values, sharp)), sharp

    source = open_source(rest, **arguments)
    return _changed(source, change, "matched", "matched in brightness")


def _grey(text, rest, arguments):
    def change(*pair):
        for picture in pair:
            grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
            yield cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)

    source = open_source(rest, **arguments)
    return _changed(source, change, "grey", "in black and white")


def _itemized(text, rest, arguments):
    source = open_source(rest, **arguments)
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
        files=_resolved(files),
        examples=lambda: ((x.name, *x.make()) for x in items),
        items=items,
    )


def _without(text, rest, arguments):
    names, _, rest = rest.partition(":")
    names = frozenset(names.split("+"))
    source = _itemized(text, rest, arguments)

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


def _sample(text, rest, arguments):
    number, _, rest = rest.partition(":")
    if not number.isdecimal() or int(number) < 1:
        raise UserError(
            f"Expected sample:N:SOURCE with N from 1 up. Received: {text}."
        )
    source = _itemized(text, rest, arguments)

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


# === Pictures blurred here ===


def _photographs_in(kind, folder):
    if not pathlib.Path(folder).is_dir() or not list_pictures(folder):
        raise UserError(
            f"{kind}:FOLDER expects a folder of sharp pictures. "
            f"Received: {folder}, which holds none."
        )
    return list_pictures(folder)


def _already_sharp(text, paths):
    def make(path):
        picture = read_rgb(path)
        return picture, picture

    items = [
        Item(path.stem, (path,), functools.partial(make, path))
        for path in paths
    ]
    return _of_items(text, items, synthetic=True, input=SHARP)


def _flat(text, number, seed):
    if not number.isdecimal() or int(number) < 1:
        raise UserError(f"Expected flat:N with N from 1 up. Received: {text}.")
    items = [
        Item(f"flat/{n}", (), functools.partial(blur.flat_pair, (seed, n)))
        for n in range(int(number))
    ]
    return _of_items(
        text, items, seed, synthetic=True, input="plain colours and gradients"
    )


def _blurred(text, kind, rest, arguments, half=False):
    """Photographs with synthetic blur."""
    paths = (
        _skimage_paths(rest)
        if kind == "skimage"
        else _photographs_in(kind, os.path.expanduser(rest))
    )
    versions, seed = arguments["versions"], arguments["seed"]
    settings = {
        "extent": arguments["streak"],
        **BLURS[arguments["kind_of_blur"]],
    }
    shortest, longest = settings["extent"]
    items = [
        Item(
            f"{'half/' if half else ''}{path.stem}/{version}",
            (path,),
            functools.partial(
                blur.blurred_photograph,
                path,
                (seed, place, version),
                half,
                **settings,
            ),
        )
        for place, path in enumerate(paths)
        for version in range(versions)
    ]
    return _of_items(
        text,
        items,
        BLUR_VERSION,
        seed,
        settings,
        synthetic=True,
        input=(
            f"synthetic blur ({'pan' if 'pan' in settings else 'dynamic'}), "
            f"seed {seed}, camera streaks of {shortest:g} to {longest:g} "
            f"pixels at 720p{', at half size' if half else ''}"
        ),
    )


def _flow(text, path, arguments):
    versions = arguments["flow_versions"] or arguments["versions"]
    seed, extent = arguments["seed"], arguments["streak"]
    shortest, longest = extent
    clips, dropped = triplets.find_triplets(path)
    items = [
        Item(
            f"{clip.name}/{version}",
            clip.files,
            functools.partial(
                triplets.blurred, clip, (seed, place, version), extent=extent
            ),
        )
        for place, clip in enumerate(clips)
        for version in range(versions)
    ]
    source = _of_items(
        text,
        items,
        BLUR_VERSION,
        seed,
        extent,
        synthetic=True,
        input=(
            f"blur along optical flow, seed {seed}, streaks of {shortest:g} "
            f"to {longest:g} pixels at 720p"
        ),
    )
    return source._replace(note=dropped)


def _skimage_paths(split):
    import skimage

    if split not in SKIMAGE_PHOTOGRAPHS:
        raise UserError(
            f"Expected skimage:train or skimage:test. Received: {split!r}."
        )
    folder = pathlib.Path(skimage.__file__).parent / "data"
    return [
        next(folder.glob(f"{name}.*")) for name in SKIMAGE_PHOTOGRAPHS[split]
    ]


def _frames(text, path, inputs, seed):
    path = pathlib.Path(path)
    if not path.exists():
        raise UserError(
            "frames:PATH expects a video or a folder of frames. "
            f"Received: {path}, which does not exist."
        )
    gamma = 2.2 if inputs == "blur_gamma" else None
    files = list_pictures(path) if path.is_dir() else [path]
    return Source(
        name=text,
        fingerprint=_fingerprint(files, BLUR_VERSION, gamma, seed),
        count=0,
        synthetic=False,
        input=f"7 to 13 averaged frames ({inputs})",
        files=_resolved(files),
        examples=lambda: blur.blur_from_frames(path, gamma=gamma, seed=seed),
    )


def _tfds(text, rest, make_builder):
    name, _, split = rest.partition(":")
    builder = make_builder(name)
    if not {"blurry", "sharp"} <= builder.info.features.keys():
        raise UserError(
            "Expected a data set of pairs, blurry and sharp, such as "
            f"gopro/blur. Received: {name}, which holds "
            f"{sorted(builder.info.features)}."
        )
    splits = builder.info.splits
    if split not in splits:
        raise UserError(
            f"Expected tfds:{name}:SPLIT with SPLIT in {sorted(splits)}. "
            f"Received: {text}."
        )

    def examples():
        dataset = builder.as_dataset(split=split, shuffle_files=False)
        for example in dataset.as_numpy_iterator():
            sequence, frame = example["sequence"], example["frame"]
            name = f"{sequence.decode()}/{frame.decode()}"
            yield name, example["blurry"], example["sharp"]

    return Source(
        name=text,
        fingerprint=(
            f"{builder.info.full_name}:{split}:"
            f"{splits[split].num_examples}:{splits[split].num_bytes}"
        ),
        count=splits[split].num_examples,
        synthetic=False,
        input=name,
        files=frozenset([f"{builder.info.full_name}:{split}"]),
        examples=examples,
    )


def _resolved(paths):
    return frozenset(str(pathlib.Path(path).resolve()) for path in paths)


def _fingerprint(paths, *settings):
    """Of the files' names, sizes and times, which stand for their bytes."""
    digest = hashlib.sha256(repr(settings).encode())
    for path in paths:
        status = os.stat(path)
        digest.update(f"{path} {status.st_size} {status.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]
