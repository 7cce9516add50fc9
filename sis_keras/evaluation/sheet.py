"""Before/after pictures: side by side, and a sheet of the telling ones."""

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sis_keras.evaluation.report import label, number
from sis_keras.files.pictures import to_uint8, write_rgb

CELL = 640  # widest and highest a picture is drawn
CROP = (180, 320)  # largest region that is drawn enlarged, height and width
GAP = 8
TEXT_HEIGHT = 28
PAPER, INK, FRAME = (255, 255, 255), (30, 30, 30), (255, 210, 0)
ORDER = ("blurry", "restored", "sharp")


def before_after(
    blurry: np.ndarray,
    restored: np.ndarray,
    sharp: np.ndarray,
    separator: int = 4,
) -> np.ndarray:
    """The three pictures side by side, with thin white separators.

    Args:
        blurry: RGB `(height, width, 3)`, uint8, or floats in [0, 1].
        restored: The same shape; each picture may have its own type.
        sharp: The same.
        separator: Its width in pixels.

    Returns:
        uint8 RGB `(height, 3 * width + 2 * separator, 3)`.

    Raises:
        ValueError: The shapes differ.
    """
    pictures = [np.asarray(p) for p in (blurry, restored, sharp)]
    if len({p.shape for p in pictures}) != 1 or pictures[0].ndim != 3:
        raise ValueError(
            "Expected three pictures of one shape (height, width, 3). "
            f"Received: {', '.join(str(p.shape) for p in pictures)}."
        )
    pictures = [p if p.dtype == np.uint8 else to_uint8(p) for p in pictures]
    line = np.full((len(pictures[0]), separator, 3), 255, np.uint8)
    first, second, third = pictures
    return np.concatenate([first, line, second, line, third], axis=1)


def write_sheet(path, rows, title: str = "") -> None:
    """Writes `sheet(rows, title)` as a picture file, PNG by its suffix."""
    write_rgb(path, sheet(rows, title))


def sheet(rows, title: str = "") -> np.ndarray:
    """A page of blurry | restored | sharp, whole and enlarged.

    Under each row of whole pictures stands the region that the restorer
    changed most (without a restorer: where the input is least like the sharp
    picture), enlarged by a whole factor, pixels left as they are; a frame
    shows where it lies.

    Args:
        rows: From `evaluation.extremes`: (rank, entry of the image,
            {"blurry", "restored" or absent, "sharp": uint8 RGB}).
        title: A line above, ASCII as all text here.

    Returns:
        uint8 RGB `(height, width, 3)`.
    """
    width = max(len(pictures) for _, _, pictures in rows) * (CELL + GAP) + GAP
    strips = [_text([title], width, 20)] if title else []
    for rank, entry, pictures in rows:
        columns = [column for column in ORDER if column in pictures]
        panels = [pictures[column] for column in columns]
        top, left, height, across = most_changed(
            pictures["blurry"], pictures.get("restored", pictures["sharp"])
        )
        crop = slice(top, top + height), slice(left, left + across)
        region = (left, top, across, height)
        strips += [
            _text([f"{rank}: {entry['name']}"], width, 20),
            _text([caption(column, entry) for column in columns], width, 16),
            _row([_whole(panel, region) for panel in panels], width),
            _row([enlarged(panel[crop]) for panel in panels], width),
        ]
    return np.concatenate(strips)


def most_changed(before: np.ndarray, after: np.ndarray) -> tuple[int, ...]:
    """The region, half the picture at most, with the largest mean change.

    Args:
        before: uint8 RGB `(height, width, 3)`.
        after: The same.

    Returns:
        Its top, left, height and width.
    """
    sides = before.shape[:2]
    height, width = (
        min(limit, max(1, side // 2))
        for limit, side in zip(CROP, sides, strict=True)
    )
    change = cv2.absdiff(before, after).sum(axis=2, dtype=np.uint32)
    sums = cv2.integral(change.astype(np.float64))
    sums = (
        sums[height:, width:]
        - sums[:-height, width:]
        - sums[height:, :-width]
        + sums[:-height, :-width]
    )
    top, left = np.unravel_index(np.argmax(sums), sums.shape)
    return int(top), int(left), height, width


def caption(column: str, entry: dict) -> str:
    """A picture's scores in words: "restored   PSNR 27.000 (+1.000) dB"."""
    words = [column]
    for name, value in entry.get(column, {}).items():
        if name not in ("psnr", "ssim_gaussian"):
            continue
        text = f"{label(name)} {number(name, value)}"
        if column == "restored":
            text += f" ({number(name, entry['gain'][name], signed=True)})"
        words.append(text + (" dB" if name == "psnr" else ""))
    return "   ".join(words)


def _text(texts, width, size):
    """A strip of paper with a text at the head of each cell."""
    strip = Image.new("RGB", (width, TEXT_HEIGHT), PAPER)
    font = ImageFont.load_default(size)
    for column, text in enumerate(texts):
        # The font that Pillow brings has no more than ASCII.
        text = text.encode("ascii", "replace").decode()
        place = (GAP + column * (CELL + GAP), 4)
        ImageDraw.Draw(strip).text(place, text, fill=INK, font=font)
    return np.asarray(strip)


def _whole(picture, region):
    """The picture fitted into a cell, with a frame around the region."""
    height, width = picture.shape[:2]
    scale = min(CELL / width, CELL / height)
    if scale >= 1:
        scale = int(scale)
        drawn = _repeated(picture, scale)
    else:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        drawn = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    left, top, across, down = (round(side * scale) for side in region)
    corner = (left + across - 1, top + down - 1)
    return cv2.rectangle(drawn, (left, top), corner, FRAME, 1)


def enlarged(crop: np.ndarray) -> np.ndarray:
    """A region of `most_changed`, each pixel drawn as a square of several."""
    height, width = crop.shape[:2]
    return _repeated(crop, min(CELL // width, 2 * CROP[0] // height))


def _repeated(picture, factor):
    return picture.repeat(factor, axis=0).repeat(factor, axis=1)


def _row(panels, width):
    """The panels, each in the middle of its cell, on a strip of paper."""
    height = max(len(panel) for panel in panels)
    strip = np.full((height + GAP, width, 3), PAPER, np.uint8)
    for column, panel in enumerate(panels):
        left = GAP + column * (CELL + GAP) + (CELL - panel.shape[1]) // 2
        strip[: len(panel), left : left + panel.shape[1]] = panel
    return strip
