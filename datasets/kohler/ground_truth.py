"""The sharp frames of one trajectory, from a MATLAB file or from PNG files."""

import contextlib
import pathlib
from collections.abc import Iterator

import cv2
import h5py
import numpy as np

from sis_keras.errors import UserError
from sis_keras.optional import optional_package

# The benchmark's own evaluation passes over the others of this trajectory.
SCORED_FRAMES = {(1, 3): frozenset(range(1, 199)) - {30}}


def is_scored(image: int, kernel: int, frame: int) -> bool:
    """Whether the benchmark compares with this frame (numbered from 1)."""
    scored = SCORED_FRAMES.get((image, kernel))
    return scored is None or frame in scored


def read_mat_frames(path) -> Iterator[tuple[int, np.ndarray]]:
    """Yields `(number, frame)` from a benchmark file `GroundTruth{i}_{k}.mat`.

    The file holds one variable `GroundTruth`, uint8 RGB of shape
    `(height, width, 3, frames)`. MATLAB 7.3 files (HDF5, axes reversed) are
    read frame by frame; older ones are held in memory, 0.4 GB for 199 frames.

    Args:
        path: the file, readable by `scipy.io.loadmat` or `h5py`.

    Yields:
        Frame numbers from 1, and uint8 arrays `(height, width, 3)`, RGB.

    Raises:
        UserError: The file is unreadable, or holds something else; or SciPy
            is not there to read it.
    """
    path = pathlib.Path(path)
    with _whole(path):
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                variable = _ground_truth(file, path, axes=(3, 2, 1, 0))
                for index in range(variable.shape[0]):
                    frame = np.transpose(variable[index], (2, 1, 0))
                    yield index + 1, _to_uint8(frame, path)
        else:
            matlab = optional_package("scipy.io", "kohler")
            variable = _ground_truth(
                matlab.loadmat(path, variable_names=["GroundTruth"]),
                path,
                axes=(0, 1, 2, 3),
            )
            for index in range(variable.shape[3]):
                yield index + 1, _to_uint8(variable[..., index], path)


def count_mat_frames(path) -> int:
    """How many frames a file of `read_mat_frames` has, by its head alone.

    Raises:
        UserError: As `read_mat_frames`.
    """
    path = pathlib.Path(path)
    with _whole(path):
        if h5py.is_hdf5(path):
            with h5py.File(path) as file:
                variable = _ground_truth(file, path, axes=(3, 2, 1, 0))
                return variable.shape[0]
        matlab = optional_package("scipy.io", "kohler")
        shapes = {
            name: np.broadcast_to(np.uint8(0), shape)
            for name, shape, _ in matlab.whosmat(path)
        }
        return _ground_truth(shapes, path, axes=(0, 1, 2, 3)).shape[3]


@contextlib.contextmanager
def _whole(path):
    """What SciPy and h5py raise for a damaged file becomes a UserError."""
    try:
        yield
    except UserError:
        raise
    # scipy and h5py raise many kinds of exceptions for a damaged file.
    except Exception as error:
        raise UserError(
            f"Expected a whole MATLAB file. Received: {path}, "
            f"{path.stat().st_size} bytes, unreadable ({error}). "
            "Copy or download it again."
        ) from error


def _ground_truth(variables, path, axes: tuple[int, ...]):
    """The variable; its `axes` hold height, width, 3 and frames."""
    variable = variables.get("GroundTruth")
    shape = getattr(variable, "shape", ())
    if len(shape) != 4 or shape[axes[2]] != 3:
        received = f"shape {shape}" if shape else "no such variable"
        raise UserError(
            "Expected a variable GroundTruth, height x width x 3 x frames, in "
            f"{path}. Received: {received}. Use the benchmark's own file."
        )
    return variable


def _to_uint8(frame: np.ndarray, path) -> np.ndarray:
    if frame.dtype == np.uint8:
        return frame
    # Out-of-range values wrap or saturate, and so differ from the original.
    with np.errstate(invalid="ignore"):
        converted = frame.astype(np.uint8)
    if not np.array_equal(converted, frame):
        raise UserError(
            f"Expected whole numbers from 0 to 255 in GroundTruth of {path}. "
            f"Received: {frame.dtype} from {frame.min()} to {frame.max()}."
        )
    return converted


def encode_png(frame: np.ndarray) -> bytes:
    """uint8 RGB `(height, width, 3)` as the bytes of a PNG file."""
    bgr = np.ascontiguousarray(frame[..., ::-1])
    encoded, data = cv2.imencode(".png", bgr)
    if not encoded:
        raise ValueError(f"Cannot encode a picture of shape {frame.shape}.")
    return data.tobytes()
