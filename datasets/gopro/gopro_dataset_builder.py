"""GOPRO_Large: pairs of blurry and sharp street scenes (Nah et al. 2017)."""

import re
from collections.abc import Iterator

import tensorflow_datasets as tfds
from absl import logging

from datasets.png import png_size
from datasets.trees import Folder, Zip, manual_folder, shorten
from sis_keras.errors import UserError

_NAME = re.compile(
    r"(?:.*/)?(train|test)/([^/]+)/(blur|blur_gamma|sharp)/([^/]+)\.png"
)
_LAYOUT = "{train,test}/SEQUENCE/{blur,blur_gamma,sharp}/FRAME.png"
_WANTED = (
    "Put GOPRO_Large.zip, or the folder GOPRO_Large unpacked from it, into "
    "manual_dir. Get it from https://seungjunnah.github.io/Datasets/gopro "
    "(9.5 GB, CC BY 4.0)."
)
_OFFICIAL_PAIRS = {"train": 2103, "test": 1111}

# The names of a split's pictures: half -> (sequence, frame) -> name in a tree.
Halves = dict[str, dict[tuple[str, str], str]]


class Builder(tfds.core.GeneratorBasedBuilder):
    """Pairs from GOPRO_Large, from the official zip or an unpacked folder.

    The pictures are copied as they are: read, checked, never re-encoded.
    A `sis_keras.errors.UserError` says what is wrong with the user's files.
    """

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First release."}
    BUILDER_CONFIGS = [
        tfds.core.BuilderConfig(
            name="blur",
            description="Blurry = the plain mean of the stored sRGB values.",
        ),
        tfds.core.BuilderConfig(
            name="blur_gamma",
            description="Blurry = the mean of the values to the power 2.2, "
            "taken back to the power 1/2.2.",
        ),
    ]
    MANUAL_DOWNLOAD_INSTRUCTIONS = _WANTED

    def _info(self) -> tfds.core.DatasetInfo:
        def picture():
            return tfds.features.Image(
                shape=(None, None, 3), encoding_format="png"
            )

        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "blurry": picture(),
                    "sharp": picture(),
                    "sequence": tfds.features.Text(),
                    "frame": tfds.features.Text(),
                }
            ),
            supervised_keys=("blurry", "sharp"),
            homepage="https://seungjunnah.github.io/Datasets/gopro",
            license="CC BY 4.0",
        )

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        tree, splits = self.check_files(manual_folder(dl_manager))
        half = self.builder_config.name
        for split, halves in splits.items():
            found, official = len(halves["sharp"]), _OFFICIAL_PAIRS[split]
            if found != official:
                logging.warning(
                    "%s: %d of the official %d pairs are in %s.",
                    *(split, found, official, tree.path),
                )
        return {
            split: self._generate_examples(tree, halves[half], halves["sharp"])
            for split, halves in splits.items()
        }

    def check_files(self, manual_dir):
        """The tree in a folder, and its pictures by split; reads names alone.

        Raises:
            UserError: There is no such tree, or a half of a pair is missing.
        """
        tree = _open_tree(manual_dir)
        splits = _list_pictures(tree)
        for split, halves in splits.items():
            _check_halves(tree, split, halves, self.builder_config.name)
        return tree, splits

    def _generate_examples(
        self, tree, blurry: dict, sharp: dict
    ) -> Iterator[tuple[str, dict]]:
        for sequence, frame in sorted(blurry):
            pair = [half[sequence, frame] for half in (blurry, sharp)]
            pictures = [tree.read(name) for name in pair]
            sizes = [
                png_size(picture, tree.where(name))
                for picture, name in zip(pictures, pair, strict=True)
            ]
            if sizes[0] != sizes[1]:
                received = " and ".join(
                    f"{tree.where(name)} {height}x{width}"
                    for name, (height, width) in zip(pair, sizes, strict=True)
                )
                raise UserError(
                    "Expected one size (height x width) in both halves of a "
                    f"pair. Received: {received}. Download the data again."
                )
            yield (
                f"{sequence}/{frame}",
                {
                    "blurry": pictures[0],
                    "sharp": pictures[1],
                    "sequence": sequence,
                    "frame": frame,
                },
            )


def _open_tree(manual_dir) -> Folder | Zip:
    """The zip, else the folder `GOPRO_Large`, else `manual_dir` itself."""
    archive = manual_dir / "GOPRO_Large.zip"
    if archive.is_file():
        return Zip(archive)
    folder = manual_dir / "GOPRO_Large"
    return Folder(folder if folder.is_dir() else manual_dir)


def _list_pictures(tree) -> dict[str, Halves]:
    """The tree's pictures by split; raises UserError where a split is empty."""
    splits = {
        split: {"blur": {}, "blur_gamma": {}, "sharp": {}}
        for split in _OFFICIAL_PAIRS
    }
    for name in tree.names:
        match = _NAME.fullmatch(name)
        if match:
            split, sequence, half, frame = match.groups()
            splits[split][half][sequence, frame] = name
    empty = [
        split for split, halves in splits.items() if not any(halves.values())
    ]
    if empty:
        raise UserError(
            f"Expected the tree GOPRO_Large/{_LAYOUT}, in GOPRO_Large.zip or "
            f"unpacked. Found no pictures for {' and '.join(empty)} in "
            f"{tree.path}, only: {shorten(_outline(tree))}. {_WANTED}"
        )
    return splits


def _outline(tree) -> list[str]:
    """The files of a tree, those of one folder as one entry."""
    counts: dict[str, list[str]] = {}
    for name in tree.names:
        counts.setdefault(name.rpartition("/")[0], []).append(name)
    return [
        names[0]
        if len(names) == 1
        else f"{folder or '.'}/ ({len(names)} files)"
        for folder, names in counts.items()
    ]


def _check_halves(tree, split: str, halves: Halves, half: str) -> None:
    """Raises UserError naming the files that a pair lacks."""
    frames = halves[half].keys() | halves["sharp"].keys()
    missing = [
        f"{split}/{sequence}/{name}/{frame}.png"
        for sequence, frame in sorted(frames)
        for name in (half, "sharp")
        if (sequence, frame) not in halves[name]
    ]
    if missing or not frames:
        raise UserError(
            f"Expected both halves of every pair, {half} and sharp, in "
            f"{tree.path}. Missing: "
            f"{shorten(missing or [f'{split}/*/{half} and sharp'])}. "
            "Copy or download the data again."
        )
