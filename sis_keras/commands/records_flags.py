"""Flags of crops that were cut before."""

from absl import flags

flags.disclaim_key_flags()  # They are the flags of who calls.


def define_records() -> None:
    """Declares them, of the module that calls."""
    flags.DEFINE_string(
        "crop_records",
        None,
        "Train on the crops in this folder, such as gs://BUCKET/FOLDER, that "
        "sis_keras.commands.crop_records wrote; --train_data is not opened.",
    )
    flags.DEFINE_string(
        "data_service",
        None,
        "Let the workers of the tf.data service at this address, "
        "grpc://HOST:PORT, read and augment them. Which crops a step gets is "
        "then up to the workers: no two runs are the same, and a resume goes "
        "on with other crops. Each comes at least once in the time that a "
        "worker takes for all.",
    )
