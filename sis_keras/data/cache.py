"""Decoded pairs in one raw file: any crop is a copy of a few rows away.

PNG decodes at about 50 pictures a second a core, so that cutting one crop
from each decoded picture starves any training step. Decoded once and mapped
into memory, the pictures cost disk instead: 2 * 3 * height * width bytes a
pair, 11.6 GB for GOPRO_Large's 2103 training pairs.
"""

import hashlib
import json
import pathlib
from collections.abc import Iterable, Sequence

import numpy as np
import tqdm

from sis_keras.data.fitness import folders_of
from sis_keras.data.in_order import cores, in_order
from sis_keras.data.source import Source
from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.files.writable import check_folder, make_folder

# A source whose halves differ more in brightness, of 255, is warned of.
MOST_SHIFT = 1.0


class PictureCache:
    """Random access to the decoded pairs of a list of sources.

    Attributes:
        names: `sequence/frame` of each pair.
        shapes: `(height, width)` of each pair.
        synthetic: Whether each pair's blur is synthetic.
        folders: Names of the folders that each pair's files lie in, where it
            has files.
        digests: Of each pair's sharp half; equal for equal pictures.
        fingerprint: Of the sources; equal means the same pictures.
        places: Of the paths of the sources' files.
    """

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        index = json.loads((folder / "index.json").read_text())
        self.fingerprint, self.places = index["fingerprint"], index["places"]
        self.names = [entry["name"] for entry in index["pairs"]]
        self.shapes = [tuple(entry["shape"]) for entry in index["pairs"]]
        self.synthetic = np.array([x["synthetic"] for x in index["pairs"]])
        self.folders = [frozenset(x["folders"]) for x in index["pairs"]]
        self.digests = [entry["digest"] for entry in index["pairs"]]
        self._offsets = [entry["offset"] for entry in index["pairs"]]
        self._bytes = np.memmap(folder / "pictures.raw", np.uint8, mode="r")
        if self._bytes.size != sum(6 * h * w for h, w in self.shapes):
            raise ValueError(f"{folder}/pictures.raw is not whole.")

    def __len__(self):
        return len(self.names)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """`(blurry, sharp)`, uint8 views `(height, width, 3)` of the file."""
        height, width = self.shapes[number]
        start, size = self._offsets[number], height * width * 3
        both = self._bytes[start : start + 2 * size]
        blurry, sharp = both.reshape(2, height, width, 3)
        return blurry, sharp


def open_cache(
    sources: Sequence[Source],
    folder,
    progress: bool = True,
    threads: int | None = None,
) -> PictureCache:
    """Opens the cache in `folder`; makes it first where it does not match.

    Args:
        sources: The pictures.
        folder: Made if absent.
        progress: Show it.
        threads: That decode and blur; None is as many as there are cores.

    Raises:
        UserError: A source has no pairs, or one of its pictures is bad;
            or the folder cannot be written into.
    """
    folder = pathlib.Path(folder)
    fingerprint = " ".join(source.fingerprint for source in sources)
    # What is held out goes by the folders' names.
    places = _places(sources)
    if not _matches(folder, fingerprint, places):
        _write(
            sources, folder, fingerprint, places, progress, threads or cores()
        )
    return PictureCache(folder)


def _places(sources):
    files = sorted(path for source in sources for path in source.files)
    lines = "\n".join(files).encode(errors="surrogateescape")
    return hashlib.sha256(lines).hexdigest()[:16]


def _matches(folder, fingerprint, places):
    try:
        cache = PictureCache(folder)
        return (cache.fingerprint, cache.places) == (fingerprint, places)
    except (OSError, ValueError, KeyError):
        return False  # Absent or half written.


