"""The flags of deblur.py."""

import argparse
import math

from sis_keras.commands.program import Parser
from sis_keras.files.limits import MOST_PIXELS
from sis_keras.weights.released import DEFAULT_WEIGHTS

DESCRIPTION = f"""\
Makes blurred photographs and videos sharper.

A picture may be a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC, JPEG XL or
camera raw file of up to {MOST_PIXELS // 10**6} megapixels; transparency,
16 bits, metadata and the colour profile are kept, animations and pages are
restored one by one, and a turned photograph is written upright. Raw becomes
NAME.dng.tif. A video keeps its sound, frame rate and size; NAME.avi and the
like become NAME.avi.mkv. A folder stands for every picture and video in it
and below.

Without --output, holiday.jpg becomes holiday_deblurred.jpg beside it, and the
files of the folder photos/ go to photos_deblurred/ under their own names.
"""

EPILOG = """\
examples:
  %(prog)s holiday.jpg
      writes holiday_deblurred.jpg
  %(prog)s photos/ --output=sharp/
      a whole folder, names kept; called again, it goes on where it stopped
  %(prog)s clip.mp4 --output=clip_sharp.mp4
      a video; a minute of 1280x720 has some 1800 frames, each a picture
  %(prog)s holiday.jpg --strength=0.7 --compare
      less of the change, and holiday_compare.jpg to look at
  %(prog)s night.jpg --strong_blur
      for long streaks, by a shaken camera say
  %(prog)s scan.tif --max_memory=2G
      in 2 GiB of memory, however large it is
  %(prog)s photos/ --output=sharp/ --shard=0/8
      the first of eight shares, for as many machines of one shared disk
  %(prog)s photos/ --output=sharp/ --ray=auto
      on all machines of a Ray cluster

folders:
  Links are followed. Files whose outputs are there already, hidden files and
  those of other kinds are passed over and counted, files that cannot be read
  are listed at the end, and the others are deblurred. What a file has that
  its output cannot keep is said in a line. After Ctrl-C the same command goes
  on where it stopped.

  Standard output has the outputs' paths, the standard error all that is said,
  and on a terminal a bar: the pixels that are done, of all, and the time left.

exit status:
  0   everything is deblurred
  1   some files failed; they are listed
  2   a mistake in the command, or the only file failed: one line says what
  130 stopped by Ctrl-C or SIGTERM: one line says how to go on
"""


def memory_size(text: str) -> int:
    """Bytes of a size such as "4G", "500M" or "4.5GiB"; units are binary.

    Raises:
        argparse.ArgumentTypeError: It is none, or not above 0.
    """
    number = text.strip().upper().removesuffix("B").removesuffix("I")
    unit = 1
    if number[-1:] in tuple("KMGT"):
        unit = 1024 ** ("KMGT".index(number[-1]) + 1)
        number = number[:-1]
    try:
        size = float(number) * unit
    except ValueError:
        size = 0
    if not 1 <= size < math.inf:
        raise argparse.ArgumentTypeError(
            f"Expected a size such as 4G or 500M. Received: {text!r}."
        )
    return int(size)


def between(least, most, kind):
    """An argument type: numbers from `least` to `most`."""

    def parse(text):
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"Expected {least} to {most}. Received: {text!r}."
            )
        return value

    return parse


def shard(text: str) -> tuple[int, int]:
    """`(0, 8)` of "0/8", the first of eight; `(7, 8)` is the last.

    Raises:
        argparse.ArgumentTypeError: It is none of them.
    """
    index, slash, count = text.partition("/")
    if (
        slash
        and all(x.isascii() and x.isdigit() for x in (index, count))
        and int(index) < int(count)
    ):
        return int(index), int(count)
    raise argparse.ArgumentTypeError(
        "Expected I/N, such as 0/8 for the first of eight and 7/8 for the "
        f"last. Received: {text!r}."
    )


def make_parser() -> argparse.ArgumentParser:
    """The flags, and what --help says."""
    parser = Parser(
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("inputs", nargs="+", metavar="INPUT", help="picture, video or folder")
    add(
        "--output",
        metavar="PATH",
        help="file, if the only INPUT is one, or else a folder; made if absent",
    )
    add(
        "--overwrite",
        action="store_true",
        help="replace outputs that are there (default: never)",
    )
    add(
        "--strict",
        action="store_true",
        help="refuse damaged pictures, too (default: restore as far as they "
        "go)",
    )
    add(
        "--weights",
        default=DEFAULT_WEIGHTS,
        metavar="NAME",
        help="released weights (sisnet_mobile, fast; sisnet_small, better; "
        "sisnet_mobile_gan, looks sharper, but makes texture up), or the "
        "path of a weight file, of a training's checkpoint or of what "
        "export.py wrote (default: %(default)s)",
    )
    add(
        "--strength",
        type=between(0, 1, float),
        default=1.0,
        metavar="S",
        help="blend, from 0, the input, to 1, the network's picture "
        "(default: %(default)s)",
    )
    add(
        "--strong_blur",
        action="store_true",
        help="for long streaks: the network works at half of the size, too, "
        "where they are short, and each is taken where it changes more; "
        "takes about 1.5 times as long",
    )
    add(
        "--self_ensemble",
        action="store_true",
        help="the mean over the 8 flips and turns of the picture: takes "
        "8 times as long for 0.014 dB more on average of 16 real pictures, "
        "and less on 7 of them",
    )
    add(
        "--compare",
        action="store_true",
        help="write NAME_compare beside the output, too: before and after "
        "side by side, NAME being that of INPUT or of the file --output; of "
        "an animation or pages the first",
    )
    add(
        "--interlaced",
        choices=("deinterlace", "refuse"),
        default="deinterlace",
        help="of a video of fields: make a frame of each, or refuse it "
        "(default: %(default)s)",
    )
    add(
        "--quality",
        type=between(1, 100, int),
        metavar="Q",
        help="of a JPEG or WebP, 1 to 100 (default: that of a JPEG that comes "
        "in, else 95)",
    )
    add(
        "--max_memory",
        type=memory_size,
        metavar="SIZE",
        help="memory to take in all, such as 4G; larger pictures are "
        "restored in tiles (default: half of what is free, at most 2G and "
        "what a container allows)",
    )
    add(
        "--precision",
        choices=("float32", "bfloat16"),
        help="of the network's arithmetic (default: bfloat16 where the "
        "processor is faster in it)",
    )
    add(
        "--shard",
        type=shard,
        metavar="I/N",
        help="deblur one share of N alone, I from 0 to N-1, as SLURM arrays "
        "and Kubernetes indexed jobs number them; the N shares of a command "
        "are all of it, without overlap, whenever each begins",
    )
    add(
        "--ray",
        metavar="ADDRESS",
        help="deblur on all machines of a Ray cluster, each with room for "
        "it: HOST:PORT of its head, or auto, the cluster that this machine "
        "is part of, or else a Ray of its own. INPUT, --output and --weights "
        "must be on a disk that all of them share, under the same path; each "
        "process takes --max_memory (default here: 2G)",
    )
    return parser
