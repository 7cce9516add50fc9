"""Picture files in and out: uint8 RGB arrays, never BGR past this module."""

import pathlib
import warnings

import numpy as np

from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.files.formats import FORMATS
from sis_keras.optional import optional_package

# What OpenCV reads and writes.
PICTURE_SUFFIXES = tuple(
    suffix
    for suffix, form in FORMATS.items()
    if form in ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
)


def list_pictures(folder) -> list[pathlib.Path]:
    """The picture files directly inside `folder`, sorted by name.

    Names that start with a dot (left by file managers) are passed over.
    """
    return sorted(
        path
        for path in pathlib.Path(folder).iterdir()
        if path.suffix.lower() in PICTURE_SUFFIXES
        and not path.name.startswith(".")
        and path.is_file()
    )


def read_rgb(path) -> np.ndarray:
    """Reads a picture as uint8 RGB, shape `(height, width, 3)`.

    Raises:
        UserError: The file is missing, empty, truncated or no picture.
    """
    path = pathlib.Path(path)
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise UserError(
            f"Cannot read the picture {path}: {error.strerror}."
        ) from error
    cv2 = _opencv()
    try:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        picture = None
    if picture is None:
        raise UserError(
            f"Expected a picture (PNG, JPEG, …). Received: {path}, "
            f"{data.size} bytes that do not decode. Replace or remove it."
        )
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def stored_size(path) -> tuple[int, int] | None:
    """Height and width of a picture, from its file's head alone.

    As they lie in the file: of a photo that is shown turned by a quarter the
    other way round. None where Pillow cannot tell, or is not installed.
    """
    try:
        from PIL import Image
    except ImportError:
        return None
    try:
        with warnings.catch_warnings():
            # Of large pictures, which are not decoded here.
            warnings.simplefilter("ignore")
            with Image.open(path) as image:
                return image.height, image.width
    except (OSError, ValueError, Image.DecompressionBombError):
        return None


def write_rgb(path, picture: np.ndarray) -> None:
    """Writes uint8 RGB `(height, width, 3)`; the format is the suffix's.

    The file appears under its final name only when it is complete.

    Raises:
        UserError: No format has that suffix.
    """
    path = pathlib.Path(path)
    if path.suffix.lower() not in PICTURE_SUFFIXES:
        raise UserError(
            f"Expected a picture's name, with one of {PICTURE_SUFFIXES}. "
            f"Received: {path}."
        )
    cv2 = _opencv()
    form = FORMATS[path.suffix.lower()]  # OpenCV knows no .jfif.
    _, data = cv2.imencode(
        f".{form.lower()}", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    )
    with atomic_path(path) as temporary:
        temporary.write_bytes(data.tobytes())


def to_uint8(image: np.ndarray) -> np.ndarray:
    """[0, 1] floats to uint8: clipped, then rounded, never truncated."""
    return np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)


def halved(picture: np.ndarray) -> np.ndarray:
    """uint8 at half the height and width: means of 2x2 pixels."""
    cv2 = _opencv()
    height, width = halved_size(picture.shape[:2])
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA)


def _opencv():
    return optional_package("cv2", "tensorflow")


def halved_size(size: tuple[int, int]) -> tuple[int, int]:
    """Height and width of what `halved` makes of a picture of `size`."""
    height, width = size
    return max(height // 2, 1), max(width // 2, 1)
