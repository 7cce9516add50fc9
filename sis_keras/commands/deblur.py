"""The command line of deblur.py, which is also installed as sis-deblur."""

import argparse
import math
import os
import sys

from sis_keras.commands.program import Parser, guarded, line_of
from sis_keras.commands.summary import how_to_go_on, summary_lines
from sis_keras.errors import StoppedError, UserError
from sis_keras.quiet import import_tensorflow
from sis_keras.weights.released import DEFAULT_WEIGHTS, weight_file

DESCRIPTION = """\
Makes blurred photographs and videos sharper.

A picture may be a JPEG, PNG, WebP, TIFF, BMP, GIF, AVIF, HEIC, JPEG XL or
camera raw file of any size up to 100 megapixels; transparency, 16 bits,
metadata and the colour profile are kept, animations and pages are restored
one by one, and a turned photograph is written upright. Raw becomes
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
  %(prog)s scan.tif --max_memory=2G
      in 2 GiB of memory, however large it is

folders:
  Links are followed. Files whose outputs are there already, hidden files and
  those of other kinds are passed over and counted, files that cannot be read
  are listed at the end, and the others are deblurred. What a file has that
  its output cannot keep is said in a line. After Ctrl-C the same command goes
  on where it stopped.

  Standard output has the outputs' paths, the standard error all that is said.

exit status:
  0   everything is deblurred
  1   some files failed; they are listed
  2   a mistake in the command, or the only file failed: one line says what
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
        help="released weights, or the path of a weight file, of a "
        "training's checkpoint or of what export.py wrote (default: "
        "%(default)s)",
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
        "side by side; of an animation or pages the first",
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
        "processor computes in it, which is up to twice as fast)",
    )
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Deblurs what the command line names.

    Raises:
        UserError: A mistake of the user's.
        SystemExit: A flag is wrong (2), or some files failed (1).
    """
    given = make_parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ["KERAS_BACKEND"] = "tensorflow"  # Whatever keras.json says.
    from sis_keras.restoring import jobs as deblur_jobs
    from sis_keras.restoring import work as deblur_run

    plan = deblur_jobs.find_jobs(given.inputs, given.output, given.compare)
    weight_file(given.weights)
    jobs = plan.jobs
    if not given.overwrite:
        jobs = [job for job in jobs if not job.is_done]
    one_file = deblur_jobs.is_one_file(given.inputs)
    if one_file and not jobs:
        raise UserError(
            "Expected an output that is not there yet. Received: "
            f"{plan.jobs[0].target}. Name another with --output, or replace it "
            "with --overwrite."
        )
    deblur_jobs.check_writable(jobs)
    run = deblur_run.Run(
        lambda: make_deblurrer(given),
        given.quality,
        given.overwrite,
        keep_going=not one_file,
        strict=given.strict,
        interlaced=given.interlaced,
    )
    try:
        run(jobs)
    except (KeyboardInterrupt, StoppedError) as stop:
        if one_file:
            raise
        say(plan, jobs, run)
        raise UserError(how_to_go_on(stop, given.overwrite)) from stop
    if one_file:
        print(jobs[0].target)
        return
    say(plan, jobs, run)
    failures = {job.source: reason for job, reason in run.failures.items()}
    failures |= plan.unreadable
    for path, reason in failures.items():
        print(f"{path}: {line_of(reason)}", file=sys.stderr)
    if failures:
        sys.exit(1)


def say(plan, jobs: list, run) -> None:
    """The paths of the outputs for programs, the summary for people."""
    for job in run.done:
        print(job.target)
    print(*summary_lines(plan, jobs, run), sep="\n", file=sys.stderr)


def make_deblurrer(given: argparse.Namespace):
    """The network of the flags."""
    import_tensorflow()
    from sis_keras.restoring.deblurrer import Deblurrer

    return Deblurrer(
        given.weights,
        given.max_memory,
        given.strength,
        given.self_ensemble,
        given.precision,
    )


def run() -> None:
    """The whole program."""
    guarded(main)


if __name__ == "__main__":
    run()
