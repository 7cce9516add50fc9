r"""Prepares a data set once, for training and evaluation.

    python -m datasets.prepare gopro/blur --manual_dir=DOWNLOADS \
        --data_dir=PREPARED

reads GOPRO_Large.zip, or the folder unpacked from it, in DOWNLOADS, and writes
TFRecord files below PREPARED. Nothing is downloaded. The other data sets are
gopro/blur_gamma, kohler/blurred and kohler/ground_truth; what each needs is in
datasets/gopro/README.md and datasets/kohler/README.md.
"""

import contextlib
import importlib
import io
import os
import pathlib
import sys
from collections.abc import Iterator

from absl import app, flags, logging

from sis_keras.commands.empty import refuse_empty_flags
from sis_keras.errors import UserError
from sis_keras.optional import optional_package
from sis_keras.quiet import import_tensorflow

FLAGS = flags.FLAGS
NAMES = ("gopro", "kohler")


def make_builder(name: str, data_dir=None):
    """The TFDS builder called `name`: `gopro`, `gopro/blur_gamma`, ….

    Raises:
        UserError: There is no such data set or config, or no TFDS.
    """
    dataset, _, config = name.partition("/")
    if dataset not in NAMES:
        raise UserError(
            f"Expected a data set, {' or '.join(NAMES)}. Received: {name!r}."
        )
    import_tensorflow()
    optional_package("tensorflow_datasets", "training")
    builder_class = importlib.import_module(f"datasets.{dataset}").Builder
    configs = list(builder_class.builder_configs)
    if config and config not in configs:
        raise UserError(
            f"Expected a config of {dataset}, {' or '.join(configs)}. "
            f"Received: {config!r}."
        )
    return builder_class(config=config or None, data_dir=data_dir)


def prepared_builder(name: str, data_dir=None, manual_dir=None):
    """The TFDS builder called `name`, its data on disk.

    Where they are not prepared in `data_dir` yet, they are made from the files
    in `manual_dir`; on any failure nothing is left behind.

    Args:
        name: such as `gopro/blur`; the first config without one.
        data_dir: folder of the prepared data; None is TFDS's own.
        manual_dir: folder with the downloaded files.

    Raises:
        UserError: No such data set, missing or broken files, or a full disk.
    """
    builder = make_builder(name, data_dir and os.path.expanduser(data_dir))
    if builder.info.splits:
        return builder
    if not manual_dir:
        raise UserError(
            f"Expected {name}, prepared, in {builder.data_dir}. Found nothing. "
            "Name the folder of the downloaded files with --manual_dir; "
            f"{builder.MANUAL_DOWNLOAD_INSTRUCTIONS}"
        )
    manual_dir = pathlib.Path(manual_dir).expanduser()
    check_files(builder, manual_dir)
    import tensorflow as tf
    import tensorflow_datasets as tfds

    print(f"{name}: prepared once, in {builder.data_dir}, from {manual_dir}.")
    try:
        with (
            no_folders_left(builder.data_dir),
            # TFDS says that it downloads, which nothing does.
            contextlib.redirect_stdout(io.StringIO()),
        ):
            builder.download_and_prepare(
                download_config=tfds.download.DownloadConfig(
                    manual_dir=manual_dir, try_download_gcs=False
                )
            )
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"Cannot write the prepared data to {builder.data_dir}: {error}"
        ) from error
    return builder


def check_files(builder, manual_dir: pathlib.Path) -> None:
    """Looks for what a builder reads, before TFDS makes any folder.

    Raises:
        UserError: It is not in `manual_dir`; says where it is to be had.
    """
    if not manual_dir.is_dir() or not any(manual_dir.iterdir()):
        what = "is empty" if manual_dir.is_dir() else "does not exist"
        raise UserError(
            f"Expected the files of {builder.info.full_name} in --manual_dir. "
            f"Received: {manual_dir}, which {what}. "
            f"{builder.MANUAL_DOWNLOAD_INSTRUCTIONS}"
        )
    builder.check_files(manual_dir)


@contextlib.contextmanager
def no_folders_left(path) -> Iterator[None]:
    """Removes what a failure inside leaves where nothing was before.

    That is folders, and TFDS's notes of versions; what else lies there is
    another program's.
    """
    path = pathlib.Path(path)
    made = [x for x in (path, *path.parents) if not x.exists()]
    try:
        yield
    except BaseException:
        for top in made[-1:]:
            for folder, _, files in os.walk(top, topdown=False):
                if folder.endswith(".config") and files == ["metadata.json"]:
                    os.remove(os.path.join(folder, *files))
                with contextlib.suppress(OSError):  # It is not empty.
                    os.rmdir(folder)
        raise


def main(argv: list[str]) -> None:
    if len(argv) != 2:
        raise UserError(
            "Expected one data set, such as gopro/blur. Received: "
            f"{' '.join(argv[1:]) or 'none'}."
        )
    builder = prepared_builder(argv[1], FLAGS.data_dir, FLAGS.manual_dir)
    for split, info in sorted(builder.info.splits.items()):
        print(f"{argv[1]}:{split}: {info.num_examples} examples")
    print(f"{builder.info.dataset_size / 1e9:.3f} GB in {builder.data_dir}")


def _define_flags() -> None:
    """Not at import: train.py imports this module and has flags of its own."""
    flags.DEFINE_string(
        "manual_dir", None, "Folder with the files that you downloaded."
    )
    flags.DEFINE_string(
        "data_dir",
        None,
        "Folder for the prepared data; ~/tensorflow_datasets if none.",
    )


def _parse(argv: list[str]) -> list[str]:
    rest = FLAGS(argv)
    refuse_empty_flags(FLAGS, argv)
    if FLAGS["verbosity"].using_default_value:
        FLAGS.verbosity = logging.WARNING
    return rest


def _run(argv: list[str]) -> int:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    _define_flags()
    try:
        app.run(main, argv, flags_parser=_parse)
    except (UserError, OSError, flags.Error) as error:
        message = " ".join(str(error).split())
    except KeyboardInterrupt:
        message = "Stopped by Ctrl-C; nothing unfinished is kept."
    else:
        return 0
    print(f"prepare.py: {message}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(_run(sys.argv))
