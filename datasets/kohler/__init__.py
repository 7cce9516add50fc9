"""The Köhler benchmark: its files, and a TFDS builder of them."""


def __getattr__(name):
    # Reading the benchmark's own folder wants no TFDS.
    if name == "Builder":
        from datasets.kohler.kohler_dataset_builder import Builder

        return Builder
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
