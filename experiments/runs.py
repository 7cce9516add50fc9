"""Trainings of the experiments: what each changes, and what came of it.

A run is a folder below `<output>/runs/`, which train.py makes by `run.flags`
in it. It is complete when that file is what would be written now and its
`last.safetensors` is at the last step; then nothing trains it again, whichever
table asks for it. All are scored at their last step: best.safetensors would be
chosen by pictures that the paper does not name.
"""

import concurrent.futures
import json
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from experiments import programs
from experiments.command import Settings
from sis_keras.errors import UserError
from sis_keras.files.atomic import atomic_path
from sis_keras.training.run import LAST
from sis_keras.weights.released import fingerprint, weight_file
from sis_keras.weights.tensors import read_tensors

TAU_1, TAU_2, TAU_3 = 0.5, 0.006, 0.01  # Eq. 7
METRICS = ("psnr", "ssim_gaussian")
NETWORKS = {
    "complete": (),
    "nolatent": ("--intermediate_path=false",),
    "nosis": ("--info_box=false",),
}


class Run(NamedTuple):
    """What a run differs by; by default it is the paper's own.

    Attributes:
        network: A key of `NETWORKS`.
        adversarial: A game of train.py.
        tau_1, tau_2: Of Eq. 7; without tau_2 it needs no VGG16.
        seed: Of weights and data.
    """

    network: str = "complete"
    adversarial: str = "ralsgan"
    tau_1: float = TAU_1
    tau_2: float = TAU_2
    seed: int = 0

    @property
    def name(self) -> str:
        """Of its folder."""
        return (
            f"{self.network}_{self.adversarial}_{self.tau_1:g}_"
            f"{self.tau_2:g}_seed{self.seed}"
        )

    def flags(self, settings: Settings) -> list[str]:
        """Of train.py, but for places."""
        return [
            *settings.of_size.flags,
            *settings.train,
            *settings.validation,
            f"--steps={settings.steps}",
            f"--validate_every={settings.steps}",
            "--content=mse",
            f"--content_weight={self.tau_1:g}",
            f"--perceptual_weight={self.tau_2:g}",
            f"--adversarial={self.adversarial}",
            f"--adversarial_weight={TAU_3:g}",
            *NETWORKS[self.network],
            f"--seed={self.seed}",
        ]


class Outcome(NamedTuple):
    """What came of a run.

    Attributes:
        run: It.
        folder: Where it lies.
        scores: What evaluate.py wrote; None where it did not run.
        reason: Why it did not run, or not to its end; else None.
    """

    run: Run
    folder: pathlib.Path
    scores: dict | None
    reason: str | None

    @property
    def words(self) -> str:
        """For a table's cell where scores would stand."""
        return "" if self.reason is None else f"not run: {self.reason}"

    def mean(self, metric: str, column: str = "restored") -> float:
        """A mean score over all pictures; `scores` must be there."""
        return float(self.scores["all"][column][metric])  # type: ignore[index]


def outcomes(settings: Settings, runs: list[Run]) -> list[Outcome]:
    """Trains and scores what is not there yet; the outcomes in order.

    Raises:
        UserError: A folder of such a run holds one of other settings.
    """
    # One that runs is first, and alone: it makes the cache.
    first, *others = sorted(
        dict.fromkeys(runs), key=lambda run: _lacks_vgg16(settings, run)
    )
    found = {first: _outcome(settings, first)}
    with concurrent.futures.ThreadPoolExecutor(settings.jobs) as pool:
        try:
            made = pool.map(lambda run: _outcome(settings, run), others)
            found |= dict(zip(others, made, strict=True))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            programs.end_all()
            raise
    return [found[run] for run in runs]


def _lacks_vgg16(settings, run):
    return bool(run.tau_2) and not settings.vgg16_weights


def _outcome(settings, run):
    folder = settings.output / "runs" / run.name
    reason = _train(settings, run, folder)
    scores = None
    if reason is None:
        scores, reason = score(
            settings,
            folder / "evaluation",
            folder / LAST,
            [f"--flagfile={folder / 'run.flags'}"],
        )
    return Outcome(run, folder, scores, reason)


def _train(settings, run, folder):
    """Why the run is not complete; None when it is."""
    text = "\n".join(run.flags(settings)) + "\n"
    flags = folder / "run.flags"
    reached = _step(folder)
    if reached is not None and _read(flags) != text:
        raise UserError(
            f"Expected in {folder} a run of the present settings. Received: "
            "one of others. Name another --output, or remove that run."
        )
    if reached == settings.steps:
        return None
    if _lacks_vgg16(settings, run):
        return "needs --vgg16_weights"
    folder.mkdir(parents=True, exist_ok=True)
    _write(flags, text)
    status = programs.call(
        [
            "train.py",
            f"--flagfile={flags}",
            f"--output={folder}",
            f"--cache_dir={settings.output / 'cache'}",
            *settings.data_flags,
            *(
                [f"--vgg16_weights={settings.vgg16_weights}"]
                if run.tau_2
                else []
            ),
            *(["--resume"] if reached is not None else []),
        ],
        folder / "train.log",
        settings,
        settings.budget,
    )
    reached = _step(folder)
    if reached == settings.steps and status == 0:
        return None
    if status == programs.OUT_OF_BUDGET:
        return (
            f"--budget ended at step {reached or 0} of {settings.steps}; the "
            "same command goes on"
        )
    return programs.last_line(folder / "train.log")


def score(
    settings: Settings,
    folder: pathlib.Path,
    weights,
    flags: Sequence[str] = (),
    repeats: int = 1,
) -> tuple[dict | None, str | None]:
    """Scores by evaluate.py, unless `folder` holds those scores already.

    Args:
        settings: Of the call.
        folder: `…/evaluation`, where evaluate.py writes.
        weights: A released name or a file, whose content may change.
        flags: Others that say what is scored.
        repeats: Timed runs of each picture.

    Returns:
        What scores.json holds, or None and the reason.
    """
    asked = [
        *flags,
        f"--weights={weights}",
        f"--output={folder.parent}",
        f"--test_data={settings.test_data}",
        f"--metrics={','.join(METRICS)}",
        f"--repeats={repeats}",
        *([f"--limit={settings.limit}"] if settings.limit else []),
    ]
    scores, note = folder / "scores.json", folder / "score.flags"
    content = fingerprint(weight_file(str(weights)).read_bytes())
    text = "\n".join([*asked, f"# {content['sha256']}"]) + "\n"
    if not scores.exists() or _read(note) != text:
        folder.mkdir(parents=True, exist_ok=True)
        note.unlink(missing_ok=True)
        log = folder / "evaluate.log"
        command = ["evaluate.py", *asked, *settings.data_flags]
        if programs.call(command, log, settings):
            return None, programs.last_line(log)
        _write(note, text)
    return json.loads(scores.read_text(encoding="utf-8")), None


def _step(folder):
    """Of the folder's last.safetensors; None without one."""
    path = folder / LAST
    if not path.exists():
        return None
    _, metadata = read_tensors(path, "no tensor")
    return metadata["card"]["step"]


def _read(path):
    return path.read_text(encoding="utf-8") if path.exists() else None


def _write(path, text):
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
