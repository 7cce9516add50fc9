"""deblur.py: which file becomes which, and what is said of it."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
from deblur_calls import RANDOM, assert_one_line, names, read, run, write
from PIL import Image
from places import ROOT

from sis_keras.commands import deblur as deblur_command
from sis_keras.commands import deblur_flags
from sis_keras.files.photographs import Photograph
from sis_keras.restoring import work as deblur_run
from sis_keras.weights.generators import save_weights

# === One picture ===


def test_a_picture_goes_beside_its_source(tmp_path, inverting_networks, capsys):
    picture = write(tmp_path / "holiday.png")
    status, out, err = run(capsys, tmp_path / "holiday.png")
    assert (status, err) == (0, "")
    assert out == f"{tmp_path / 'holiday_deblurred.png'}\n"
    assert names(tmp_path) == ["holiday.png", "holiday_deblurred.png"]
    np.testing.assert_array_equal(
        read(tmp_path / "holiday_deblurred.png"), 255 - picture
    )
    np.testing.assert_array_equal(read(tmp_path / "holiday.png"), picture)


@pytest.mark.parametrize(
    "output, written",
    [
        ("other.bmp", "other.bmp"),
        ("new/deep/other.png", "new/deep/other.png"),
        ("new/", "new/holiday.png"),
        ("there", "there/holiday.png"),
    ],
)
def test_output_is_a_file_or_a_folder(
    tmp_path, inverting_networks, capsys, monkeypatch, output, written
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    picture = write(tmp_path / "holiday.png")
    assert run(capsys, "holiday.png", "--output", output)[0] == 0
    np.testing.assert_array_equal(read(tmp_path / written), 255 - picture)
    assert len(names(tmp_path)) == 2


def test_nothing_is_overwritten_unless_asked(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    picture = write(tmp_path / "a.png")
    other = write(tmp_path / "a_deblurred.png")
    result = run(capsys, "a.png")
    assert_one_line(result, "a_deblurred.png", "--overwrite")
    np.testing.assert_array_equal(read(tmp_path / "a_deblurred.png"), other)
    (tmp_path / "a_deblurred.png").unlink()
    assert run(capsys, "a.png", "--compare")[0] == 0
    sheet = tmp_path / "a_compare.png"
    before = sheet.read_bytes()
    (tmp_path / "a_deblurred.png").unlink()
    result = run(capsys, "a.png", "--compare")
    assert_one_line(result, "a_compare.png", "--overwrite")
    assert len(inverting_networks) == 1
    assert names(tmp_path) == ["a.png", "a_compare.png"]
    assert sheet.read_bytes() == before
    flags = ["--overwrite", "--compare"]
    assert run(capsys, "a.png", "--output=a_deblurred.png", *flags)[0] == 0
    np.testing.assert_array_equal(
        read(tmp_path / "a_deblurred.png"), 255 - picture
    )
    assert read(sheet).shape == (6, 16, 3)


@pytest.mark.parametrize("shape", [(6, 8), (6, 16), (6, 17)])
def test_the_users_own_picture_is_no_comparison(
    tmp_path, inverting_networks, capsys, shape
):
    """Not even one that is twice as wide is replaced."""
    write(tmp_path / "a.png")
    write(tmp_path / "a_compare.png", *shape)
    before = (tmp_path / "a_compare.png").read_bytes()
    for flags in ([], ["--overwrite"]):
        result = run(capsys, tmp_path / "a.png", "--compare", *flags)
        assert_one_line(
            result, "a_compare.png, which is of something else", "--compare"
        )
        assert (tmp_path / "a_compare.png").read_bytes() == before
    assert not inverting_networks


@pytest.mark.parametrize("suffix", ["jpg", "tif", "webp"])
def test_comparisons_of_an_earlier_run_are_replaced(
    tmp_path, inverting_networks, capsys, suffix
):
    pixels = np.full((16, 16, 4), 200, np.uint8)
    pixels[:8, :, :3], pixels[:, :4, 3] = (250, 10, 10), 0
    Image.fromarray(pixels).save(tmp_path / "a.png")
    arguments = [tmp_path / "a.png", f"--output={tmp_path}/b.{suffix}"]
    for flags in (["--quality=50"], ["--overwrite"]):
        assert run(capsys, *arguments, "--compare", *flags)[0] == 0


def test_before_and_after_side_by_side(tmp_path, inverting_networks, capsys):
    picture = write(tmp_path / "a.png")
    run(capsys, tmp_path / "a.png", "--compare")
    assert len(names(tmp_path)) == 3
    np.testing.assert_array_equal(
        read(tmp_path / "a_compare.png"),
        np.concatenate([picture, 255 - picture], 1),
    )


def test_a_comparison_has_the_name_of_its_output(
    tmp_path, inverting_networks, capsys
):
    """Two outputs of one picture have two; both are said."""
    write(tmp_path / "a.png")
    for name in ("weak", "strong"):
        output = tmp_path / f"{name}.png"
        flags = [f"--output={output}", "--compare"]
        status, out, err = run(capsys, tmp_path / "a.png", *flags)
        assert (status, out) == (0, f"{output}\n")
        assert err == f"Before and after: {tmp_path}/{name}_compare.png.\n"
    expected = ["a", "strong", "strong_compare", "weak", "weak_compare"]
    assert names(tmp_path) == [f"{name}.png" for name in expected]
    write(tmp_path / "in" / "a.png")
    flags = [f"--output={tmp_path}/out", "--compare"]
    _, _, err = run(capsys, tmp_path / "in", *flags)
    assert f"in {tmp_path}/out, NAME_compare beside each.\n" in err


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_picture_is_done_when_all_its_outputs_are_there(
    tmp_path, inverting_networks, capsys, monkeypatch, error
):
    """What ends the work at the comparison leaves no target without it."""
    picture = write(tmp_path / "photos" / "a.png")
    arguments = [tmp_path / "photos", f"--output={tmp_path}/sharp", "--compare"]
    write_photograph = deblur_run.write_photograph

    def failing(path, *rest, **options):
        if path.stem == "a_compare":
            raise error
        return write_photograph(path, *rest, **options)

    monkeypatch.setattr(deblur_run, "write_photograph", failing)
    assert run(capsys, *arguments)[0]
    assert names(tmp_path / "sharp") == []
    monkeypatch.setattr(deblur_run, "write_photograph", write_photograph)
    assert run(capsys, *arguments)[0] == 0
    assert names(tmp_path / "sharp") == ["a.png", "a_compare.png"]
    assert "0 deblurred, 1 passed over" in run(capsys, *arguments)[2]
    (tmp_path / "sharp" / "a_compare.png").unlink()
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (1, "") and err.startswith("0 deblurred, 1 failed.")
    assert "sharp/a.png, which exists. --overwrite" in err
    assert run(capsys, *arguments, "--overwrite")[0] == 0
    np.testing.assert_array_equal(
        read(tmp_path / "sharp" / "a_compare.png"),
        np.concatenate([picture, 255 - picture], 1),
    )


def test_a_comparison_appears_before_its_target(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    write(tmp_path / "a.png")
    appeared, replace = [], os.replace

    def noting(source, target):
        replace(source, target)
        appeared.append(target.name)

    monkeypatch.setattr(os, "replace", noting)
    assert run(capsys, tmp_path / "a.png", "--compare")[0] == 0
    assert appeared == ["a_compare.png", "a_deblurred.png"]


def test_what_no_format_holds_is_refused_before_the_work(
    tmp_path, inverting_networks, capsys
):
    """WebP ends at 16383 pixels a side; the comparison is twice as wide."""
    write(tmp_path / "a.png", 2, 9000)
    arguments = [tmp_path / "a.png", f"--output={tmp_path}/b.webp"]
    result = run(capsys, *arguments, "--compare")
    assert_one_line(result, "b_compare.webp, 18000x2", "16383")
    assert not inverting_networks and names(tmp_path) == ["a.png"]
    assert run(capsys, *arguments)[0] == 0


def test_a_picture_that_is_named_like_a_comparison(
    tmp_path, inverting_networks, capsys
):
    """Where no run wrote it, it is the user's own."""
    write(tmp_path / "a.png")
    write(tmp_path / "a_compare.png")
    inputs = sorted(tmp_path.iterdir())
    status, _, err = run(capsys, *inputs)
    assert status == 0 and err.startswith("2 deblurred.\n")
    assert (tmp_path / "a_compare_deblurred.png").exists()


