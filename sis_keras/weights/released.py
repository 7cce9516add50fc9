"""Released weights: the files of `sis_keras/weights/files/`, by name, checked.

`manifest.json` there holds for each name

    file      in the same folder
    preset    that it was trained as; the file has its own arguments
    sha256    of the file, checked each time it is loaded
    bytes     its size
    card      what is to be known of it and cannot be computed from it
    litert    of some: the same network for LiteRT, by which it is restored
              where TensorFlow is not installed: `file`, `sha256`, `bytes`,
              and `of`, the `sha256` of the weights that it was made from

`export.release` and `export.litert.release` write them.
"""

import functools
import hashlib
import json
import pathlib

from sis_keras.errors import UserError
from sis_keras.optional import is_installed, require

FOLDER = pathlib.Path(__file__).with_name("files")
MANIFEST = "manifest.json"
LITERT_SUFFIX = ".tflite"
DEFAULT_WEIGHTS = "sisnet_mobile"


def manifest() -> dict[str, dict]:
    """The entries by name, as the head of this module describes them."""
    path = FOLDER / MANIFEST
    if not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))


def listed(entries: dict[str, dict]) -> list[dict]:
    """All of a manifest that has `file`, `sha256` and `bytes`."""
    every = [*entries.values()]
    return every + [x["litert"] for x in every if "litert" in x]


def weight_file(source) -> pathlib.Path:
    """The file or folder that a released name or a path stands for.

    A name has no suffix, so `sisnet_mobile` is the release, whatever lies in
    the working folder, and `./sisnet_mobile` is a file.

    Args:
        source: The name, or the path of any weight file or export.

    Raises:
        UserError: Neither a name nor a file; or the released file is missing
            or not the one that was released.
    """
    entries = manifest()
    if str(source) in entries:
        return _checked(str(source), entries[str(source)])
    path = pathlib.Path(source)
    if not path.exists():
        raise UserError(
            "Expected the path of weights or of an export, or the name of "
            f"released weights ({', '.join(entries) or 'there are none'}). "
            f"Received: {source}, which does not exist."
        )
    return path


def usable_weights(source) -> pathlib.Path:
    """What `weight_file` finds, or without TensorFlow the file for LiteRT.

    Raises:
        UserError: As `weight_file`; or they want TensorFlow, which is not
            installed.
    """
    path = weight_file(source)
    if path.suffix == LITERT_SUFFIX or is_installed("tensorflow"):
        return path
    entry = manifest().get(str(source), {})
    if "litert" not in entry:
        names = [name for name, x in manifest().items() if "litert" in x]
        names.append("a file of export.py")
        raise UserError(
            f"Expected weights for LiteRT ({' or '.join(names)}), as "
            f"TensorFlow is not installed. Received: {source}. "
            '`pip install "sis-keras[tensorflow]"` brings TensorFlow.'
        )
    require("ai_edge_litert", "tensorflow")
    return _checked(f"{source} for LiteRT", entry["litert"])


def fingerprint(data: bytes) -> dict:
    """`sha256` and `bytes` of a file's content, as the manifest has them."""
    return {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}


@functools.lru_cache(maxsize=8)
def _fingerprint_once(path, size, changed):
    """A file is asked for several times a run, and hashed once."""
    del size, changed
    return fingerprint(path.read_bytes())


def _checked(name, entry):
    path = FOLDER / entry["file"]
    again = (
        f"Get it again with `git checkout -- sis_keras/weights/files/"
        f"{path.name}`, or install the package anew."
    )
    if not path.is_file():
        raise UserError(
            f"Expected the released weights {name} in {path}. Received: no "
            f"such file. {again}"
        )
    status = path.stat()
    found = _fingerprint_once(path, status.st_size, status.st_mtime_ns)
    if any(found[key] != entry[key] for key in found):
        raise UserError(
            f"Expected the released weights {name}, {_words(entry)}. Received: "
            f"{path}, {_words(found)}; it is damaged or was changed. {again} "
            "Weights of your own are named by their path."
        )
    return path


def _words(entry):
    return f"{entry['bytes']} bytes of SHA-256 {entry['sha256']}"
