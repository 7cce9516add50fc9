"""deblur.py --shard: shares of one folder, for array jobs."""

import itertools

import pytest
from deblur_calls import assert_one_line, names, refuse, run, write

NAMES = [
    # Of one stem, of a kind that gets another suffix, in folders, not ASCII.
    *("a.png", "a.tif", "a.bmp", "b/a.png", "b/c/a.png", "ä.png", "東.png"),
    *(f"d/{n}.png" for n in range(12)),
]


@pytest.fixture
def photos(tmp_path, inverting_networks):
    for name in NAMES:
        write(tmp_path / "photos" / name)
    return tmp_path / "photos"


def share(capsys, photos, output, index, count, *flags):
    """The names of a share's outputs."""
    shard = f"--shard={index}/{count}"
    status, out, err = run(capsys, photos, f"--output={output}", shard, *flags)
    paths = out.splitlines()
    assert status == 0
    said = f"Shard {index}/{count}: {len(paths)} of {len(NAMES)} files.\n"
    assert err.startswith(f"{said}{len(paths)} deblurred.\n")
    return [path.removeprefix(f"{output}/") for path in paths]


@pytest.mark.parametrize("count", [1, 2, 5, 19, 23])
def test_shares_are_all_without_overlap(tmp_path, photos, capsys, count):
    """Later ones begin when the outputs of the earlier are there."""
    output = tmp_path / "sharp"
    shares = [share(capsys, photos, output, n, count) for n in range(count)]
    assert sorted(itertools.chain(*shares)) == sorted(NAMES) == names(output)
    assert {len(x) for x in shares} <= {len(NAMES) // count + n for n in (0, 1)}


def test_a_share_is_the_same_whatever_is_there(tmp_path, photos, capsys):
    alone = share(capsys, photos, tmp_path / "alone", 1, 3)
    within = photos / "sharp"
    for index in (2, 0):
        share(capsys, photos, within, index, 3, "--compare")
    assert share(capsys, photos, within, 1, 3, "--compare") == alone
    again = run(capsys, photos, f"--output={within}", "--shard=1/3")
    assert again[:2] == (0, "")
    assert f"0 deblurred, {len(alone)} passed over" in again[2]
    # What remains of failed shares, one command does.
    (within / alone[0]).unlink()
    done = run(capsys, photos, f"--output={within}")
    assert done[:2] == (0, f"{within / alone[0]}\n")


def test_a_share_of_files_in_another_order(
    tmp_path, photos, capsys, monkeypatch
):
    """The shells of two machines may sort names in different ways."""
    monkeypatch.chdir(photos)
    found = []
    for order in (NAMES[:3], NAMES[2::-1]):
        flags = ["--output=../sharp", "--shard=0/2", "--overwrite"]
        status, out, _ = run(capsys, *order, *flags)
        assert status == 0
        found.append(sorted(out.splitlines()))
    assert found[0] == found[1] and len(found[0]) == 2


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["photos", "--shard=8/8"], ["--shard", "0/8", "7/8", "'8/8'"]),
        (["photos", "--shard=-1/8"], ["--shard", "'-1/8'"]),
        (["photos", "--shard=3"], ["--shard", "I/N"]),
        (["photos", "--shard=0/0"], ["--shard"]),
        (["photos", "--shard=1/2/3"], ["--shard"]),
        (["photos", "--shard=/"], ["--shard"]),
        (["photos", "--shard=a/b"], ["--shard"]),
        (["photos", "--shard=²/3"], ["--shard"]),
        (["photos/a.png", "--shard=0/2"], ["photos/a.png alone", "--shard"]),
        (["photos/a.png", "photos/a.tif", "--shard=0/2"], ["--output"]),
        # Refused in every share alike: two files that would be one.
        (["photos", "more", "--output=s", "--shard=0/99"], ["s/a.png"]),
    ],
)
def test_mistakes_get_one_line(
    tmp_path, photos, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "more" / "a.png")
    assert_one_line(run(capsys, *arguments), *words)


def test_a_folder_that_one_machine_cannot_read(
    tmp_path, photos, capsys, monkeypatch
):
    """Its shares would not be those of the others."""
    refuse(monkeypatch, "b")
    result = run(capsys, photos, "--shard=0/2")
    assert_one_line(result, "photos/b: Permission denied", "--shard")
