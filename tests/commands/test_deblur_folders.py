"""deblur.py over many files: what is done, passed over, and said of it."""

import os

import numpy as np
from deblur_calls import assert_one_line, names, read, run, write

from sis_keras.restoring import jobs as deblur_jobs
from sis_keras.restoring import work as deblur_run


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
    assert out.splitlines() == [f"{output}/{name}" for name in sorted(pictures)]
    said = err.splitlines()
    assert said[:-2] == [
        "3 deblurred, 2 failed.",
        f"Outputs are in {output}.",
        f"Passed over 1, hidden: {folder}/.hidden.",
        "Passed over 1, of a kind that is not read, .txt: "
        f"{folder}/b/notes.txt.",
    ]
    failed = said[-2:]
    for line, name in zip(failed, ("0_text.jpg", "b/cut.png"), strict=True):
        assert line.count(f"{folder}/{name}") == 1 == line.count(name)
    assert names(output) == sorted(pictures)
    for name, picture in pictures.items():
        np.testing.assert_array_equal(read(output / name), 255 - picture)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*.*")}
    for name in ("0_text.jpg", "b/cut.png"):
        (folder / name).unlink()
    status, out, err = run(capsys, folder, f"--output={output}/")
    assert (status, out) == (0, "") and len(inverting_networks) == 1
    assert err.startswith("0 deblurred, 3 passed over")
    assert before == {p: p.stat().st_mtime_ns for p in output.rglob("*.*")}
    _, _, err = run(capsys, folder, f"--output={output}", "--overwrite")
    assert err.startswith("3 deblurred.\n") and len(inverting_networks) == 2


def test_a_folder_without_output(
    tmp_path, inverting_networks, capsys, monkeypatch
):
    write(tmp_path / "photos" / "a.png")
    assert run(capsys, f"{tmp_path}/photos/")[0] == 0
    assert names(tmp_path / "photos_deblurred") == ["a.png"]
    monkeypatch.chdir(tmp_path / "photos")
    assert "0 deblurred, 1 passed over" in run(capsys, ".")[2]


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
    status, out, err = run(capsys, *inputs, f"--output={tmp_path}/sharp")
    assert status == 0
    assert out == f"{tmp_path}/sharp/a.png\n{tmp_path}/sharp/c.png\n"
    assert err == f"2 deblurred.\nOutputs are in {tmp_path}/sharp.\n"
    assert names(tmp_path / "sharp") == ["a.png", "c.png"]


def test_an_input_that_is_missing_stops_no_other(
    tmp_path, inverting_networks, capsys
):
    write(tmp_path / "a.png")
    write(tmp_path / "b.png")
    missing = tmp_path / "missing.png"
    inputs = [tmp_path / "a.png", missing, tmp_path / "b.png"]
    status, out, err = run(capsys, *inputs, f"--output={tmp_path}/out")
    assert status == 1
    assert out == f"{tmp_path}/out/a.png\n{tmp_path}/out/b.png\n"
    assert err.splitlines()[0] == "2 deblurred, 1 failed."
    assert err.splitlines()[-1] == (
        "Expected a picture, a video or a folder. Received: "
        f"{missing}, which does not exist."
    )
    # Machines must not disagree on what is shared out; and nothing is none.
    for flags in (["--shard=0/2"], []):
        kept = inputs if flags else [missing, tmp_path / "missing_too.png"]
        result = run(capsys, *kept, f"--output={tmp_path}/out", *flags)
        assert_one_line(result, missing)


def test_what_an_earlier_run_wrote_is_no_input(
    tmp_path, inverting_networks, capsys
):
    write(tmp_path / "a.png")
    write(tmp_path / "b.png")
    run(capsys, *sorted(tmp_path.glob("*")), "--compare")
    written = names(tmp_path)
    assert len(written) == 6
    status, out, err = run(capsys, *sorted(tmp_path.glob("*")))
    assert (status, out) == (0, "") and "0 deblurred, 2 passed over" in err
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
        def call(*arguments, **options):
            counts[kind] += 1
            most.append(counts["read"] - counts["written"])
            return function(*arguments, **options)

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


# === Rights and times ===


def test_outputs_have_the_rights_and_times_of_their_sources(
    tmp_path, inverting_networks, capsys
):
    write(tmp_path / "a.png")
    os.chmod(tmp_path / "a.png", 0o640)
    os.utime(tmp_path / "a.png", ns=(10**18, 10**18 + 123456789))
    assert run(capsys, tmp_path / "a.png", "--compare")[0] == 0
    for name in ("a_deblurred.png", "a_compare.png"):
        status = (tmp_path / name).stat()
        assert status.st_mode & 0o777 == 0o640
        assert status.st_mtime_ns == 10**18 + 123456789
