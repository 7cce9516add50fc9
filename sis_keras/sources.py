"""Where pictures come from, named by one string on the command line.

| string | pictures |
|---|---|
| `FOLDER` | pairs: `blur/` and `sharp/`, or `input/` and `target/`, below it |
| `photographs:FOLDER` | sharp pictures in it, blurred by `sis_keras.blur` |
| `sharp:FOLDER` | the same as they are: input and target are equal |
| `skimage:train`, `skimage:test` | the same, of scikit-image's photographs |
| `frames:PATH` | a video or folder of frames; 7 to 13 of them averaged |
| `tfds:gopro/blur:train` | a split of a TFDS builder of `datasets/` |
| `half:SOURCE` | any of these at half size, so that a pixel is sharp |
"""

import hashlib
import os
import pathlib
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import numpy as np

from sis_keras import blur
from sis_keras.errors import UserError
from sis_keras.pairs import find_pairs, read_pair
from sis_keras.pictures import halved, list_pictures, read_rgb

# Changes whenever the same seed gives other synthetic blur.
BLUR_VERSION = 1
# Settings of `blur.synthetic_blur` by name.
BLURS = {
    "dynamic": {},
    # The easy case, which a few minutes can learn: level streaks, no more.
    "pan": {
        "pan": True,
        "object_probability": 0.0,
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
    """

    name: str
    fingerprint: str
    count: int
    synthetic: bool
    input: str
    examples: Callable[[], Iterator[tuple[str, np.ndarray, np.ndarray]]]
    files: frozenset[str] = frozenset()

    def only(self, sequences: Collection[str]) -> "Source":
        """The pairs of these sequences alone."""
        return self._replace(
            name=f"{self.name} (only {', '.join(sequences)})",
            count=0,
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
        make_builder: Takes `gopro/blur`, gives a prepared TFDS builder.

    Raises:
        UserError: The string names nothing that exists.
    """
    text = os.path.expanduser(os.path.expandvars(text))
    kind, _, rest = text.partition(":")
    rest = os.path.expanduser(rest)
    settings = {"extent": streak, **BLURS[kind_of_blur]}
    if kind == "half":
        kind, _, folder = rest.partition(":")
        if kind not in ("photographs", "skimage"):
            return _half(
                open_source(rest, inputs, seed=seed, make_builder=make_builder)
            )
        # Halved before they are blurred, lest noise is halved too.
        settings, rest = {**settings, "half": True}, folder
    if kind == "photographs":
        paths = _photographs_in(kind, rest)
        return _photographs(text, paths, versions, seed, settings)
    if kind == "sharp":
        return _already_sharp(text, _photographs_in(kind, rest))
    if kind == "skimage":
        paths = _skimage_paths(rest)
        return _photographs(text, paths, versions, seed, settings)
    if kind == "frames":
        return _frames(text, rest, inputs, seed)
    if kind == "tfds":
        if make_builder is None:
            raise UserError(f"No TFDS builders are to be had for {text}.")
        return _tfds(text, rest, make_builder)
    return _folder(text, inputs)


def _half(source):
    def examples():
        for name, *pair in source.examples():
            yield f"half/{name}", *map(halved, pair)

    return source._replace(
        name=f"half:{source.name}",
        fingerprint=f"half:{source.fingerprint}",
        input=f"{source.input}, at half size",
        examples=examples,
    )


def _folder(text, inputs):
    pairs = find_pairs(text, inputs)
    files = [path for pair in pairs for path in (pair.blurry, pair.sharp)]
    return Source(
        name=text,
        fingerprint=_fingerprint(files),
        count=len(pairs),
        synthetic=False,
        input=inputs,
        files=_resolved(files),
        examples=lambda: ((pair.name, *read_pair(pair)) for pair in pairs),
    )


def _photographs_in(kind, folder):
    if not pathlib.Path(folder).is_dir() or not list_pictures(folder):
        raise UserError(
            f"{kind}:FOLDER expects a folder of sharp pictures. "
            f"Received: {folder}, which holds none."
        )
    return list_pictures(folder)


def _already_sharp(text, paths):
    def examples():
        for path in paths:
            picture = read_rgb(path)
            yield pathlib.Path(path).stem, picture, picture

    return Source(
        name=text,
        fingerprint=_fingerprint(paths),
        count=len(paths),
        synthetic=True,
        input="sharp pictures, no blur",
        files=_resolved(paths),
        examples=examples,
    )


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


def _photographs(text, paths, versions, seed, settings):
    shortest, longest = settings["extent"]
    return Source(
        name=text,
        fingerprint=_fingerprint(paths, BLUR_VERSION, versions, seed, settings),
        count=len(paths) * versions,
        synthetic=True,
        input=(
            f"synthetic blur ({'pan' if 'pan' in settings else 'dynamic'}), "
            f"seed {seed}, camera streaks of {shortest:g} to {longest:g} "
            f"pixels at 720p{', at half size' if 'half' in settings else ''}"
        ),
        files=_resolved(paths),
        examples=lambda: blur.photograph_pairs(
            paths, versions, seed, **settings
        ),
    )


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
