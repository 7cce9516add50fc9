"""Weight files: safetensors that say which generator they belong to.

A file holds the product's variables under `generator/…`; a training
checkpoint holds more beside them (`training.checkpoint`). The metadata
carries the generator's arguments, so that a file needs no flags to be read.
"""

import json

import ml_dtypes
import numpy as np
import safetensors
import safetensors.numpy

from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.weights.released import weight_file

FORMAT = "sis-keras-1"


def write_tensors(path, tensors: dict, metadata: dict) -> None:
    """Writes arrays by name, and JSON metadata, all or nothing."""
    parts = encode_tensors(tensors, metadata)
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        file.writelines(parts)


def encode_tensors(tensors: dict, metadata: dict) -> tuple:
    """Header and body of a weight file; equal for equal arguments."""
    texts = {key: json.dumps(value) for key, value in metadata.items()}
    data = safetensors.numpy.save(tensors, {"format": FORMAT, **texts})
    return _in_order(memoryview(data))


def halved(tensors: dict, source, advice: str) -> dict[str, np.ndarray]:
    """float32 arrays in 16 bits, rounded to nearest; others as they are.

    An optimizer's become bfloat16, as squares of gradients are below
    float16's range, and all others float16.

    Args:
        tensors: Arrays by name.
        source: Where they are from, for the error.
        advice: What to do about an error; a sentence.

    Raises:
        UserError: A value is beyond the range: float16 ends at 65504.
    """
    half, odd = {}, []
    for name, tensor in tensors.items():
        half[name] = tensor
        if tensor.dtype != np.float32:
            continue
        kind = ml_dtypes.bfloat16 if "optimizer/" in name else np.float16
        with np.errstate(over="ignore"):
            half[name] = tensor.astype(kind)
        beyond = np.isfinite(tensor) & ~np.isfinite(half[name])
        if beyond.any():
            largest = np.abs(tensor[beyond]).max()
            odd.append(f"{name} with {largest:g} as {np.dtype(kind).name}")
    if odd:
        raise UserError(
            "Expected values that 16 bits can hold: up to 65504 as float16, "
            f"3.39e+38 as bfloat16. Received: {source}, in which {len(odd)} "
            f"tensors have larger ones, such as {odd[0]}. {advice}"
        )
    return half


def _in_order(data):
    """Header and body of a safetensors file, the metadata sorted.

    The library writes them in random order, where equal weights are to make
    equal files.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(bytes(data[8:end]))
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text, data[end:]


def read_tensors(path, prefix="") -> tuple[dict[str, np.ndarray], dict]:
    """Arrays by name, those that begin with `prefix`, and the metadata.

    Args:
        path: Of the file, or the name of released weights.
        prefix: Of the arrays wanted.

    Raises:
        UserError: The file is missing, damaged, or not of this project.
    """
    path = weight_file(path)
    try:
        with safetensors.safe_open(path, framework="numpy") as file:
            header = file.metadata() or {}
            if header.pop("format", None) != FORMAT:
                raise UserError(
                    f"Expected weights of SIS-net ({FORMAT}). Received: "
                    f"{path}, which another program wrote."
                )
            tensors = {
                name: file.get_tensor(name)
                for name in file.keys()
                if name.startswith(prefix)
            }
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(
            f"Expected a whole weight file (safetensors). Received: {path}, "
            f"which does not read: {error}"
        ) from error
    return tensors, {key: json.loads(value) for key, value in header.items()}