def _write(sources, folder, fingerprint, places, show, threads):
    check_folder(folder, "cache_dir")
    make_folder(folder)
    # Without its index the file beside it means nothing: remove that first.
    (folder / "index.json").unlink(missing_ok=True)
    (folder / "pictures.raw").unlink(missing_ok=True)
    entries, offset = [], 0
    progress = tqdm.tqdm(
        total=sum(source.count for source in sources),
        desc="preparing pictures",
        unit="pair",
        disable=not show,
    )
    with progress, atomic_path(folder / "pictures.raw") as temporary:
        with open(temporary, "wb") as file:
            for source in sources:
                shifts = []
                for number, example in enumerate(_made(source, threads)):
                    name, blurry, sharp = example
                    files = source.items[number].files if source.items else ()
                    shifts.append(_mean(blurry) - _mean(sharp))
                    file.write(np.ascontiguousarray(blurry).data)
                    file.write(np.ascontiguousarray(sharp).data)
                    entry = {
                        "name": name,
                        "shape": blurry.shape[:2],
                        "offset": offset,
                        "synthetic": source.synthetic,
                        "folders": sorted(folders_of(files)),
                        "digest": digest(sharp),
                    }
                    entries.append(entry)
                    offset += blurry.nbytes + sharp.nbytes
                    progress.update()
                if shifts:
                    tqdm.tqdm.write(_opened(source, shifts))
        if not entries:
            raise UserError("Expected pictures to train on. Received none.")
    with atomic_path(folder / "index.json") as temporary:
        index = {
            "fingerprint": fingerprint,
            "places": places,
            "pairs": entries,
        }
        temporary.write_text(json.dumps(index))


def _made(source, threads):
    """As its `examples`, in threads where each pair stands apart."""
    if source.items is None:
        return source.examples()
    return in_order(_example, source.items, threads)


def _example(item):
    return item.name, *item.make()


def digest(picture: np.ndarray) -> str:
    """Of a picture's size and pixels."""
    found = hashlib.sha256(repr(picture.shape).encode())
    found.update(np.ascontiguousarray(picture).data)
    return found.hexdigest()[:32]


def _mean(picture):
    """Of every fourth pixel."""
    return picture[::4, ::4].mean(dtype=np.float64)


def _opened(source, shifts):
    """What is to be known of a source that was read."""
    shift = float(np.mean(shifts))
    lines = [
        f"{source.name}: {len(shifts)} pairs"
        + (f" ({source.note})" if source.note else "")
        + f", blurred halves brighter by {shift:+.2f} of 255"
    ]
    if abs(shift) > MOST_SHIFT:
        lines.append(
            f"Warning: a network trained on {source.name} learns to "
            f"{'darken' if shift > 0 else 'brighten'} every picture. "
            f"matched:{source.name} brings the halves together."
        )
    return "\n".join(lines)


def weight(blurry: np.ndarray, sharp: np.ndarray) -> float:
    """How often a pair is worth being drawn.

        w = max(1, d / (1 + (d / 12)^2))

    with d the mean absolute difference of the halves, of 255, on every eighth
    pixel. From a mild blur little is to be learned, and from the strongest
    little can be; 12 is that of streaks of some 20 pixels.
    """
    halves = (x[::8, ::8].astype(np.int16) for x in (blurry, sharp))
    d = float(np.abs(np.subtract(*halves)).mean())
    return max(1.0, d / (1.0 + (d / 12.0) ** 2))


def refuse_same_pictures(cache: PictureCache, examples: Iterable) -> None:
    """Makes sure that no picture is validated on that is trained on.

    Args:
        cache: What is trained on.
        examples: `(group, name, blurry, sharp)`.

    Raises:
        UserError: One has the very sharp half of a pair in `cache`, wherever
            the two came from.
    """
    trained = dict(zip(cache.digests, cache.names, strict=True))
    for _, name, _, sharp in examples:
        same = trained.get(digest(sharp))
        if same is not None:
            raise UserError(
                "Expected pictures to validate on that are not trained on. "
                f"Received: {name}, whose sharp half is that of {same}, which "
                "is trained on."
            )
