"""How large the experiments are: the flags that every training has."""

from typing import NamedTuple


class Size(NamedTuple):
    """One of --size.

    Attributes:
        words: What is trained, for people.
        flags: Of train.py, of every run; the paper's choices are `runs.py`'s.
        steps: Of every run.
        train, validation: Flags that name what is trained and validated on.
        test_data: SOURCE that is scored.
        limit: Score so many pairs only.
        taus_of_figure_6: tau_1 of its lines.
        repeats: Timed runs of each picture in Table 3.
        ranks: Whether the steps are enough to rank ablations by.
    """

    words: str
    flags: tuple[str, ...]
    steps: int
    train: tuple[str, ...]
    validation: tuple[str, ...]
    test_data: str
    limit: int | None
    taus_of_figure_6: tuple[float, ...]
    repeats: int
    ranks: bool


# A lone picture: runs are compared at their last step, none is chosen by it.
SUBSET = {
    "train": ("--train_data=$SIS_DATA/gopro/train",),
    "validation": (
        "--validation_data=half:sample:1:"
        "$SIS_DATA/gopro_derived/train/GOPR0374_11_00",
    ),
    "test_data": "$SIS_DATA/gopro/test",
}
SIZES = {
    "tiny": Size(
        words="`sisnet_mobile`, 4 crops of 64 a step, Adam 1e-3",
        flags=(
            "--preset=sisnet_mobile",
            "--batch_size=4",
            "--crop_size=64",
            "--learning_rate=1e-3",
            "--warmup_steps=5",
            "--decay=linear",
            "--ema_decay=0.9",
            "--log_every=2",
        ),
        steps=40,
        **SUBSET,
        limit=3,
        taus_of_figure_6=(0.5,),
        repeats=3,
        ranks=False,
    ),
    "small": Size(
        words="`sisnet_mobile`, 8 crops of 128 a step, Adam 5e-4",
        flags=(
            "--preset=sisnet_mobile",
            "--batch_size=8",
            "--crop_size=128",
            "--learning_rate=5e-4",
            "--warmup_steps=50",
            "--decay=linear",
            "--ema_decay=0.99",
            "--log_every=10",
        ),
        steps=2000,
        **SUBSET,
        limit=None,
        taus_of_figure_6=(0.4, 0.5, 0.6),
        repeats=3,
        ranks=True,
    ),
    "finetuned": Size(
        words="`sisnet_mobile` from its released weights, 4 crops of 96 a "
        "step, Adam 2e-4, discriminators 1e-4 and 40 steps ahead",
        flags=(
            "--preset=sisnet_mobile",
            "--initial_weights=sisnet_mobile",
            "--batch_size=4",
            "--crop_size=96",
            "--learning_rate=2e-4",
            "--discriminator_learning_rate=1e-4",
            "--discriminator_warmup_steps=40",
            "--warmup_steps=20",
            "--decay=linear",
            "--ema_decay=0.99",
            "--log_every=5",
        ),
        steps=200,
        **SUBSET,
        limit=None,
        taus_of_figure_6=(0.4, 0.5, 0.6),
        repeats=3,
        ranks=False,
    ),
    # Everything else, the held-out sequences too, is the flagfile's.
    "full": Size(
        words="`sisnet`, `gopro.flags`: 8 crops of 256 a step, Adam 1e-4",
        flags=("--flagfile=gopro.flags", "--log_every=100"),
        steps=200_000,
        train=(),
        validation=(),
        test_data="tfds:gopro/blur:test",
        limit=None,
        taus_of_figure_6=(0.4, 0.5, 0.6),
        repeats=3,
        ranks=True,
    ),
}
