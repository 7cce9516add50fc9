r"""Cuts crops once, into files that TensorFlow reads by itself:

    python -m sis_keras.commands.crop_records --flagfile=recipes/mobile.flags \
        --crop_records_to=FOLDER --count=160000

They are those that train.py would cut at crops of --stored_size, in its
order; with --refresh_steps from as many pools. train.py --crop_records=FOLDER
takes another window of each whenever it comes. FOLDER may be gs://BUCKET/….
Decoded pictures lie in --cache_dir, or else in <output>/cache_of_records.
"""

from absl import flags

from sis_keras.commands.cutting import make_crops, parted_where_refreshed
from sis_keras.commands.flags import FLAGS, required
from sis_keras.commands.opening import open_sources
from sis_keras.commands.start import start
from sis_keras.data.fitness import check_sources

flags.DEFINE_string("crop_records_to", None, "The new folder.")
flags.DEFINE_integer(
    "count", 10_000, "Crops; rounded up to a multiple of 16.", 1
)
flags.DEFINE_integer(
    "stored_size",
    None,
    "Height and width of the stored crops. Default: a quarter more than "
    "--crop_size.",
    16,
)
flags.DEFINE_float("shard_mib", 256.0, "About the size of a file.", 0.0)
# What cuts crops; the rest is train.py's.
TAKEN = {
    "batch_size",
    "cache_dir",
    "crop_candidates",
    "crop_size",
    "crops_per_picture",
    "data_dir",
    "flow_versions",
    "hold_out",
    "inputs",
    "manual_dir",
    "output",
    "refresh_steps",
    "seed",
    "synthetic_blur",
    "synthetic_share",
    "synthetic_streak",
    "synthetic_versions",
    "train_data",
    "weigh_pictures",
}


def main():
    from sis_keras.errors import UserError
    from sis_keras.files.writable import check_folder
    from sis_keras.quiet import import_tensorflow
    from sis_keras.weights.card import without_places

    folder = required("crop_records_to")
    size = FLAGS.stored_size or FLAGS.crop_size * 5 // 4
    if size < FLAGS.crop_size:
        raise UserError(
            f"Expected --stored_size of at least {FLAGS.crop_size} "
            f"(--crop_size). Received: {size}."
        )
    # Not a training's own, whose pools come and go.
    cache = FLAGS.cache_dir or f"{required('output')}/cache_of_records"
    if "://" not in folder:  # A bucket is looked at by TensorFlow.
        check_folder(folder, "crop_records_to")
    sources = open_sources(required("train_data"), FLAGS.synthetic_versions)
    steady, changing = parted_where_refreshed(sources)
    check_sources(sources, size, FLAGS.hold_out)
    import_tensorflow()
    from sis_keras.data.records.index import read_index
    from sis_keras.data.records.write import check_new, write_crops

    check_new(folder)
    crops, _ = make_crops(
        steady,
        changing,
        cache,
        size,
        -(-FLAGS.count // FLAGS.batch_size),
    )
    try:
        write_crops(
            crops,
            folder,
            FLAGS.count,
            FLAGS.batch_size,
            FLAGS.seed,
            without_places({"sources": FLAGS.train_data})["sources"],
            FLAGS.shard_mib,
        )
    finally:
        crops.close()
    index = read_index(folder)
    mib = sum(index.shard_bytes.values()) / 2**20
    print(
        f"{folder}: {index.count} crops of {size}x{size} in "
        f"{len(index.shard_bytes)} files, {mib:.1f} MiB"
    )


def run() -> None:
    """The whole program."""
    start(main, __doc__, TAKEN)


if __name__ == "__main__":
    run()
