"""Flags that save a training's memory and cost it time."""

from absl import flags

flags.disclaim_key_flags()  # They are the flags of who calls.


def define_memory_flags() -> None:
    """Declares them, of the module that calls.

    None is what runs from before they were there resume with.
    """
    flags.DEFINE_integer(
        "gradient_accumulation",
        None,
        "Compute the gradients of a batch in so many parts, one after another: "
        "the memory of a part, on one device. Content terms are those of the "
        "whole batch; batch statistics and the means of a relativistic game "
        "are each part's own. Default: 1.",
        1,
    )
    flags.DEFINE_bool(
        "recompute",
        False,
        "Compute the generator's feature maps again for the gradient instead "
        "of keeping them: less memory, more time, the same gradients.",
    )
