"""Arguments of the experiments, and how each is a command of its own."""

import dataclasses
import os
import pathlib
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from experiments.sizes import SIZES, Size
from sis_keras.commands.program import Parser, guarded
from sis_keras.errors import UserError
from sis_keras.evaluation.protocol import software_versions


@dataclasses.dataclass(frozen=True)
class Settings:
    """What one call of the experiments runs; `settings_of` reads it.

    Attributes:
        output: Folder of runs, tables and pictures.
        size: A key of `SIZES`.
        steps: Of each training.
        budget: Minutes that a training may take in this call; None is any.
        jobs: Trainings at once.
        vgg16_weights: A file, or None: then nothing with a perceptual term
            runs.
        train, validation: Flags that name what is trained and validated on.
        test_data: SOURCE that is scored.
        data_flags: `--data_dir` and `--manual_dir` of TFDS.
        kohler: The Köhler benchmark's folder, or None.
        weights: Released name or weight file that Tables 3, 4 and Figure 8
            score.
        limit: Score so many pairs only.
    """

    output: pathlib.Path
    size: str = "tiny"
    steps: int = 40
    budget: float | None = None
    jobs: int = 1
    vgg16_weights: str | None = None
    train: tuple[str, ...] = ()
    validation: tuple[str, ...] = ()
    test_data: str = ""
    data_flags: tuple[str, ...] = ()
    kohler: str | None = None
    weights: str = "sisnet_mobile"
    limit: int | None = None

    @property
    def of_size(self) -> Size:
        """What the size says."""
        return SIZES[self.size]

    @property
    def training_words(self) -> str:
        """What a training is, in one sentence's part."""
        data = ", ".join(x.partition("=")[2] for x in self.train)
        return (
            f"{self.of_size.words}, {self.steps} steps, trained on "
            f"{data or 'the GoPro training pairs'}"
        )

    @property
    def is_the_papers_data(self) -> bool:
        """Whether GOPRO_Large's 1111 test pictures are scored."""
        return self.limit is None and "gopro/blur:test" in self.test_data


def parser(description: str) -> Parser:
    """With the arguments that each experiment takes."""
    made = Parser(description=description, allow_abbrev=False)
    add = made.add_argument
    add("--size", choices=SIZES, default="tiny")
    add("--output", type=pathlib.Path, help="default: runs/experiments/SIZE")
    add("--steps", type=int, help="of each training; default: the size's")
    add("--budget", type=float, help="minutes a training; later calls go on")
    add("--jobs", type=int, default=1, help="trainings at once, on CPU cores")
    add("--vgg16_weights", help="file of the perceptual terms")
    add("--train_data", help="SOURCE; default: the size's")
    add("--validation_data", help="SOURCE, looked at and chosen by nothing")
    add("--test_data", help="SOURCE that is scored; default: the size's")
    add("--data_dir", default="data/tfds", help="TFDS's prepared data")
    add("--manual_dir", default="data", help="holds GOPRO_Large.zip")
    add("--kohler", help="folder or SOURCE of the Köhler benchmark")
    add("--weights", default="sisnet_mobile", help="of Tables 3, 4, Figure 8")
    add("--limit", type=int, help="score so many pairs; default: the size's")
    return made


def settings_of(given) -> Settings:
    """The settings that parsed arguments mean.

    Raises:
        UserError: A number is below 1, or the output is no folder.
    """
    size = SIZES[given.size]
    for name in ("steps", "budget", "jobs", "limit"):
        value = getattr(given, name)
        if value is not None and value <= 0:
            raise UserError(
                f"Expected --{name} above 0. Received: {value:g}. Leave it "
                "out for the default."
            )
    sources = {
        name: (f"--{name}_data={text}",) if text else getattr(size, name)
        for name, text in (
            ("train", given.train_data),
            ("validation", given.validation_data),
        )
    }
    return Settings(
        output=given.output or pathlib.Path("runs/experiments") / given.size,
        size=given.size,
        steps=given.steps or size.steps,
        budget=given.budget,
        jobs=given.jobs,
        vgg16_weights=given.vgg16_weights,
        test_data=given.test_data or size.test_data,
        data_flags=(
            f"--data_dir={given.data_dir}",
            f"--manual_dir={given.manual_dir}",
        ),
        kohler=given.kohler,
        weights=given.weights,
        limit=given.limit or size.limit,
        **sources,
    )


def run_one(description: str, run: Callable[[Settings], str]) -> None:
    """One experiment as a program: prints its Markdown."""

    def main():
        given = parser(description).parse_args()
        print(run(settings_of(given)))

    guarded(main)


def ran(settings: Settings, scores: dict | None = None) -> str:
    """The line below a table that says on what its numbers were made.

    Args:
        settings: Of the call.
        scores: What evaluate.py wrote of one of the runs; None where there
            are none.
    """
    words = f"Ran (`--size={settings.size}`): {settings.training_words}"
    if scores:
        protocol = scores["protocol"]
        words += (
            f"; scored at the last step on {settings.test_data}, "
            f"n={protocol['images']}, {protocol['resolution']}; "
            f"{protocol['device']}"
        )
    versions = software_versions()
    names = [x for x in ("tensorflow", "tensorflow-cpu") if x in versions]
    words += "".join(f", {name} {versions[name]}" for name in names)
    return words + "."


def not_comparable(settings: Settings) -> str:
    """What stands between these numbers and the paper's."""
    if settings.is_the_papers_data:
        return (
            "Not comparable: the paper names neither its steps nor its SSIM; "
            "ours is `gaussian` (`evaluate.py`)."
        )
    return (
        "Not comparable with the paper's column: it scored GoPro's 1111 test "
        "pictures after training on 2103, and names neither its steps nor its "
        "SSIM (ours is `gaussian`)."
    )
