"""deblur.py: a user's mistake gets one line, before a network is made."""

import pytest
from deblur_calls import assert_one_line, names, run, write

from sis_keras.commands import deblur as deblur_command
from sis_keras.commands import deblur_flags
from sis_keras.weights import released


@pytest.fixture
def no_network(monkeypatch):
    """Some file stands for every weights' name; none of them gets loaded."""

    def make(given):
        raise AssertionError("a network was made")

    monkeypatch.setattr(deblur_command, "usable_weights", lambda name: name)
    monkeypatch.setattr(deblur_command, "make_deblurrer", make)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], ["INPUT"]),
        (["/"], ["/", "--output"]),
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
        # A comparison that is the output itself, another's, or an input.
        (
            ["a.png", "own/a_compare.png", "--output=s/", "--compare"],
            ["s/a_compare.png", "own/a_compare.png deblurred", "--compare."],
        ),
        (
            ["own/a_compare.png", "a.png", "--output=s", "--compare"],
            ["s/a_compare.png", "a.png before and after", "--compare."],
        ),
        (
            ["own/a.png", "own/a_compare.png", "--compare", "--overwrite"],
            ["own/a_compare.png", "no input", "--compare."],
        ),
        (["a.png", f"--output={'x' * 300}.png"], ["xxx.png", "too long"]),
        (["text.jpg"], ["text.jpg"]),
        (["zero.png"], ["zero.png"]),
        (["a.png", "--strength=2"], ["--strength", "0 to 1", "2"]),
        (["a.png", "--strength=nan"], ["--strength"]),
        (["a.png", "--quality=0"], ["--quality", "1 to 100"]),
        (["a.png", "--max_memory=lots"], ["--max_memory", "4G", "lots"]),
        (["a.png", "--precision=int8"], ["--precision", "bfloat16"]),
        (["a.png", "--stren=1"], ["--stren"]),
        (["gs://mine/photos", "--ray=auto"], ["gs://", "gcsfuse mine FOLDER"]),
        (["photos", "--output=s3://mine/x"], ["s3://mine/x", "gcsfuse"]),
    ],
)
def test_mistakes_get_one_line(
    tmp_path, monkeypatch, no_network, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    own = ("own/a.png", "own/a_compare.png")
    for name in ("a.png", "photos/b.png", "more/a.png", *own):
        write(tmp_path / name)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "zero.png").write_bytes(b"")
    before = names(tmp_path)
    assert_one_line(run(capsys, *arguments), *words)
    assert names(tmp_path) == before


def test_weights_that_are_not_there(tmp_path, monkeypatch, no_network, capsys):
    monkeypatch.setattr(
        deblur_command, "usable_weights", released.usable_weights
    )
    write(tmp_path / "a.png")
    result = run(capsys, tmp_path / "a.png", "--weights=nothing")
    assert_one_line(result, "nothing", "does not exist")


# === --max_memory ===


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
    assert deblur_flags.memory_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "G", "-1G", "0", "4X", "nan", "1e999", "B"]
)
def test_what_is_no_size(text):
    with pytest.raises(deblur_command.argparse.ArgumentTypeError):
        deblur_flags.memory_size(text)
