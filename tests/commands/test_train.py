"""What runs of train.py and evaluate.py do, in processes as users have them."""

import csv
import os
import shutil
import signal
import time

import cv2
import pytest
from train_calls import SMALL, assert_one_line, command, run, train_flags

RATES = ("steps_per_second", "gflops")


def rows(path, without=()):
    with open(path) as file:
        return [
            {k: float(v) for k, v in row.items() if k not in without}
            for row in csv.DictReader(file)
        ]


# === What they are for ===


def test_a_killed_run_resumes_bit_for_bit(pairs, trained, tmp_path):
    output = tmp_path / "killed"
    flags = train_flags(pairs, output, "--steps=6", "--checkpoint_every=2")
    process = command("train.py", *flags)
    log = output / "training.csv"
    give_up = time.monotonic() + 300
    # An epoch has 16 crops: step 3 lies in the middle of it, and one step
    # after the last checkpoint.
    while not (log.exists() and len(log.read_text().splitlines()) > 3):
        assert process.poll() is None and time.monotonic() < give_up
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (output / "validation" / "scores.json").exists()
    status, _, err = run("train.py", *flags, "--resume")
    assert status == 0, err[-3000:]
    for name in ("last.safetensors", "best.safetensors", "validation.csv"):
        assert (output / name).read_bytes() == (trained / name).read_bytes()
    ours, theirs = (
        rows(folder / "training.csv", RATES) for folder in (output, trained)
    )
    assert ours == theirs and len(ours) == 6


def test_a_run_is_lengthened_though_its_files_were_touched(
    pairs, trained, tmp_path
):
    """And validated, logged and saved at other steps than before."""
    shutil.copytree(trained, tmp_path / "run")
    shutil.copytree(pairs, tmp_path / "pairs", copy_function=shutil.copyfile)
    flags = train_flags(
        tmp_path / "pairs",
        tmp_path / "run",
        "--resume",
        "--steps=9",
        "--validate_every=4",
        "--log_every=2",
        "--checkpoint_every=3",
        "--threads_of_an_operation=1",
    )
    status, out, err = run("train.py", *flags)
    assert status == 0, err[-3000:]
    assert "step 6 to step 9 in place of 6" in out
    assert [row["step"] for row in rows(tmp_path / "run/validation.csv")] == [
        *(0, 6, 8, 9)
    ]


def test_ctrl_c_saves_and_says_how_to_go_on(pairs, tmp_path):
    flags = train_flags(pairs, tmp_path, "--steps=100000")
    process = command("train.py", *flags)
    log = tmp_path / "training.csv"
    give_up = time.monotonic() + 300
    while not log.exists():
        assert process.poll() is None and time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=100)
    result = process.returncode, out, err
    assert_one_line(result, "Ctrl-C", "--resume", status=130)
    assert (tmp_path / "last.safetensors").exists()


def test_a_run_leaves_scores_and_pictures(trained):
    validation = rows(trained / "validation.csv")
    assert [row["step"] for row in validation] == [0, 6]
    assert validation[0]["gain"] == 0.0  # starts as the identity
    picture = cv2.imread(str(trained / "validation" / "before_after.png"))
    assert picture.shape[1] > 3 * 64
    assert list((trained / "tensorboard").iterdir())
    assert not list(trained.rglob("*.part"))


def test_a_branch_has_a_schedule_of_its_own(pairs, trained, tmp_path):
    """From the state of a run, by a linear decay to its end; in groups."""
    last = trained / "last.safetensors"
    output = tmp_path / "branch"
    flags = [
        f"--train_data={pairs}/a",
        f"--validation_data=one={pairs}/b,two=half:{pairs}/b,"
        f"sharp:{pairs}/b/sharp",
        f"--output={output}",
        *SMALL,
        f"--continue_from={last}",
        "--steps=4",
        "--learning_rate=1e-3",
        "--decay=linear",
        "--final_learning_rate=1e-5",
    ]
    status, _, err = run("train.py", *flags)
    assert status == 0, err[-3000:]
    rates = [row["learning_rate"] for row in rows(output / "training.csv")]
    # Of the next step, after each.
    expected = [1e-3 + (1e-5 - 1e-3) * step / 4 for step in (1, 2, 3, 4)]
    assert rates == pytest.approx(expected, rel=1e-3)
    validation = rows(output / "validation.csv")
    assert [row["step"] for row in validation] == [0, 4]
    # It begins with the average that the run ended with.
    ended = rows(trained / "validation.csv")[-1]
    assert validation[0]["gain_one"] == pytest.approx(ended["gain"], abs=1e-4)
    assert validation[0].keys() >= {"gain_one", "gain_two", "sharp_worst"}
    # evaluate.py takes the groups as they are.
    status, _, err = run("evaluate.py", *flags)
    assert status == 0, err[-3000:]
    assert (output / "evaluation" / "scores.json").exists()
    # A branch resumes as any run.
    result = run("train.py", *flags, "--resume", "--decay=cosine")
    assert_one_line(result, "decay='linear'. Received: decay='cosine'")


def test_what_is_no_state_to_continue_from(pairs, trained, tmp_path):
    for name, more, word in (
        ("best.safetensors", [], "are missing"),
        ("last.safetensors", ["--fusion=concat"], "fusion='concat'"),
        (
            "last.safetensors",
            [f"--initial_weights={trained}/best.safetensors"],
            " and ",
        ),
        ("none.safetensors", [], "does not exist"),
    ):
        flags = train_flags(pairs, tmp_path, *more)
        result = run("train.py", *flags, f"--continue_from={trained / name}")
        assert_one_line(result, name, word)


def test_a_released_name_is_weights_to_start_from(pairs, tmp_path):
    for name, words in (
        ("sisnet_mobile", ("fusion_channels=32", ".safetensors")),
        ("sisnet_mobil", ("sisnet_mobile_gan, sisnet_small", "does not exist")),
    ):
        flags = train_flags(
            pairs,
            tmp_path,
            "--preset=sisnet_small",
            f"--initial_weights={name}",
        )
        assert_one_line(run("train.py", *flags), *words)


def test_evaluate_takes_the_flags_of_train(pairs, trained):
    flags = train_flags(pairs, trained, "--steps=6", "--checkpoint_every=2")
    page = trained / "page" / "index.html"
    status, out, err = run("evaluate.py", *flags, f"--report={page.parent}")
    assert status == 0, err[-3000:]
    assert "b/0" in out and "a/0" not in out
    assert str(page) in out and "b/0" in page.read_text()
    assert (trained / "evaluation" / "scores.json").exists()


@pytest.mark.skipif("SIS_DATA" not in os.environ, reason="needs SIS_DATA")
def test_identity_scores_the_subset_at_27_38(tmp_path):
    status, out, err = run(
        "evaluate.py",
        "--identity",
        "--test_data=$SIS_DATA/gopro/test",
        f"--output={tmp_path}",
        "--metrics=psnr,ssim_gaussian",
    )
    assert status == 0, err[-3000:]
    assert "27.384" in out and "0.8320" in out


def test_a_run_that_never_gets_better_says_so(pairs, tmp_path):
    flags = train_flags(pairs, tmp_path / "run", "--learning_rate=0")
    status, out, err = run("train.py", *flags, "--steps=1")
    assert status == 0, err[-3000:]
    assert "No validation was better than that of step 0" in out
    assert f"{tmp_path / 'run' / 'last.safetensors'} what it ended at" in out
