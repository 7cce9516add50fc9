"""Networks between two that are close: more texture, or fewer artefacts."""

from sis_keras.errors import UserError
from sis_keras.networks.passes import network_of
from sis_keras.weights.card import without_places, without_scores
from sis_keras.weights.generators import (
    check_arguments,
    load_generator,
    save_weights,
)


def interpolate(
    first, second, share: float, path, strength: float = 1.0
) -> None:
    """Writes the weights at `share` of the way from one file to another.

    Each value is `(1 - share) * first + share * second`: the network
    interpolation of ESRGAN (Wang et al., ECCV Workshops 2018, Equation 4). It
    takes weights of which one was trained from the other.

    Args:
        first: A weight file, checkpoint or released name; of content alone,
            say.
        second: Another of the same network; after the game, say.
        share: In [0, 1].
        strength: The last layer is multiplied by it. Below 1 the network
            changes less.
        path: Of the file to write. Its card is that of `second` without its
            scores, and with `interpolated`.

    Raises:
        UserError: The share is outside, the strength is none, or the networks
            differ.
    """
    if not 0 <= share <= 1:
        raise UserError(f"Expected a share from 0 to 1. Received: {share}.")
    if not 0 < strength <= 2:
        raise UserError(
            f"Expected a strength above 0, to 2. Received: {strength}."
        )
    start, found = load_generator(first)
    end, metadata = load_generator(second)
    check_arguments(found["arguments"], metadata["arguments"], first)
    end.set_weights(
        [
            (1 - share) * a + share * b
            for a, b in zip(start.get_weights(), end.get_weights(), strict=True)
        ]
    )
    output = network_of(end).get_layer("to_rgb")
    output.set_weights([strength * x for x in output.get_weights()])
    learned_from = _learned_from(found["card"], metadata["card"])
    card = without_scores(metadata["card"])
    card["interpolated"] = {"from": str(first), "share": share}
    if learned_from:
        card["interpolated"]["train_data"] = learned_from
    if strength != 1.0:
        card["strength"] = strength
    save_weights(path, end, metadata["arguments"], without_places(card))


def _learned_from(*cards) -> list[str]:
    """Sources of all, each once; none where one of the cards does not tell."""
    sources: dict[str, None] = {}
    for card in cards:
        # A checkpoint has its settings in a part of their own.
        known = card.get("settings", {}) | card
        data = known.get("train_data")
        between = card.get("interpolated", {"train_data": []})
        if not data or "train_data" not in between:
            return []
        sources |= dict.fromkeys(data + between["train_data"])
    return list(sources)
