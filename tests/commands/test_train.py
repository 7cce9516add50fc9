"""train.py and evaluate.py as a user runs them, mistakes first."""

import csv
import os
import signal
import subprocess
import sys
import time

import cv2
import pytest
from pair_folders import write_two_sequences
from places import ROOT

SMALL = [
    "--adversarial=none",
    "--perceptual_weight=0",
    "--batch_size=1",
    "--crop_size=32",
    "--log_every=1",
    "--validate_every=100",
]


def command(program, *flags, **options):
    return subprocess.Popen(
        [sys.executable, str(ROOT / program), *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        **options,
    )


def run(program, *flags):
    process = command(program, *flags)
    out, err = process.communicate(timeout=400)
    return process.returncode, out, err


def assert_one_line(result, *words, program="train.py"):
    """Exit status 2, and one line that says all of `words`."""
    status, _, err = result
    lines = [line for line in err.splitlines() if "it/s" not in line]
    said = [line for line in lines if line.startswith(f"{program}: ")]
    assert status == 2, err[-2000:]
    assert "Traceback" not in err
    assert len(said) == 1 and lines[-1] == said[0], err[-2000:]
    for word in words:
        assert word in said[0], said[0]


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return write_two_sequences(tmp_path_factory.mktemp("pairs"))


RATES = ("steps_per_second", "gflops")


def rows(path, without=()):
    with open(path) as file:
        return [
            {k: float(v) for k, v in row.items() if k not in without}
            for row in csv.DictReader(file)
        ]


def train_flags(pairs, output, *flags):
    return [
        f"--train_data={pairs}",
        "--hold_out=b",
        f"--output={output}",
        *SMALL,
        *flags,
    ]


@pytest.fixture(scope="module")
def trained(pairs, tmp_path_factory):
    """The folder of an uninterrupted run of six steps."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    flags = train_flags(pairs, output, "--steps=6", "--checkpoint_every=2")
    status, _, err = run("train.py", *flags)
    assert status == 0, err[-3000:]
    return output


# === A user's mistakes ===


@pytest.mark.parametrize("program", ["train.py", "evaluate.py"])
def test_a_misspelt_flag(program):
    result = run(program, "--learning_rat=1")
    assert_one_line(result, "learning_rat", program=program)


@pytest.mark.parametrize("program", ["train.py", "evaluate.py"])
def test_a_missing_flagfile(program):
    result = run(program, "--flagfile=nowhere.flags")
    assert_one_line(result, "nowhere.flags", program=program)


def test_a_word_that_is_no_flag():
    assert_one_line(run("train.py", "demo.flags"), "demo.flags")


def test_no_output():
    assert_one_line(run("train.py"), "--output")


def test_an_unknown_preset(pairs, tmp_path):
    flags = train_flags(pairs, tmp_path, "--preset=sisnet_huge")
    assert_one_line(run("train.py", *flags), "sisnet_huge", "sisnet_mobile")


def test_a_missing_folder(tmp_path):
    flags = train_flags(tmp_path / "absent", tmp_path)
    assert_one_line(run("train.py", *flags), "absent", "sharp/")


def test_a_wrong_layout(tmp_path):
    (tmp_path / "pictures").mkdir()
    assert_one_line(
        run("train.py", *train_flags(tmp_path, tmp_path)), "pictures", "sharp/"
    )


def test_a_missing_half(pairs, tmp_path):
    for half in ("blur", "sharp"):
        (tmp_path / half).mkdir()
    source = pairs / "a" / "blur" / "0.png"
    (tmp_path / "blur" / "lonely.png").write_bytes(source.read_bytes())
    assert_one_line(
        run("train.py", *train_flags(tmp_path, tmp_path)), "lonely.png"
    )


@pytest.mark.parametrize(
    "flag, words",
    [
        ("--crop_size=64", ["64x64 (--crop_size)", "a/0, 64x48"]),
        ("--hold_out=c", ["--hold_out", "c, which is not there"]),
        ("--hold_out=", ["--validation_data", "--hold_out"]),
        ("--refresh_steps=2", ["--refresh_steps", "photographs:FOLDER"]),
        ("--gradient_accumulation=2", ["multiple of 2", "Received: 1"]),
    ],
)
def test_what_does_not_fit_is_told_before_all_work(
    pairs, tmp_path, flag, words
):
    result = run("train.py", *train_flags(pairs, tmp_path / "run", flag))
    assert_one_line(result, *words)
    assert not (tmp_path / "run").exists()


def test_no_perceptual_weights(pairs, tmp_path):
    flags = train_flags(pairs, tmp_path, "--perceptual_weight=0.006")
    result = run("train.py", *flags)
    assert_one_line(result, "--vgg16_weights", "--perceptual_weight=0")


def test_a_damaged_picture_leaves_no_cache(pairs, tmp_path):
    for half in ("blur", "sharp"):
        (tmp_path / "data" / half).mkdir(parents=True)
        data = (pairs / "a" / half / "0.png").read_bytes()
        (tmp_path / "data" / half / "0.png").write_bytes(data)
        (tmp_path / "data" / half / "1.png").write_bytes(data[:100])
    flags = train_flags(tmp_path / "data", tmp_path / "run")
    flags.append(f"--validation_data={pairs}")
    flags.append("--hold_out=")
    assert_one_line(run("train.py", *flags), "1.png")
    assert not list((tmp_path / "run").rglob("*.raw*"))


def test_a_full_disk(pairs, small_disk):
    flags = train_flags(pairs, small_disk / "run")
    assert_one_line(run("train.py", *flags), "No space left on device")
    left = [path.name for path in small_disk.rglob("*") if path.is_file()]
    assert not [name for name in left if name.endswith("safetensors")]


def test_a_run_is_not_overwritten(pairs, trained):
    before = (trained / "last.safetensors").read_bytes()
    result = run("train.py", *train_flags(pairs, trained))
    assert_one_line(result, "--resume")
    assert (trained / "last.safetensors").read_bytes() == before


def test_resuming_with_other_settings(pairs, trained):
    flags = train_flags(pairs, trained, "--resume", "--steps=9", "--seed=1")
    assert_one_line(run("train.py", *flags), "seed")


def test_resuming_with_other_data_leaves_the_pictures(pairs, trained):
    before = (trained / "cache" / "index.json").read_bytes()
    flags = train_flags(pairs, trained, "--resume", "--steps=6")
    flags.append(f"--train_data=half:{pairs}")
    flags.append("--crop_size=16")
    assert_one_line(run("train.py", *flags), "last.safetensors", "resume")
    assert (trained / "cache" / "index.json").read_bytes() == before


def test_weights_of_another_preset(pairs, trained, tmp_path):
    weights = f"{trained}/best.safetensors"
    flags = [f"--weights={weights}", f"--test_data={pairs}"]
    flags += ["--preset=sisnet_small", f"--output={tmp_path}"]
    result = run("evaluate.py", *flags)
    assert_one_line(result, "best.safetensors", "64", program="evaluate.py")
    flags = train_flags(
        pairs, tmp_path, f"--initial_weights={weights}", "--fusion=concat"
    )
    assert_one_line(run("train.py", *flags), "fusion='concat'")


def test_missing_weights(pairs, tmp_path):
    flags = [f"--output={tmp_path}", f"--test_data={pairs}"]
    result = run("evaluate.py", *flags)
    assert_one_line(result, "best.safetensors", program="evaluate.py")


def test_a_report_that_cannot_be_written(pairs, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine").write_text("mine")
    for report, word in (("full", "--report="), ("file/page", "file")):
        result = run(
            "evaluate.py",
            "--identity",
            f"--test_data={pairs}",
            f"--output={tmp_path / 'run'}",
            f"--report={tmp_path / report}",
        )
        assert_one_line(result, word, "another", program="evaluate.py")
        assert not (tmp_path / "run").exists()


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
    assert_one_line((process.returncode, out, err), "Ctrl-C", "--resume")
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
    assert_one_line(result, "decay='linear'. Received: 'cosine'")


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
        ("sisnet_mobil", ("sisnet_mobile, sisnet_small", "does not exist")),
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
