"""deblur.py: which file becomes which, and what is said of it."""

import os
import subprocess
import sys

import numpy as np
import pytest
import tiny
from deblur_calls import RANDOM, assert_one_line, names, read, run, write
from places import ROOT

from sis_keras.commands import deblur as deblur_command
from sis_keras.files.photographs import Photograph
from sis_keras.restoring import jobs as deblur_jobs
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
    write(tmp_path / "a_compare.png")
    result = run(capsys, "a.png", "--output=b.png", "--compare")
    assert_one_line(result, "a_compare.png", "--overwrite")
    assert not inverting_networks and not (tmp_path / "b.png").exists()
    assert run(capsys, "a.png", "--overwrite", "--compare")[0] == 0
    np.testing.assert_array_equal(
        read(tmp_path / "a_deblurred.png"), 255 - picture
    )
    assert read(tmp_path / "a_compare.png").shape == (6, 16, 3)


def test_before_and_after_side_by_side(tmp_path, inverting_networks, capsys):
    picture = write(tmp_path / "a.png")
    run(capsys, tmp_path / "a.png", "--compare")
    assert len(names(tmp_path)) == 3
    np.testing.assert_array_equal(
        read(tmp_path / "a_compare.png"),
        np.concatenate([picture, 255 - picture], 1),
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_a_picture_is_done_when_all_its_outputs_are_there(
    tmp_path, inverting_networks, capsys, monkeypatch, error
):
    """What ends the work at the comparison leaves no target without it."""
    picture = write(tmp_path / "photos" / "a.png")
    arguments = [tmp_path / "photos", f"--output={tmp_path}/sharp", "--compare"]
    write_photograph = deblur_run.write_photograph

    def failing(path, *rest):
        if path.stem == "a_compare":
            raise error
        write_photograph(path, *rest)

    monkeypatch.setattr(deblur_run, "write_photograph", failing)
    assert run(capsys, *arguments)[0]
    assert names(tmp_path / "sharp") == []
    monkeypatch.setattr(deblur_run, "write_photograph", write_photograph)
    assert run(capsys, *arguments)[0] == 0
    assert names(tmp_path / "sharp") == ["a.png", "a_compare.png"]
    assert run(capsys, *arguments)[1].startswith("0 deblurred, 1 passed over")
    (tmp_path / "sharp" / "a_compare.png").unlink()
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (1, "0 deblurred, 1 failed.\n")
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
    assert_one_line(result, "a_compare.webp, 18000x2", "16383")
    assert not inverting_networks and names(tmp_path) == ["a.png"]
    assert run(capsys, *arguments)[0] == 0


def test_a_picture_that_is_named_like_a_comparison(
    tmp_path, inverting_networks, capsys
):
    """Where no run wrote it, it is the user's own."""
    write(tmp_path / "a.png")
    write(tmp_path / "a_compare.png")
    inputs = sorted(tmp_path.iterdir())
    assert run(capsys, *inputs)[:2] == (0, "2 deblurred.\n")
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
    given = deblur_command.make_parser().parse_args(
        [
            "a.png",
            f"--weights={path}",
            "--max_memory=3G",
            "--strength=0.25",
            "--self_ensemble",
            "--precision=float32",
        ]
    )
    deblur = deblur_command.make_deblurrer(given)
    assert deblur.max_memory == 3 * 2**30
    assert deblur.strength == 0.25 and deblur.self_ensemble
    assert deblur.precision == "float32"
    assert deblur(np.zeros((5, 7, 3), np.uint8)).shape == (5, 7, 3)


# === Folders ===


def test_a_folder_goes_on_past_bad_files_and_later_skips(
    tmp_path, inverting_networks, capsys
):
    folder, output = tmp_path / "photos", tmp_path / "sharp"
    pictures = {
        name: write(folder / name)
        for name in ("a.png", "b/c d.png", "b/ä/e.PNG")
    }
    write(folder / ".hidden" / "x.png")
    (folder / "b" / "notes.txt").write_text("no picture")
    (folder / "0_text.jpg").write_text("no picture")
    whole = (folder / "a.png").read_bytes()
    (folder / "b" / "cut.png").write_bytes(whole[: len(whole) // 2])
    status, out, err = run(capsys, folder, f"--output={output}")
    assert status == 1 and len(inverting_networks) == 1
    assert out == "3 deblurred, 2 failed.\n"
    failed = err.splitlines()
    assert len(failed) == 2
    assert failed[0].startswith(f"{folder}/0_text.jpg: ")
    assert failed[1].startswith(f"{folder}/b/cut.png: ")
    assert names(output) == sorted(pictures)
    for name, picture in pictures.items():
        np.testing.assert_array_equal(read(output / name), 255 - picture)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.*")}
    for name in ("0_text.jpg", "b/cut.png"):
        (folder / name).unlink()
    status, out, err = run(capsys, folder, f"--output={output}/")
    assert (status, err) == (0, "") and len(inverting_networks) == 1
    assert out.startswith("0 deblurred, 3 passed over")
    assert before == {p: p.stat().st_mtime_ns for p in output.rglob("*.*")}
    status, out, _ = run(capsys, folder, f"--output={output}", "--overwrite")
    assert out == "3 deblurred.\n" and len(inverting_networks) == 2


def test_a_folder_without_output(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    write(tmp_path / "photos" / "a.png")
    assert run(capsys, f"{tmp_path}/photos/")[0] == 0
    assert names(tmp_path / "photos_deblurred") == ["a.png"]
    monkeypatch.chdir(tmp_path / "photos")
    assert run(capsys, ".")[1].startswith("0 deblurred, 1 passed over")


def test_an_output_inside_the_folder_is_no_input(
    tmp_path, inverting_networks, capsys
):
    write(tmp_path / "a.png")
    output = tmp_path / "sub" / "sharp"
    for _ in range(2):
        assert run(capsys, tmp_path, f"--output={output}")[0] == 0
    assert names(tmp_path) == ["a.png", "sub/sharp/a.png"]


def test_several_inputs(tmp_path, inverting_networks, capsys):
    write(tmp_path / "a.png")
    write(tmp_path / "b" / "c.png")
    inputs = [tmp_path / "a.png", tmp_path / "b", tmp_path / "a.png"]
    status, out, _ = run(capsys, *inputs, f"--output={tmp_path}/sharp")
    assert status == 0 and out == "2 deblurred.\n"
    assert names(tmp_path / "sharp") == ["a.png", "c.png"]


def test_what_an_earlier_run_wrote_is_no_input(
    tmp_path, inverting_networks, capsys
):
    write(tmp_path / "a.png")
    write(tmp_path / "b.png")
    run(capsys, *sorted(tmp_path.glob("*")), "--compare")
    written = names(tmp_path)
    assert len(written) == 6
    status, out, _ = run(capsys, *sorted(tmp_path.glob("*")))
    assert status == 0 and out.startswith("0 deblurred, 2 passed over")
    assert names(tmp_path) == written


def test_a_full_disk_ends_the_run(
    small_disk, tmp_path, inverting_networks, capsys
):
    for i in range(9):
        write(tmp_path / "photos" / f"{i}.png", 100, 100)
    result = run(capsys, tmp_path / "photos", f"--output={small_disk}")
    assert_one_line(result, "No space left on device")
    assert not [name for name in names(small_disk) if name.endswith(".part")]


def test_few_pictures_are_in_memory(tmp_path, inverting_networks, monkeypatch):
    """However slow the network is, reading waits for it."""
    jobs = []
    for i in range(8):
        write(tmp_path / f"{i}.png")
        source, target = tmp_path / f"{i}.png", tmp_path / f"{i}.bmp"
        jobs.append(deblur_jobs.Job(source, target, None, False))
    counts = {"read": 0, "written": 0}
    most = []

    def counting(kind, function):
        def call(*arguments):
            counts[kind] += 1
            most.append(counts["read"] - counts["written"])
            return function(*arguments)

        return call

    for kind, name in (
        ("read", "read_photograph"),
        ("written", "write_photograph"),
    ):
        function = getattr(deblur_run, name)
        monkeypatch.setattr(deblur_run, name, counting(kind, function))
    deblur_run.Run(lambda: lambda image, progress: image)(jobs)
    assert counts == {"read": 8, "written": 8}
    assert max(most) <= 4


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
