"""What is trained, and what is not again; train.py and evaluate.py are fakes,
but for the last test."""

import json
import pathlib

import cv2
import numpy as np
import pytest

from experiments import programs, runs
from experiments.command import Settings
from experiments.runs import Outcome, Run, outcomes, score
from sis_keras.errors import UserError
from sis_keras.weights.tensors import write_tensors

STEPS = 7


def settings_in(tmp_path, **changes):
    values = {
        "output": tmp_path / "out",
        "steps": STEPS,
        "train": ("--train_data=pairs",),
        "test_data": "test pairs",
        "vgg16_weights": "vgg.h5",
    }
    return Settings(**values | changes)


class FakePrograms:
    """Stands for `programs.call`: a training reaches the step `reached`."""

    def __init__(self, reached=STEPS, status=0, says="", evaluation=0):
        self.reached, self.status, self.says = reached, status, says
        self.evaluation = evaluation
        self.calls = []

    def __call__(self, command, log, settings, minutes=None):
        self.calls.append((command, minutes))
        flags = dict(x.lstrip("-").partition("=")[::2] for x in command[1:])
        output = pathlib.Path(flags["output"])
        log.write_text(f"100%\r{self.says}\n")
        if command[0] == "evaluate.py":
            scores = {"all": {"restored": {"psnr": 30.0 + len(self.calls)}}}
            (output / "evaluation/scores.json").write_text(json.dumps(scores))
            return self.evaluation
        if self.reached is not None:
            write_tensors(
                output / "last.safetensors",
                {"generator/x": np.zeros(1, np.float32)},
                {"arguments": {}, "card": {"step": self.reached}},
            )
        return self.status

    def of(self, program):
        return [command for command, _ in self.calls if command[0] == program]


@pytest.fixture
def fakes(monkeypatch):
    def install(**options):
        fake = FakePrograms(**options)
        monkeypatch.setattr(programs, "call", fake)
        return fake

    return install


def test_trains_by_the_flags_of_the_ablation(tmp_path, fakes):
    fake = fakes()
    run = Run("nosis", "lsgan", 0.4, 0.003, seed=2)
    [outcome] = outcomes(settings_in(tmp_path), [run])
    flags = (outcome.folder / "run.flags").read_text().split("\n")
    for flag in (
        "--info_box=false",
        "--adversarial=lsgan",
        "--content_weight=0.4",
        "--perceptual_weight=0.003",
        "--adversarial_weight=0.01",
        "--seed=2",
        "--steps=7",
        "--train_data=pairs",
    ):
        assert flag in flags
    assert not any("intermediate_path" in x for x in flags)
    [command] = fake.of("train.py")
    assert "--vgg16_weights=vgg.h5" in command and "--resume" not in command
    [command] = fake.of("evaluate.py")
    assert f"--weights={outcome.folder}/last.safetensors" in command
    assert outcome.scores["all"]["restored"]["psnr"] == 32.0
    assert outcome.reason is None and outcome.words == ""


def test_nothing_is_trained_or_scored_twice(tmp_path, fakes):
    fake = fakes()
    settings = settings_in(tmp_path, jobs=2)
    first = outcomes(settings, [Run(), Run(tau_1=0.1), Run()])
    assert len(fake.calls) == 4
    assert first[0] == first[2] != first[1]
    # Another table asks for one of them, and for one that is not there.
    again = outcomes(settings, [Run(tau_1=0.1), Run(tau_1=0.2)])
    assert len(fake.calls) == 6
    assert again[0] == first[1]


def test_scores_of_fewer_pictures_are_made_anew(tmp_path, fakes):
    fake = fakes()
    outcomes(settings_in(tmp_path), [Run()])
    outcomes(settings_in(tmp_path, limit=3), [Run()])
    assert [x[0] for x, _ in fake.calls] == [
        "train.py",
        "evaluate.py",
        "evaluate.py",
    ]
    assert "--limit=3" in fake.calls[-1][0]


def test_weights_that_changed_are_scored_anew(tmp_path, fakes):
    """Under one name: another release, or a file written again."""
    fake = fakes()
    settings, weights = settings_in(tmp_path), tmp_path / "w.safetensors"
    for content in (b"one", b"one", b"other"):
        weights.write_bytes(content)
        score(settings, tmp_path / "scored" / "evaluation", weights)
    assert len(fake.of("evaluate.py")) == 2


def test_other_settings_do_not_take_over_a_run(tmp_path, fakes):
    fakes()
    outcomes(settings_in(tmp_path), [Run()])
    with pytest.raises(UserError, match="another --output"):
        outcomes(settings_in(tmp_path, steps=8), [Run()])