def test_side_by_side_keeps_what_the_file_says():
    pixels = RANDOM.integers(2**16, size=(2, 3, 3)).astype(np.uint16)
    alpha = RANDOM.integers(2**16, size=(2, 3)).astype(np.uint16)
    before = Photograph(pixels, alpha, False, b"exif", b"icc", "PNG")
    both = deblur_run.side_by_side(before, pixels + 1)
    assert both.pixels.dtype == np.uint16
    np.testing.assert_array_equal(both.pixels[:, :3], pixels)
    np.testing.assert_array_equal(both.pixels[:, 3:], pixels + 1)
    np.testing.assert_array_equal(both.alpha[:, :3], alpha)
    np.testing.assert_array_equal(both.alpha[:, 3:], alpha)
    assert both[2:] == before[2:]


def test_quality_is_the_jpegs(tmp_path, inverting_networks, capsys):
    write(tmp_path / "a.png", 64, 64)
    sizes = []
    for quality in (20, 95):
        output = tmp_path / f"{quality}.jpg"
        flags = [f"--quality={quality}", f"--output={output}"]
        assert run(capsys, tmp_path / "a.png", *flags)[0] == 0
        sizes.append(output.stat().st_size)
    assert 2 * sizes[0] < sizes[1]


def test_flags_reach_the_network(released_folder, monkeypatch, tmp_path):
    path = tmp_path / "tiny.safetensors"
    save_weights(path, tiny.random_generator(1), {}, {})
    given = deblur_flags.make_parser().parse_args(
        [
            "a.png",
            f"--weights={path}",
            "--max_memory=3G",
            "--strength=0.25",
            "--self_ensemble",
            "--strong_blur",
            "--precision=float32",
        ]
    )
    deblur = deblur_command.make_deblurrer(given)
    assert deblur.max_memory == 3 * 2**30
    assert deblur.strength == 0.25 and deblur.self_ensemble
    assert deblur.strong_blur
    assert deblur.precision == "float32"
    assert deblur(np.zeros((5, 7, 3), np.uint8)).shape == (5, 7, 3)


# === The program itself ===


def test_the_program_starts_without_tensorflow(tmp_path):
    """--help and mistakes answer at once: nothing heavy is imported."""
    (tmp_path / "tensorflow.py").write_text("raise SystemExit('imported')")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    program = [sys.executable, str(ROOT / "deblur.py")]

    def call(*arguments):
        return subprocess.run(
            [*program, *arguments],
            env=environment,
            capture_output=True,
            text=True,
        )

    helped = call("--help")
    assert helped.returncode == 0 and helped.stderr == ""
    for words in ("examples:", "exit status:", "8 times", "deblur.py photos/"):
        assert words in helped.stdout
    (tmp_path / "a.jpg").write_text("no picture")
    result = call(str(tmp_path / "nowhere.jpg"))
    assert result.returncode == 2 and result.stdout == ""
    assert result.stderr.startswith("deblur.py: Expected a picture")
    assert result.stderr.count("\n") == 1
