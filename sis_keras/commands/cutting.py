"""Flags to what a run is trained on."""

from sis_keras.commands.flags import FLAGS
from sis_keras.commands.opening import parted
from sis_keras.errors import UserError


def cache_folder(host: int) -> str:
    """Of each host its own: they may share a disk."""
    folder = FLAGS.cache_dir or f"{FLAGS.output}/cache"
    return f"{folder}/host_{host}" if host else folder


def parted_where_refreshed(sources):
    """`opening.parted`, where --refresh_steps makes a difference."""
    if not FLAGS.refresh_steps:
        return sources, []
    steady, changing = parted(sources)
    if not changing:
        raise UserError(
            "Expected --refresh_steps with data that is blurred here, such as "
            "photographs:FOLDER. Received --train_data without."
        )
    return steady, changing


def make_crops(steady, changing, folder, crop_size, steps):
    """What is trained on; and the cache in `folder` of what stays."""
    from sis_keras.data.cache import open_cache
    from sis_keras.data.crops import Crops
    from sis_keras.data.pools import RefreshedCrops

    def crops_of(cache):
        return Crops(
            cache,
            crop_size,
            FLAGS.crops_per_picture,
            FLAGS.synthetic_share,
            FLAGS.hold_out,
            FLAGS.seed,
            FLAGS.crop_candidates,
            bool(FLAGS.weigh_pictures),
        )

    if not FLAGS.refresh_steps:
        whole = open_cache(steady, folder)
        return crops_of(whole), whole
    cache = open_cache(steady, f"{folder}/steady") if steady else None
    crops = RefreshedCrops(
        cache,
        changing,
        FLAGS.seed,
        folder,
        FLAGS.refresh_steps,
        steps,
        crop_size,
        crops_of,
    )
    return crops, cache


def check_records_flags(groups):
    """What --crop_records and --data_service want of other flags."""
    if FLAGS.data_service and not FLAGS.crop_records:
        raise UserError(
            "Expected --crop_records with --data_service, which reads them. "
            "Received none."
        )
    if FLAGS.crop_records and not groups:
        raise UserError(
            "Expected --validation_data with --crop_records, which hold "
            "nothing whole. Received none."
        )


def open_records():
    """The crop records of the flags; None without."""
    if not FLAGS.crop_records:
        return None
    from sis_keras.data.records.crops import CropRecords

    return CropRecords(
        FLAGS.crop_records, FLAGS.crop_size, FLAGS.seed, FLAGS.data_service
    )
