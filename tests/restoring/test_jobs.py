"""Which files are found, and what they become."""

import os

import pytest

from sis_keras.errors import UserError
from sis_keras.restoring import inputs
from sis_keras.restoring.jobs import RESULT, find_jobs


def touch(*paths):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def targets(plan, folder):
    return [str(job.target.relative_to(folder)) for job in plan.jobs]


# === Links ===


def test_links_to_files_and_folders_are_followed(tmp_path):
    touch(tmp_path / "real/a.jpg", tmp_path / "photos/b.jpg")
    (tmp_path / "photos/linked").symlink_to("../real")
    (tmp_path / "photos/c.jpg").symlink_to("b.jpg")
    (tmp_path / "photos/d.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "photos/e.jpg").symlink_to("e.jpg")
    plan = find_jobs([str(tmp_path / "photos")], str(tmp_path / "out"))
    # Those that lead nowhere fail, with their names, when they are read.
    assert targets(plan, tmp_path / "out") == [
        "b.jpg",
        "c.jpg",
        "d.jpg",
        "e.jpg",
        "linked/a.jpg",
    ]
    assert not plan.passed


def test_a_loop_of_links_ends(tmp_path):
    touch(tmp_path / "photos/a.jpg", tmp_path / "photos/sub/b.jpg")
    (tmp_path / "photos/itself").symlink_to(".")
    (tmp_path / "photos/sub/up").symlink_to(tmp_path / "photos")
    (tmp_path / "album").mkdir()
    (tmp_path / "album/all").symlink_to("../photos")
    (tmp_path / "photos/album").symlink_to("../album")
    plan = find_jobs([str(tmp_path / "photos")], str(tmp_path / "out"))
    assert targets(plan, tmp_path / "out") == ["a.jpg", "sub/b.jpg"]
    assert plan.passed == {
        tmp_path / "photos/album/all": inputs.LEADS_BACK,
        tmp_path / "photos/itself": inputs.LEADS_BACK,
        tmp_path / "photos/sub/up": inputs.LEADS_BACK,
    }


def test_outputs_behind_a_link_are_no_inputs(tmp_path):
    touch(tmp_path / "photos/a.jpg", tmp_path / "out/a.jpg")
    (tmp_path / "photos/done").symlink_to("../out")
    plan = find_jobs([str(tmp_path / "photos")], str(tmp_path / "out"))
    assert targets(plan, tmp_path / "out") == ["a.jpg"]


# === What is passed over ===


def test_other_kinds_are_passed_over_by_name(tmp_path):
    for name in ("a.jpg", "b.xyz", "c.XYZ", "README", ".DS_Store"):
        touch(tmp_path / "in" / name)
    folder = tmp_path / "in"
    whole = find_jobs([str(folder)])
    unknown = "of a kind that is not read, .xyz"
    assert whole.passed == {
        folder / "b.xyz": unknown,
        folder / "c.XYZ": unknown,
        folder / "README": "of a kind that is not read, without a suffix",
        folder / ".DS_Store": inputs.HIDDEN,
    }
    some = [str(folder / name) for name in ("b.xyz", "a.jpg")]
    several = find_jobs(some)
    assert several.passed == {folder / "b.xyz": unknown}
    assert targets(several, folder) == ["a_deblurred.jpg"]
    with pytest.raises(UserError, match=r"b\.xyz\. If it is one, rename it"):
        find_jobs(some[:1])


def test_where_nothing_is_to_be_done_the_message_says_what_is_there(tmp_path):
    touch(tmp_path / "in/a.xyz", tmp_path / "in/b.xyz", tmp_path / "in/.c")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"has none .*; 2 of a kind .* \.xyz"):
        find_jobs([str(tmp_path / "in")])
    touch(tmp_path / "d.jpg")
    plan = find_jobs([str(tmp_path / "empty"), str(tmp_path / "d.jpg")])
    assert len(plan.jobs) == 1 and tmp_path / "empty" in plan.passed


def test_a_folder_that_cannot_be_read_ends_nothing(tmp_path, monkeypatch):
    touch(tmp_path / "in/a.jpg", tmp_path / "in/locked/b.jpg")
    listdir = os.listdir

    def refusing(folder):
        if folder.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listdir(folder)

    monkeypatch.setattr(inputs.os, "listdir", refusing)
    plan = find_jobs([str(tmp_path / "in")])
    assert len(plan.jobs) == 1
    (reason,) = plan.unreadable.values()
    assert "in/locked: Permission denied" in reason
    with pytest.raises(UserError, match="locked: Permission denied"):
        find_jobs([str(tmp_path / "in/locked")])


def test_earlier_results_are_named(tmp_path):
    touch(tmp_path / "a.jpg", tmp_path / "a_deblurred.jpg")
    plan = find_jobs([str(path) for path in sorted(tmp_path.iterdir())])
    assert plan.passed == {tmp_path / "a_deblurred.jpg": RESULT}


# === Names ===


@pytest.mark.parametrize("letter", ["n", "ß", "京"])
def test_names_are_cut_to_what_file_systems_take(tmp_path, letter):
    """Each stays apart from others that begin alike."""
    sources = []
    for end in ("1.jpg", "2.jpg", "3.avi"):
        count = (255 - len(end)) // len(letter.encode())
        sources.append(tmp_path / (letter * count + end))
    touch(*sources)
    plan = find_jobs([str(path) for path in sources], compare=True)
    outputs = [path for job in plan.jobs for path in job.outputs]
    assert len(set(outputs)) == 6
    for path in outputs:
        assert len(os.fsencode(path.name)) <= 255
        touch(path)
    ends = [path.name.partition("~")[2][8:] for path in outputs]
    assert ends[:4] == ["_compare.jpg", "_deblurred.jpg"] * 2
    again = find_jobs([str(path) for path in sources], compare=True)
    assert all(job.is_done for job in again.jobs)


def test_the_longest_name_stays_in_a_folder(tmp_path):
    name = "n" * 251 + ".jpg"
    touch(tmp_path / "in" / name)
    plan = find_jobs([str(tmp_path / "in")], str(tmp_path / "out"))
    assert targets(plan, tmp_path / "out") == [name]
