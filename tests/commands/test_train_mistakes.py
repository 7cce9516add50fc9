"""A user's mistakes with train.py and evaluate.py: one line, status 2."""

import resource
import shutil

import numpy as np
import pytest
from places import ROOT
from train_calls import assert_one_line, command, run, train_flags

from sis_keras.files.pictures import write_rgb


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


def test_gopro_flags_without_the_data(tmp_path):
    result = run(
        "train.py",
        f"--flagfile={ROOT}/gopro.flags",
        f"--output={tmp_path}/run",
        f"--manual_dir={tmp_path}/downloads",
        f"--data_dir={tmp_path}/downloads/tfds",
    )
    assert_one_line(
        result,
        "--manual_dir",
        "downloads, which does not exist",
        "GOPRO_Large.zip",
        "https://seungjunnah.github.io/Datasets/gopro",
    )
    assert not result[1] and len(result[2].splitlines()) == 1
    assert not list(tmp_path.iterdir())


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


@pytest.mark.parametrize(
    "program, flags",
    [
        ("train.py", ["--batch_size=100000000"]),
        ("train.py", ["--batch_size=100000000", "--recompute"]),
    ],
)
def test_more_than_the_memory_holds_is_told_before_all_work(
    pairs, tmp_path, program, flags
):
    # Would it try, it would be ended here and not by the machine.
    limit = 24 * 2**30
    process = command(
        program,
        *train_flags(pairs, tmp_path / "run", *flags),
        preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (limit, limit)
        ),
    )
    out, err = process.communicate(timeout=400)
    assert_one_line(
        (process.returncode, out, err),
        "--batch_size=100000000 and --crop_size=32",
        "TiB, where",
        "--gradient_accumulation",
        "--recompute",
    )
    assert not (tmp_path / "run").exists()


def test_no_perceptual_weights(pairs, tmp_path):
    flags = train_flags(pairs, tmp_path, "--perceptual_weight=0.006")
    result = run("train.py", *flags)
    assert_one_line(result, "--vgg16_weights", "--perceptual_weight=0")


def test_a_damaged_picture_leaves_no_cache(pairs, tmp_path):
    for half in ("blur", "sharp"):
        (tmp_path / "data" / half).mkdir(parents=True)
        # A copy, one byte longer, for those themselves are validated on.
        data = (pairs / "a" / half / "0.png").read_bytes() + b"\0"
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
    flags = train_flags(
        pairs, trained, "--resume", "--steps=9", "--seed=1", "--hold_out=a"
    )
    words = ["hold_out=['b'], seed=0. Received: hold_out=['a'], seed=1"]
    assert_one_line(run("train.py", *flags), *words)


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
    flags[-1] = "--imagenet_weights=trunk.h5"
    words = ["--imagenet_weights", "--initial_weights", "trunk.h5 and"]
    assert_one_line(run("train.py", *flags), *words)


def test_missing_weights(pairs, tmp_path):
    flags = [f"--output={tmp_path}", f"--test_data={pairs}"]
    result = run("evaluate.py", *flags)
    assert_one_line(result, "best.safetensors", program="evaluate.py")


def test_halves_of_two_sizes_are_told_before_any_is_scored(pairs, tmp_path):
    shutil.copytree(pairs / "a", tmp_path / "data")
    write_rgb(tmp_path / "data/sharp/1.png", np.zeros((48, 60, 3), np.uint8))
    flags = [f"--test_data={tmp_path}/data", f"--output={tmp_path}/run"]
    result = run("evaluate.py", "--identity", *flags)
    assert_one_line(result, "1.png", "60x48", program="evaluate.py")
    assert "Evaluating" not in result[2]


def test_nothing_is_restored_at_two_scales(pairs):
    flags = ["--identity", "--strong_blur", f"--test_data={pairs}"]
    result = run("evaluate.py", *flags)
    assert_one_line(result, "--identity", "both", program="evaluate.py")


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
