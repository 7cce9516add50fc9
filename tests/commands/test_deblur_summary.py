"""What deblur.py says of many files: notes, failures, how to go on."""

import os
import struct
import subprocess
import sys

import pytest
from deblur_calls import names, refuse, run, write
from places import ROOT

from sis_keras.commands import deblur as deblur_command
from sis_keras.restoring import jobs as deblur_jobs
from sis_keras.restoring import work as deblur_run

# Prints the names in a folder as a program of this project does.
PRINTING = """
import os, sys
from sis_keras.commands.program import guarded

def main():
    for name in os.listdir(sys.argv[1]):
        print(name)
        print(name, file=sys.stderr)

guarded(main)
"""


def test_what_a_picture_loses_is_said_and_counted(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    """What reading says, and what writing says, each once."""
    for name in "abc":
        write(tmp_path / "in" / f"{name}.png")
    read_photograph = deblur_run.read_photograph
    write_photograph = deblur_run.write_photograph

    def reading(path, **options):
        picture = read_photograph(path, **options)
        notes = ("its end is missing",) if path.stem == "a" else ()
        return picture._replace(notes=notes)

    def writing(path, *rest, **options):
        write_photograph(path, *rest, **options)
        return ("its end is missing", "no tags")[: 2 * (path.stem != "c")]

    monkeypatch.setattr(deblur_run, "read_photograph", reading)
    monkeypatch.setattr(deblur_run, "write_photograph", writing)
    flags = [f"--output={tmp_path}/out"]
    status, out, err = run(capsys, tmp_path / "in", *flags)
    assert status == 0
    assert out.splitlines() == [f"{tmp_path}/out/{x}.png" for x in "abc"]
    assert err.splitlines()[4:] == [
        "3 deblurred (2 with notes, see above).",
        f"Outputs are in {tmp_path}/out.",
    ]
    assert err.splitlines()[:4] == [
        f"{tmp_path}/in/{name}.png: {words}"
        for name in "ab"
        for words in ("its end is missing", "no tags")
    ]
    run_alone = deblur_run.Run(lambda: lambda image, progress: image)
    jobs = deblur_jobs.find_jobs([str(tmp_path / "in")]).jobs
    run_alone(jobs)
    assert run_alone.done == jobs
    assert run_alone.notes[jobs[1]] == ["its end is missing", "no tags"]


def test_passed_over_files_are_named_by_kind(
    tmp_path, inverting_networks, capsys
):
    write(tmp_path / "in" / "IMG_1.PNG")
    for name in ("IMG_2.XYZ", *(f"{n}.txt" for n in range(5))):
        (tmp_path / "in" / name).write_text("other")
    (tmp_path / "in" / "loop").symlink_to(".")
    folder = tmp_path / "in"
    _, _, err = run(capsys, folder, f"--output={tmp_path}/out")
    assert set(err.splitlines()) == {
        "1 deblurred.",
        f"Outputs are in {tmp_path}/out.",
        f"Passed over 1, of a kind that is not read, .xyz: {folder}/IMG_2.XYZ.",
        "Passed over 5, of a kind that is not read, .txt: "
        f"{folder}/0.txt, {folder}/1.txt, {folder}/2.txt, 2 more.",
        f"Passed over 1, a link back to a folder that it is in: {folder}/loop.",
    }


def test_a_folder_that_cannot_be_read_fails_and_ends_nothing(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    write(tmp_path / "in" / "a.png")
    write(tmp_path / "in" / "locked" / "b.png")
    refuse(monkeypatch, "locked")
    flags = [f"--output={tmp_path}/out"]
    status, _, err = run(capsys, tmp_path / "in", *flags)
    assert status == 1 and "1 deblurred, 1 failed.\n" in err
    (line,) = [x for x in err.splitlines() if "in/locked" in x]
    assert line.count("in/locked") == 1 and "Permission denied" in line


def test_a_defect_of_the_program_ends_no_run_over_many(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    for name in "abcd":
        write(tmp_path / "in" / f"{name}.png")
    write_photograph = deblur_run.write_photograph
    read_photograph = deblur_run.read_photograph

    def reading(path, **options):
        if path.stem == "a":
            raise TypeError("an odd tag")
        return read_photograph(path, **options)

    def writing(path, *rest, **options):
        if path.stem == "c":
            raise struct.error("argument out of range")
        return write_photograph(path, *rest, **options)

    monkeypatch.setattr(deblur_run, "read_photograph", reading)
    monkeypatch.setattr(deblur_run, "write_photograph", writing)
    flags = [f"--output={tmp_path}/out"]
    status, _, err = run(capsys, tmp_path / "in", *flags)
    assert status == 1 and "2 deblurred, 2 failed.\n" in err
    assert names(tmp_path / "out") == ["b.png", "d.png"]
    assert "a.png: This program has a defect" in err
    assert "c.png: " in err
    with pytest.raises(struct.error):
        run(capsys, tmp_path / "in" / "c.png", *flags)


def test_a_package_that_is_missing_is_no_defect_of_each_file(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    for name in "ab":
        write(tmp_path / "in" / f"{name}.png")

    def make(given):
        raise ModuleNotFoundError("No module named 'x'", name="x")

    monkeypatch.setattr(deblur_command, "make_deblurrer", make)
    with pytest.raises(ModuleNotFoundError):
        run(capsys, tmp_path / "in", f"--output={tmp_path}/out")


def test_a_signal_says_what_is_done_and_how_to_go_on(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    for name in "abc":
        write(tmp_path / "in" / f"{name}.png")
    make, calls = deblur_command.make_deblurrer, []

    def stopping(given):
        deblur = make(given)

        def call(image, progress=None):
            calls.append(image)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return deblur(image)

        return call

    monkeypatch.setattr(deblur_command, "make_deblurrer", stopping)
    arguments = [tmp_path / "in", f"--output={tmp_path}/out"]
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (130, f"{tmp_path}/out/a.png\n")
    assert err.startswith("1 deblurred, 2 not begun or not finished.\n")
    assert "The same command goes on where it stopped." in err
    assert err.count("\n") == 3
    assert names(tmp_path / "out") == ["a.png"]
    assert "2 deblurred, 1 passed over" in run(capsys, *arguments)[2]
    calls[:] = [None]
    status, out, err = run(capsys, tmp_path / "in" / "a.png")
    assert (status, out, err.count("\n")) == (130, "", 1)
    assert "The same command begins it again." in err


def test_names_that_a_terminal_cannot_print(tmp_path):
    """Neither letters of other scripts nor bytes that are no text."""
    for name in ("東京.png", os.fsdecode(b"\xff\xfe.png")):
        (tmp_path / name).touch()
    for encoding in ("cp1252", "utf-8"):
        done = subprocess.run(
            [sys.executable, "-c", PRINTING, str(tmp_path)],
            env={**os.environ, "PYTHONIOENCODING": encoding},
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        assert b"\\udcff\\udcfe.png" in done.stdout + done.stderr
        assert "東京".encode(encoding, "backslashreplace") in done.stdout
