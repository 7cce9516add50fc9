"""Networks between two that are close: more texture, or fewer artefacts."""

from sis_keras.errors import UserError
from sis_keras.weights.card import without_places, without_scores
from sis_keras.weights.generators import (
    check_arguments,
    load_generator,
    save_weights,
)


def interpolate(first, second, share: float, path) -> None:
    """Writes the weights at `share` of the way from one file to another.

    Each value is `(1 - share) * first + share * second`: the network
    interpolation of ESRGAN (Wang et al., ECCV Workshops 2018, Equation 4). It
    takes weights of which one was trained from the other.

    Args:
        first: A weight file, checkpoint or released name; of content alone,
            say.
        second: Another of the same network; after the game, say.
        share: In [0, 1].
        path: Of the file to write. Its card is that of `second` without its
            scores, and with `interpolated`.

    Raises:
        UserError: The share is outside, or the networks differ.
    """
    if not 0 <= share <= 1:
        raise UserError(f"Expected a share from 0 to 1. Received: {share}.")
    start, found = load_generator(first)
    end, metadata = load_generator(second)
    check_arguments(found["arguments"], metadata["arguments"], first)
    end.set_weights(
        [
            (1 - share) * a + share * b
            for a, b in zip(start.get_weights(), end.get_weights(), strict=True)
        ]
    )
    card = without_scores(metadata["card"])
    card["interpolated"] = {"from": str(first), "share": share}
    save_weights(path, end, metadata["arguments"], without_places(card))
