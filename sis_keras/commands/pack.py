r"""Packs what train_jax needs into one folder to carry to a GPU:

    python -m sis_keras.commands.pack --flagfile=recipes/mobile_gpu.flags \
        --pack_to=packed

Pairs to train on are stored as WebP of --quality (what that costs is
printed), pairs to validate on without loss; photographs travel as they are and
are blurred over there.
"""

import pathlib
import shutil

from absl import flags

from sis_keras.commands.flags import FLAGS, of_a_run, required
from sis_keras.commands.opening import open_sources, validation_groups
from sis_keras.commands.start import start
from sis_keras.data.source import refuse_overlap

flags.DEFINE_string("pack_to", None, "The new folder.")
flags.DEFINE_integer(
    "quality", 85, "Of WebP, for training pairs; 101 is lossless.", 1, 101
)
flags.DEFINE_integer(
    "photograph_quality",
    60,
    "Of WebP, for photographs and frames to train on.",
    1,
    101,
)
flags.DEFINE_float("limit_mib", 60.0, "Size of the folder.", 0.0)
flags.DEFINE_list(
    "wheels",
    ["keras==3.15.1", "namex", "optree"],
    "Packages that the other machine lacks; their own requirements are not "
    "followed.",
)
flags.DEFINE_string("wheels_python", "3.12", "Python of that machine.")

# Their values name places on this machine, or are train_jax's to say.
LEFT_OUT = (
    "cache_dir",
    "data_dir",
    "manual_dir",
    "output",
    "resume",
    "test_data",
)
WEIGHTS = (
    "continue_from",
    "imagenet_weights",
    "initial_weights",
    "vgg16_weights",
)


def main():
    from sis_keras.errors import UserError
    from sis_keras.files.atomic import atomic_folder
    from sis_keras.files.writable import check_folder
    from sis_keras.training.on_jax import packing

    final = pathlib.Path(required("pack_to"))
    if final.exists():
        raise UserError(
            f"Expected a new folder. Received: --pack_to={final}, which is "
            "there already. Remove it, or name another."
        )
    check_folder(final.parent, "pack_to")
    # Over there the two are other files.
    refuse_overlap(
        open_sources(required("train_data"), 1),
        [source for _, source in validation_groups()],
    )
    with atomic_folder(final) as folder:
        packing.pack_code(folder)
        moved = pack_data(folder)
        packing.pack_wheels(
            FLAGS.wheels, folder / "wheels", FLAGS.wheels_python
        )
        (folder / "run.flags").write_text("\n".join(run_lines(moved)) + "\n")
        packing.check_size(folder, int(FLAGS.limit_mib * 2**20))
    print(f"{final}: {packing.size_of(final) / 2**20:.1f} MiB")


def pack_data(folder):
    """Copies pictures and weights; what the flags that name them become."""
    from sis_keras.training.on_jax import packing

    moved = {}
    for flag, stem, *qualities in (
        ("train_data", "train", FLAGS.quality, FLAGS.photograph_quality),
        ("validation_data", "validation", packing.LOSSLESS, None),
    ):
        packed = packing.pack_sources(
            required(flag), folder, stem, FLAGS.inputs, *qualities
        )
        moved[flag] = ",".join(source.text for source in packed)
        for source in packed:
            print(described(source))
    from sis_keras.weights.released import weight_file

    for flag in WEIGHTS:
        if FLAGS[flag].value:
            path = weight_file(FLAGS[flag].value)
            moved[flag] = f"{flag}{''.join(path.suffixes[-2:])}"
            shutil.copyfile(path, folder / moved[flag])
    return moved


def described(source):
    text = f"{source.text}: {source.pictures} pictures, "
    text += f"{source.size / 2**20:.1f} MiB"
    if source.sharp_psnr:
        text += (
            f"; kept {source.blurry_psnr:.1f} dB of the blurry halves, "
            f"{source.sharp_psnr:.1f} dB of the sharp ones"
        )
    return text


def run_lines(moved):
    """Lines of a flagfile: all flags that were given, the moved ones anew."""
    given = [
        flag.serialize()
        for flag in of_a_run()
        if flag.value != flag.default and flag.name not in {*LEFT_OUT, *moved}
    ]
    return given + [f"--{name}={value}" for name, value in moved.items()]


def run() -> None:
    """The whole program."""
    start(main, __doc__)


if __name__ == "__main__":
    run()
