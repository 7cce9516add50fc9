"""deblur.py: which file becomes which, and what is said of it."""

import os
import pathlib
import subprocess
import sys

import cv2
import numpy as np
import pytest
import tiny

from sis_keras import deblur_command, deblur_jobs, deblur_run, released, weights
from sis_keras.command_line import guarded
from sis_keras.errors import StoppedError, UserError
from sis_keras.photographs import Photograph

ROOT = pathlib.Path(__file__).parent.parent
RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def released_weights(monkeypatch, tmp_path):
    """Some file stands for every weights' name; its network is another."""
    monkeypatch.setattr(deblur_command, "weight_file", lambda name: name)


@pytest.fixture
def networks(monkeypatch):
    """Inverts pictures; lists the flags that each network was made with."""
    made = []

    def make(given):
        made.append(given)
        return lambda image, progress=None: np.iinfo(image.dtype).max - image

    monkeypatch.setattr(deblur_command, "make_deblurrer", make)
    return made


@pytest.fixture
def no_network(monkeypatch):
    def make(given):
        raise AssertionError("a network was made")

    monkeypatch.setattr(deblur_command, "make_deblurrer", make)


def write(path, height=6, width=8):
    """A picture file; its pixels, RGB."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = RANDOM.integers(256, size=(height, width, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), picture[..., ::-1])
    return picture


def read(path):
    return cv2.imread(str(path))[..., ::-1]


def run(capsys, *arguments):
    """Exit status, standard output, standard error."""
    status = 0
    try:
        guarded(lambda: deblur_command.main([str(x) for x in arguments]))
    except SystemExit as ended:
        status = ended.code
    return status, *capsys.readouterr()


def names(folder):
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file()
    )


def assert_one_line(result, *words):
    status, out, err = result
    assert status == 2 and not out
    assert err.count("\n") == 1, err
    for word in words:
        assert str(word) in err, err


# === One picture ===


def test_a_picture_goes_beside_its_source(tmp_path, networks, capsys):
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
    tmp_path, networks, capsys, monkeypatch, output, written
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    picture = write(tmp_path / "holiday.png")
    assert run(capsys, "holiday.png", "--output", output)[0] == 0
    np.testing.assert_array_equal(read(tmp_path / written), 255 - picture)
    assert len(names(tmp_path)) == 2


def test_nothing_is_overwritten_unless_asked(
    tmp_path, networks, capsys, monkeypatch
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
    assert not networks and not (tmp_path / "b.png").exists()
    assert run(capsys, "a.png", "--overwrite", "--compare")[0] == 0
    np.testing.assert_array_equal(
        read(tmp_path / "a_deblurred.png"), 255 - picture
    )
    assert read(tmp_path / "a_compare.png").shape == (6, 16, 3)


def test_before_and_after_side_by_side(tmp_path, networks, capsys):
    picture = write(tmp_path / "a.png")
    run(capsys, tmp_path / "a.png", "--compare")
    assert len(names(tmp_path)) == 3
    np.testing.assert_array_equal(
        read(tmp_path / "a_compare.png"),
        np.concatenate([picture, 255 - picture], 1),
    )


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


def test_quality_is_the_jpegs(tmp_path, networks, capsys):
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
    weights.save_weights(path, tiny.random_generator(1), {}, {})
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
    tmp_path, networks, capsys
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
    assert status == 1 and len(networks) == 1
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
    assert (status, err) == (0, "") and len(networks) == 1
    assert out.startswith("0 deblurred, 3 passed over")
    assert before == {p: p.stat().st_mtime_ns for p in output.rglob("*.*")}
    status, out, _ = run(capsys, folder, f"--output={output}", "--overwrite")
    assert out == "3 deblurred.\n" and len(networks) == 2


def test_a_folder_without_output(tmp_path, networks, capsys, monkeypatch):
    write(tmp_path / "photos" / "a.png")
    assert run(capsys, f"{tmp_path}/photos/")[0] == 0
    assert names(tmp_path / "photos_deblurred") == ["a.png"]
    monkeypatch.chdir(tmp_path / "photos")
    assert run(capsys, ".")[1].startswith("0 deblurred, 1 passed over")


def test_an_output_inside_the_folder_is_no_input(tmp_path, networks, capsys):
    write(tmp_path / "a.png")
    output = tmp_path / "sub" / "sharp"
    for _ in range(2):
        assert run(capsys, tmp_path, f"--output={output}")[0] == 0
    assert names(tmp_path) == ["a.png", "sub/sharp/a.png"]


def test_several_inputs(tmp_path, networks, capsys):
    write(tmp_path / "a.png")
    write(tmp_path / "b" / "c.png")
    inputs = [tmp_path / "a.png", tmp_path / "b", tmp_path / "a.png"]
    status, out, _ = run(capsys, *inputs, f"--output={tmp_path}/sharp")
    assert status == 0 and out == "2 deblurred.\n"
    assert names(tmp_path / "sharp") == ["a.png", "c.png"]


def test_what_an_earlier_run_wrote_is_no_input(tmp_path, networks, capsys):
    write(tmp_path / "a.png")
    write(tmp_path / "b.png")
    run(capsys, *sorted(tmp_path.glob("*")), "--compare")
    written = names(tmp_path)
    assert len(written) == 6
    status, out, _ = run(capsys, *sorted(tmp_path.glob("*")))
    assert status == 0 and out.startswith("0 deblurred, 2 passed over")
    assert names(tmp_path) == written


def test_a_full_disk_ends_the_run(small_disk, tmp_path, networks, capsys):
    for i in range(9):
        write(tmp_path / "photos" / f"{i}.png", 100, 100)
    result = run(capsys, tmp_path / "photos", f"--output={small_disk}")
    assert_one_line(result, "No space left on device")
    assert not [name for name in names(small_disk) if name.endswith(".part")]


def test_few_pictures_are_in_memory(tmp_path, networks, monkeypatch):
    """However slow the network is, reading waits for it."""
    jobs = []
    for i in range(8):
        write(tmp_path / f"{i}.png")
        source, target = tmp_path / f"{i}.png", tmp_path / f"{i}.bmp"
        jobs.append(deblur_jobs.Job(source, target, target, False))
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


# === Videos ===


@pytest.fixture
def videos(monkeypatch):
    """Stands in for sis_keras.video; lists what was asked of it."""
    asked = []

    def deblur_video(source, target, deblur, **options):
        if source.read_bytes() == b"bad":
            raise UserError(f"Expected a video. Received: {source}.")
        if source.read_bytes() == b"stop":
            raise StoppedError("Stopped after 7 frames.")
        asked.append((source.name, target, options["overwrite"]))
        assert deblur(np.zeros((2, 2, 3), np.uint8)).min() == 255

    monkeypatch.setattr(deblur_run, "deblur_video", deblur_video)
    return asked


def test_videos(tmp_path, networks, videos, capsys):
    folder = tmp_path / "clips"
    write(folder / "a.png")
    for name, data in (("b.mp4", b"x"), ("c.avi", b"x"), ("d.mov", b"bad")):
        (folder / name).write_bytes(data)
    status, out, err = run(capsys, folder)
    assert status == 1 and out == "3 deblurred, 1 failed.\n"
    assert "d.mov" in err
    output = tmp_path / "clips_deblurred"
    assert videos == [
        ("b.mp4", output / "b.mp4", False),
        ("c.avi", output / "c.avi.mkv", False),
    ]
    run(capsys, folder / "b.mp4", f"--output={tmp_path}/s.mkv", "--overwrite")
    assert videos[2:] == [("b.mp4", tmp_path / "s.mkv", True)]
    result = run(capsys, folder / "b.mp4", f"--output={tmp_path}/s.avi")
    assert_one_line(result, "s.avi", ".mkv")


def test_a_signal_ends_a_folder_of_videos(tmp_path, networks, videos, capsys):
    (tmp_path / "a.mp4").write_bytes(b"stop")
    (tmp_path / "b.mp4").write_bytes(b"x")
    result = run(capsys, tmp_path, f"--output={tmp_path}/sharp")
    assert_one_line(result, "Stopped after 7 frames")
    assert not videos


# === Mistakes ===


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], ["INPUT"]),
        (["nowhere.jpg"], ["nowhere.jpg", "does not exist"]),
        (["x" * 300 + ".jpg"], ["xxx.jpg", "too long"]),
        (["empty"], ["empty", "none", ".jpg"]),
        (["notes.txt"], ["notes.txt", ".png"]),
        (["a.png", "--output=a.png"], ["a.png", "no input"]),
        (["a.png", "--output=."], ["a.png", "no input"]),
        (["photos", "--output=photos"], ["photos/b.png", "no input"]),
        (["photos", "--output=a.png"], ["a.png", "Not a directory"]),
        (["a.png", "--output=a.png/b.png"], ["a.png", "Not a directory"]),
        (["a.png", "--output=b.txt"], ["b.txt", "picture"]),
        (["a.png", "--output=b.mp4"], ["b.mp4", "picture"]),
        (["a.png", "more/a.png", "--output=s/"], ["more/a.png", "s/a.png"]),
        (["text.jpg"], ["text.jpg"]),
        (["zero.png"], ["zero.png"]),
        (["a.png", "--strength=2"], ["--strength", "0 to 1", "2"]),
        (["a.png", "--strength=nan"], ["--strength"]),
        (["a.png", "--quality=0"], ["--quality", "1 to 100"]),
        (["a.png", "--max_memory=lots"], ["--max_memory", "4G", "lots"]),
        (["a.png", "--precision=int8"], ["--precision", "bfloat16"]),
        (["a.png", "--stren=1"], ["--stren"]),
    ],
)
def test_mistakes_get_one_line(
    tmp_path, monkeypatch, no_network, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    for name in ("a.png", "photos/b.png", "more/a.png"):
        write(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "zero.png").write_bytes(b"")
    before = names(tmp_path)
    assert_one_line(run(capsys, *arguments), *words)
    assert names(tmp_path) == before


def test_weights_that_are_not_there(tmp_path, monkeypatch, no_network, capsys):
    monkeypatch.setattr(deblur_command, "weight_file", released.weight_file)
    write(tmp_path / "a.png")
    result = run(capsys, tmp_path / "a.png", "--weights=nothing")
    assert_one_line(result, "nothing", "does not exist")


@pytest.mark.parametrize(
    "text, size",
    [
        ("4G", 4 * 2**30),
        ("4GiB", 4 * 2**30),
        ("500m", 500 * 2**20),
        ("1.5k", 1536),
        ("2000000", 2_000_000),
        ("1TB", 2**40),
    ],
)
def test_sizes(text, size):
    assert deblur_command.memory_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "G", "-1G", "0", "4X", "nan", "1e999", "B"]
)
def test_what_is_no_size(text):
    with pytest.raises(deblur_command.argparse.ArgumentTypeError):
        deblur_command.memory_size(text)


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
