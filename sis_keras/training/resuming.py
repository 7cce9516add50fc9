"""Whether a run may go on with the settings that it is given now."""

from collections.abc import Collection

from sis_keras.errors import UserError

# Of these nothing depends that a step computes.
FREE = ("operations_at_once", "threads_of_an_operation", "validate_every")
# Places of what `data` and `contents` are the fingerprints of.
PLACES = ("train_data", "vgg16_weights")


def check_settings(
    path,
    found: dict,
    expected: dict,
    step: int,
    unknown: Collection[str] = (),
) -> str:
    """Refuses settings that would make another run of it.

    What is known by its contents may lie elsewhere. `steps` may change:
    where the learning rate does not decay, the run is the same as with that
    number from its first step on.

    Args:
        path: Of the checkpoint, for the message.
        found: Its settings, by name.
        expected: Those of now.
        step: Where the run stands.
        unknown: Names of settings that are not known yet.

    Returns:
        What is to be said of it in a line; mostly nothing.

    Raises:
        UserError: Settings differ, all of which are named; or `steps` are
            fewer than were made.
    """
    free = {*FREE, *unknown, "steps"}
    if "contents" in expected:
        # Runs of earlier versions know the files' times alone.
        by_contents = "contents" in found
        free |= {*PLACES} if by_contents else {"data", "contents"}
    compared = sorted((found.keys() | expected.keys()) - free)
    if "data" in compared and found.get("data") != expected.get("data"):
        compared = list(dict.fromkeys([*compared, "train_data"]))
        parts = _by_source(found), _by_source(expected)
        if parts[0].keys() == parts[1].keys():
            found, expected = (
                {**settings, "data": None, **part}
                for settings, part in zip((found, expected), parts, strict=True)
            )
            compared += parts[0]
    differing = [x for x in compared if found.get(x) != expected.get(x)]
    if differing:
        old, new = (
            ", ".join(f"{name}={settings.get(name)!r}" for name in differing)
            for settings in (found, expected)
        )
        raise UserError(
            f"Cannot resume {path}: expected the run's own settings, {old}. "
            f"Received: {new}. Give the run's own, or start anew in another "
            "`output`."
        )
    return _of_steps(path, found, expected, step)


def _by_source(settings):
    """The pictures' fingerprints by the source's text, where that is known."""
    texts = settings.get("train_data") or []
    prints = (settings.get("data") or "").split()
    if len(texts) != len(prints):
        return {"data": settings.get("data")}
    return {
        f"pictures of {text}": print_
        for text, print_ in zip(texts, prints, strict=True)
    }


def _of_steps(path, found, expected, step):
    before, now = found.get("steps"), expected.get("steps")
    if before == now or now is None:
        return ""
    if now < step:
        raise UserError(
            f"Cannot resume {path}: expected `steps` of {step} or more, which "
            f"the run has made. Received: {now}."
        )
    if expected.get("decay", "none") == "none":
        return ""
    return (
        f"Goes on at step {step} to step {now} in place of {before}: the "
        f"learning rate is from here on that of {now} steps "
        f"({expected['decay']} decay), so this is not what {now} steps from "
        "the first one on would give."
    )
