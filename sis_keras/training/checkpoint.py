"""The whole state of a training run in one file, for an exact resume.

`last.safetensors` holds, beside the product under `generator/…` (the running
average), every variable of the training under `training/…`: the generator
itself, the heads of its coarse scales, both discriminators, both optimizers,
the counters. Its metadata holds the step and the settings. `load_generator`
reads it as any weight file.
"""

from collections.abc import Collection

import numpy as np

from sis_keras.errors import UserError
from sis_keras.training import resuming
from sis_keras.weights.card import without_places
from sis_keras.weights.generators import (
    GENERATOR,
    as_read,
    check_arguments,
    model_tensors,
    set_model_tensors,
)
from sis_keras.weights.tensors import halved, read_tensors, write_tensors

STATE = "training/"


def save_checkpoint(
    path, gan, arguments: dict, state: dict, half: bool = False
) -> None:
    """Writes a run's whole state, all or nothing.

    Args:
        path: Of the `.safetensors` file.
        gan: A compiled `DeblurringGAN`.
        arguments: Of `build_generator`.
        state: Step, scores and settings; JSON.
        half: Networks as float16, optimizers as bfloat16 (squares of
            gradients are below float16's range): half the size, and a resume
            that is no longer exact.

    Raises:
        UserError: A value is beyond the range of half precision; the file
            that was there stays.
    """
    tensors = model_tensors(gan.averaged_generator, GENERATOR)
    tensors |= {n: np.asarray(v.numpy()) for n, v in _variables(gan).items()}
    if half:
        tensors = halved(
            tensors,
            f"step {state.get('step')} for {path}",
            "Go on with `resume` and without `half_checkpoint`, or with "
            "`continue_from` at a lower learning rate.",
        )
    write_tensors(path, tensors, {"arguments": arguments, "card": state})


def restore_checkpoint(path, gan, arguments: dict, settings: dict) -> dict:
    """Puts a run's state back.

    Args:
        path: What `save_checkpoint` wrote.
        gan: Compiled, of the same structure.
        arguments: Of `build_generator`; must be those of the file.
        settings: Those of the file, as far as `check_settings` asks.

    Returns:
        The `state` given to `save_checkpoint`.

    Raises:
        UserError: The file is missing or damaged, or belongs to other
            arguments or settings.
    """
    check_settings(path, arguments, settings)
    tensors, metadata = read_tensors(path)
    _put_back(path, gan, tensors)
    return metadata["card"]


def check_settings(
    path, arguments: dict, settings: dict, unknown: Collection[str] = ()
) -> str:
    """Refuses to go on with another run's checkpoint; reads its head alone.

    Args:
        path: What `save_checkpoint` wrote.
        arguments: Of `build_generator`; must be those of the file.
        settings: See `resuming.check_settings`.
        unknown: Names of settings that are not known yet.

    Returns:
        What is to be said of the run that goes on; mostly nothing.

    Raises:
        UserError: The file is missing or damaged, or belongs to others.
    """
    _, metadata = read_tensors(path, prefix="none of them")
    expected = as_read({**arguments, **settings})
    found = {**metadata["arguments"], **metadata["card"].get("settings", {})}
    card = metadata["card"]
    step = card.get("step", 0)
    return resuming.check_settings(path, found, expected, step, unknown)


def save_trunk(path, target) -> None:
    """Writes what is worth keeping of a long training, in half precision.

    That is the weights that the training moved and the heads of the coarse
    scales: a quarter of a checkpoint's values, an eighth of its size.
    `continue_from` reads it; the average begins at the weights, and the
    optimizer anew.

    Args:
        path: What `save_checkpoint` wrote, of a run without a game.
        target: The new file.

    Raises:
        UserError: The file is missing, damaged, or no checkpoint; or a value
            is beyond float16's range.
    """
    tensors, metadata = read_tensors(path)
    kept = {
        name: x
        for name, x in tensors.items()
        if name.startswith((f"{STATE}generator/", f"{STATE}coarse_heads/"))
    }
    if not kept:
        raise UserError(
            "Expected a checkpoint (last.safetensors). Received: "
            f"{path}, which holds a product alone."
        )
    kept = halved(
        kept, path, "Keep the checkpoint itself, or take an earlier one."
    )
    write_tensors(target, kept, without_places(metadata))


def set_trained(path, generator, tensors: dict) -> None:
    """Puts a checkpoint's trained weights, not their average, in a generator.

    Raises:
        UserError: `tensors`, of the file `path`, hold none that fit.
    """
    for number, variable in enumerate(generator.variables):
        found = tensors.get(f"{STATE}generator/{number:04d}")
        if found is None or found.shape != tuple(variable.shape):
            raise UserError(
                "Expected a checkpoint of this network (last.safetensors). "
                f"Received: {path}, which lacks {variable.path}."
            )
        variable.assign(found.astype(variable.dtype))


def continue_from(path, gan, arguments: dict) -> None:
    """Takes over another run's weights, average and optimizer.

    The learning rate's schedule begins anew.

    Args:
        path: What `save_checkpoint` wrote, also in half precision, or
            `save_trunk`.
        gan: Compiled, of the same structure.
        arguments: Of `build_generator`; must be those of the file.

    Raises:
        UserError: The file is missing or damaged, or belongs to another
            network or another training.
    """
    tensors, metadata = read_tensors(path)
    check_arguments(metadata["arguments"], arguments, path)
    product = [n for n in tensors if n.startswith(GENERATOR)]
    if tensors and not product:
        _put_trunk_back(path, gan, tensors)
        return
    _put_back(path, gan, tensors)
    optimizers = [gan.generator_optimizer]
    if gan.plays:
        optimizers.append(gan.discriminator_optimizer)
    for optimizer in optimizers:
        optimizer.iterations.assign(0)
    for counter in (gan.skipped, gan.skipped_in_a_row):
        counter.assign(0)


def _put_trunk_back(path, gan, tensors):
    set_trained(path, gan.generator, tensors)
    gan.averaged_generator.set_weights(gan.generator.get_weights())
    for number, head in enumerate(gan.supervision.heads):
        found = tensors.get(f"{STATE}coarse_heads/{number:04d}")
        if found is not None:
            head.assign(found.astype(head.dtype))


def _put_back(path, gan, tensors):
    variables = _variables(gan)
    odd = [
        name
        for name, variable in variables.items()
        if name not in tensors or tensors[name].shape != tuple(variable.shape)
    ]
    if odd:
        raise UserError(
            "Expected a checkpoint of this training (last.safetensors). "
            f"Received: {path}, in which {len(odd)} tensors are missing or of "
            f"another shape, such as {odd[0]}."
        )
    set_model_tensors(gan.averaged_generator, GENERATOR, tensors)
    for name, variable in variables.items():
        variable.assign(tensors[name].astype(variable.dtype))


def _variables(gan) -> dict:
    """Every variable of the training by a name that the run determines."""
    owners = {
        "generator": gan.generator.variables,
        "coarse_heads": gan.supervision.heads,
        "generator_optimizer": gan.generator_optimizer.variables,
        "counters": [gan.skipped, gan.skipped_in_a_row],
    }
    if gan.plays:
        for name, model in zip(
            ("global", "local"), gan.discriminators, strict=True
        ):
            owners[f"{name}_discriminator"] = model.variables
        owners["discriminator_optimizer"] = (
            gan.discriminator_optimizer.variables
        )
    return {
        f"{STATE}{owner}/{number:04d}": variable
        for owner, variables in owners.items()
        for number, variable in enumerate(variables)
    }