def test_a_budget_stops_and_the_next_call_goes_on(tmp_path, fakes):
    fake = fakes(reached=3, status=programs.OUT_OF_BUDGET)
    settings = settings_in(tmp_path, budget=2.5)
    [outcome] = outcomes(settings, [Run()])
    assert fake.calls[0][1] == 2.5
    assert "step 3 of 7" in outcome.words and outcome.scores is None
    assert not fake.of("evaluate.py")
    fake = fakes()
    [outcome] = outcomes(settings, [Run()])
    assert "--resume" in fake.of("train.py")[0]
    assert outcome.reason is None


def test_without_vgg16_what_needs_it_is_not_run(tmp_path, fakes):
    fake = fakes()
    settings = settings_in(tmp_path, vgg16_weights=None)
    whole, without = outcomes(settings, [Run(), Run(tau_2=0.0)])
    assert whole.words == "not run: needs --vgg16_weights"
    assert without.scores and without.reason is None
    [command] = fake.of("train.py")
    assert not any(x.startswith("--vgg16") for x in command)


def test_what_is_trained_needs_no_vgg16_any_more(tmp_path, fakes):
    fake = fakes()
    outcomes(settings_in(tmp_path), [Run()])
    outcomes(settings_in(tmp_path, vgg16_weights=None), [Run()])
    assert len(fake.of("train.py")) == 1


def test_a_failure_gives_the_programs_last_words(tmp_path, fakes):
    fakes(reached=4, status=2, says="train.py: Stopped at step 4: lost.")
    [outcome] = outcomes(settings_in(tmp_path), [Run()])
    assert outcome.words == "not run: Stopped at step 4: lost."
    fakes(says="evaluate.py: Expected pairs.", evaluation=2)
    [outcome] = outcomes(settings_in(tmp_path), [Run(seed=1)])
    assert outcome.words == "not run: Expected pairs."


def test_a_budget_ends_a_real_process(tmp_path, monkeypatch):
    program = tmp_path / "sleeps.py"
    program.write_text("import time\nprint('on', flush=True)\ntime.sleep(60)")
    log = tmp_path / "log"
    settings = settings_in(tmp_path)
    assert (
        programs.call([str(program)], log, settings, 0.02)
        == programs.OUT_OF_BUDGET
    )
    assert not programs._RUNNING


def test_jobs_share_the_cores(tmp_path, monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 8)
    program = tmp_path / "says.py"
    program.write_text("import os; print(os.environ['TF_NUM_INTRAOP_THREADS'])")
    log = tmp_path / "log"
    assert (
        programs.call([str(program)], log, settings_in(tmp_path, jobs=4)) == 0
    )
    assert programs.last_line(log) == "2"


def test_names_tell_all_runs_apart():
    some = [
        Run(network, game, tau_1, tau_2, seed).name
        for network in runs.NETWORKS
        for game in ("ralsgan", "wgan-gp")
        for tau_1 in (0.1, 0.5)
        for tau_2 in (0.0, 0.001, 0.006)
        for seed in (0, 1)
    ]
    assert len(set(some)) == len(some) == 72


def test_means_are_read_from_scores():
    scores = {"all": {"restored": {"psnr": 28.5}, "gain": {"psnr": -0.25}}}
    outcome = Outcome(Run(), pathlib.Path(), scores, None)
    assert outcome.mean("psnr") == 28.5
    assert outcome.mean("psnr", "gain") == -0.25


# === Really ===


def pairs(folder, seed):
    random = np.random.default_rng(seed)
    for half in ("blur", "sharp"):
        (folder / half).mkdir(parents=True)
        for number in range(2):
            picture = random.integers(0, 256, (80, 96, 3), np.uint8)
            cv2.imwrite(str(folder / half / f"{number}.png"), picture)
    return folder


def test_an_ablation_really(tmp_path):
    """Nosis-net without its perceptual term: one step, then again none."""
    train, other = (pairs(tmp_path / x, seed) for seed, x in enumerate("ab"))
    settings = Settings(
        output=tmp_path / "out",
        steps=1,
        train=(f"--train_data={train}",),
        validation=(f"--validation_data={other}",),
        test_data=str(other),
    )
    run = Run("nosis", tau_2=0.0)
    [outcome] = outcomes(settings, [run])
    log = (outcome.folder / "train.log").read_text()
    assert outcome.reason is None, log[-2000:]
    assert outcome.scores["protocol"]["images"] == 2
    assert 0 < outcome.mean("psnr") < 20  # of noise against other noise
    from sis_keras.weights.tensors import read_tensors

    tensors, metadata = read_tensors(outcome.folder / "last.safetensors")
    assert metadata["arguments"]["info_box"] is False
    assert metadata["card"]["step"] == 1
    assert not any("info_1" in name for name in tensors)
    changed = (outcome.folder / "last.safetensors").stat().st_mtime_ns
    assert outcomes(settings, [run]) == [outcome]
    assert changed == (outcome.folder / "last.safetensors").stat().st_mtime_ns
