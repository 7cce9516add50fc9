"""Named arguments of `build_generator`; a preset is nothing else."""

from sis_keras.errors import UserError

# The coarsest scale is 1/32: sizes are padded to multiples of it.
SCALE_MULTIPLE = 32
# Of passes at two scales, which are joined in squares of so many pixels of the
# finer: of the fine change, how much goes, and of the coarse one, how much
# comes, where the coarse pass alone finds something to do.
SQUARE = 32
GOES, COMES = 0.5, 0.8
LEAST = 1e-9
PRESETS = {
    # The paper's network; its trunk takes InceptionV3's ImageNet weights.
    "sisnet": {
        "width_multiplier": 1.0,
        "fusion_channels": 128,
        "normalization": "batch",
    },
    # The two that are released. Without normalisation short runs learn more,
    # and int8 has less to fold; average pooling falls out of the phones' int8
    # accelerators, max does not; residual parts learn more in each step.
    "sisnet_small": {
        "width_multiplier": 0.5,
        "fusion_channels": 64,
        "normalization": "none",
        "branch_pooling": "max",
        "residual_modules": True,
        "residual_blocks": (2, 4, 2, 0),
    },
    "sisnet_mobile": {
        "width_multiplier": 0.25,
        "fusion_channels": 32,
        "normalization": "none",
        "branch_pooling": "max",
        "residual_modules": True,
        "residual_blocks": (2, 4, 4, 0),
    },
}


def preset_arguments(name: str) -> dict:
    """The keyword arguments of a preset, for `build_generator`.

    Raises:
        UserError: No preset has that name.
    """
    if name not in PRESETS:
        raise UserError(
            f"Expected a preset in {sorted(PRESETS)}. Received: {name!r}."
        )
    return dict(PRESETS[name])
