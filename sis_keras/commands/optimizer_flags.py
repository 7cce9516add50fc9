"""Flags of what a training step does with the gradients."""

from absl import flags

flags.disclaim_key_flags()  # They are the flags of who calls.


def define_optimizer_flags() -> None:
    """Declares them, of the module that calls."""
    flags.DEFINE_enum(
        "optimizer",
        "adam",
        ["adam", "muon"],
        "Of the generator: the paper's, or Muon, which learns more in each "
        "step.",
    )
    flags.DEFINE_float(
        "weight_decay",
        0.0,
        "Of Muon's kernels: each step they shrink by this times the learning "
        "rate.",
        0.0,
    )
    flags.DEFINE_float(
        "trunk_rate",
        None,  # Runs from before it was there resume without.
        "Of Muon in the extracting path, times the learning rate: below 1 it "
        "keeps what --imagenet_weights brought. Default: 1.",
        0.0,
    )
    flags.DEFINE_float(
        "learning_rate", 1e-4, "Of the generator, after the warm-up."
    )
    flags.DEFINE_float(
        "discriminator_learning_rate",
        1e-4,
        "Adam's, of both discriminators, after the warm-up.",
    )
    flags.DEFINE_integer(
        "warmup_steps", 0, "Steps in which both rates rise from 0.", 0
    )
    flags.DEFINE_enum(
        "decay",
        "cosine",
        ["none", "cosine", "linear"],
        "Of both learning rates, from the warm-up on to the last step.",
    )
    flags.DEFINE_float(
        "final_learning_rate", 1e-6, "Where the decay of both rates ends."
    )
    flags.DEFINE_float("ema_decay", 0.999, "Of the product's running average.")
    flags.DEFINE_float("clip_norm", 0.0, "Global gradient norm; 0 is off.", 0.0)
    flags.DEFINE_integer(
        "freeze_batch_norm_at",
        None,
        "From this step on batch normalisation trains on its averages.",
    )
