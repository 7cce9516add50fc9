"""Flags of the game between the generator and its discriminators."""

from absl import flags

flags.disclaim_key_flags()  # They are the flags of who calls.


def define_game() -> None:
    """Declares them, of the module that calls."""
    flags.DEFINE_enum(
        "adversarial",
        "ralsgan",
        ["ralsgan", "rsgan", "lsgan", "wgan-gp", "none"],
        "The game; none trains no discriminator.",
    )
    flags.DEFINE_float(
        "adversarial_weight", 0.01, "Of the adversarial loss, tau_3 of Eq. 7."
    )
    flags.DEFINE_bool(
        "discriminator_sigmoid", True, "Table 1's last row; ralsgan alone."
    )
    flags.DEFINE_float("gradient_penalty_weight", 10.0, "Of wgan-gp's penalty.")
    flags.DEFINE_integer(
        "discriminator_warmup_steps",
        None,  # That of runs from before it was there.
        "So many steps train the discriminators alone; then the generator's "
        "rate begins to rise. Default: 0.",
        0,
    )
