"""Folders below a folder, against what was made."""

import os

import pytest

from sis_keras.errors import UserError
from sis_keras.files.walking import walked


@pytest.fixture
def tree(tmp_path):
    for name in ("b/two.txt", "a/sub/one.txt", "three.txt"):
        path = tmp_path / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / "tree"


def names(root):
    return [
        (os.path.relpath(parent, root), list(folders), files)
        for parent, folders, files in walked(root)
    ]


def test_in_the_order_of_names(tree):
    expected = [
        (".", ["a", "b"], ["three.txt"]),
        ("a", ["sub"], []),
        ("a/sub", [], ["one.txt"]),
        ("b", [], ["two.txt"]),
    ]
    assert names(tree) == names(f"{tree}/") == expected
    assert names(os.path.relpath(tree)) == expected


def test_what_is_taken_out_is_left_out(tree):
    seen = []
    for parent, folders, _ in walked(tree):
        seen.append(os.path.relpath(parent, tree))
        folders[:] = [name for name in folders if name != "a"]
    assert seen == [".", "b"]


def test_links_that_lead_back_are_not_gone_into(tree):
    (tree / "loop").symlink_to(".")
    (tree / "a/up").symlink_to(tree)
    (tree / "same").symlink_to("b")
    assert [(x, files) for x, _, files in names(tree)] == [
        (".", ["three.txt"]),
        ("a", []),
        ("a/sub", ["one.txt"]),
        ("b", ["two.txt"]),
        ("same", ["two.txt"]),
    ]


def test_a_folder_that_cannot_be_read_is_named(tree, monkeypatch):
    scan = os.scandir

    def refuse(path):
        if str(path).endswith("/b"):
            raise PermissionError(13, "Permission denied", path)
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(UserError, match="tree/b: Permission denied"):
        names(tree)
