"""What sizes of frames a flow can be measured between."""

from sis_keras.errors import UserError

# OpenCV's dense inverse search crashes on frames below 16 pixels.
LEAST_SIZE = 32


def check_frames(*shapes: tuple[int, ...]) -> None:
    """Refuses frames of these shapes, `(height, width, …)` each.

    Raises:
        UserError: They differ, or are below 32x32 pixels.
    """
    if len(set(shapes)) > 1:
        raise UserError(
            f"Expected {len(shapes)} frames of one size. Received: "
            f"{', '.join(f'{shape[1]}x{shape[0]}' for shape in shapes)}."
        )
    if min(shapes[0][:2]) < LEAST_SIZE:
        raise UserError(
            f"Expected frames of at least {LEAST_SIZE}x{LEAST_SIZE} pixels. "
            f"Received: {shapes[0][1]}x{shapes[0][0]}."
        )
