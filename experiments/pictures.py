"""Test pictures, and networks that are looked at and not scored."""

import io
import itertools
import pathlib
from collections.abc import Iterator

import numpy as np
from PIL import Image

from experiments import plots
from experiments.command import Settings
from sis_keras.files.atomic import atomic_path

Example = tuple[str, np.ndarray, np.ndarray]


def examples(settings: Settings) -> Iterator[Example]:
    """(name, blurry, sharp) of --test_data, uint8 `(height, width, 3)`."""
    from datasets.prepare import prepared_builder
    from sis_keras.data.open_source import open_source

    data_dir, manual_dir = (
        x.partition("=")[2] for x in settings.data_flags or ("", "")
    )
    source = open_source(
        settings.test_data,
        make_builder=lambda name: prepared_builder(name, data_dir, manual_dir),
    )
    return itertools.islice(source.examples(), settings.limit)


def most_blurred(settings: Settings) -> Example:
    """The test picture whose blurred half has the lowest PSNR."""
    from sis_keras.evaluation.metrics import psnr

    return min(examples(settings), key=lambda x: psnr(x[1], x[2]))


def pixels(figure, dpi: int = 110) -> np.ndarray:
    """A figure of matplotlib as uint8 RGB."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi)
    return np.asarray(Image.open(buffer).convert("RGB"))


def save(picture: np.ndarray, output: pathlib.Path, name: str) -> str:
    """Writes photographs as `<name>.png`, and small as `<name>.jpg`.

    Returns:
        Markdown that shows the latter.
    """
    output.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(picture)
    small = {"quality": 72, "optimize": True}
    for kind, options in (("PNG", {}), ("JPEG", small)):
        suffix = kind.lower().replace("jpeg", "jpg")
        with atomic_path(output / f"{name}.{suffix}") as temporary:
            image.save(temporary, kind, **options)
    return plots.shown(f"{name}.jpg", name)
